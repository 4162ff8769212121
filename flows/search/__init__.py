"""`python -m flows.search`: finds events and alerts in what file sinks wrote."""
