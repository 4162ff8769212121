"""The delivery core of sinks that send: batches, attempts and verdicts, without a socket; threads around it."""
