"""HTTP as the sinks need it: one client, TLS of the target, masks for what goes into messages."""
