"""The command blocks of the README and of docs/, run as they stand there: see docs/contributing.md for what their first lines mean."""
