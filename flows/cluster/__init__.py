"""`python -m flows.cluster -n N`: N processes of the main flow on this machine, started, watched and stopped together."""
