"""What lies in a state directory, and saying that it may be used where it is now.

    python -m flows.state show DIR
    python -m flows.state accept DIR

| exit | meaning |
|---|---|
| 0 | done |
| 2 | there is no such state directory, or a run lives on it |
"""
