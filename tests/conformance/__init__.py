"""One battery of tests for each contract."""
