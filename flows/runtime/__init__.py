"""What a process needs to run a flow: signals and exit codes, recovery's fence, tuning, the metrics endpoint."""
