"""Sends dead letters again: `python -m flows.replay`."""
