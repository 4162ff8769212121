"""Events for people at a terminal: what it can show, what it must never be given, and rows that fit it."""
