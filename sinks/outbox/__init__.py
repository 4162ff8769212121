"""What a sink that sends has still to send: files that only grow, so that nobody waits for a target."""
