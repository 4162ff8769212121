"""`python -m flows.tail`: follows what file sinks write."""
