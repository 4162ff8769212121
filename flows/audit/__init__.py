"""The completeness audit: what Okta holds of a bounded span of time against what an archive holds, and the repair of what is missing.

    python -m flows.audit [--since 25h] [--until 1h] [--tenant T …] [--sink S …] [--repair [--repair-deleted]] [--budget 0.05] [--state DIR]
                          [--json]
    python -m bytewax.run flows.audit [-r STATE -s 10 -b 0]
    python -m bytewax.run "flows.audit:get_flow('okta.toml', since='25h', until='1h', repair=True)" …

| exit | meaning |
|---|---|
| 0 | every archive is complete, or was repaired; days whose index was closed, or deleted as the oldest, are told and no loss |
| 1 | something is missing, could not be compared or asked for, or the audit was stopped before its end: the report says what |
| 2 | the configuration, an option or the state directory is wrong; no request was made |
| 4 | every archive is complete, but holds events more than once: the report says what mends that |
| 3 | a repair's sink can't go on, such as a full disk; the same command goes on where it was |
"""

from typing import Any

from flows.audit.run import get_flow

__all__ = ["get_flow"]


def __getattr__(name: str) -> Any:
    """`flow`, which `bytewax.run flows.audit` looks for, is made when it is asked for: importing this module reads no file."""
    if name == "flow":
        return get_flow()
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
