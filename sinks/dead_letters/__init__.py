"""What a target refused for good: one JSON line an event, appended, read back, claimed for a replay."""
