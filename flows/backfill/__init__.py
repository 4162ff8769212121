"""A span of history into the same sinks, once, beside the live flow.

    python -m flows.backfill --since 90d [--until 1h] [--tenant T …] [--config F] [--state DIR] [--report FILE]
    OKTA_BACKFILL_SINCE=90d python -m bytewax.run flows.backfill [-r STATE -s 10 -b 0]
    python -m bytewax.run "flows.backfill:get_flow('okta.toml', since='7d', until='1d', tenants=['acme'])"

| exit | meaning |
|---|---|
| 0 | complete, or stopped by SIGINT or SIGTERM: the same command continues |
| 1 | some slices could not be fetched, they are named, and the same command tries them again; or events became dead letters |
| 2 | the configuration, an argument or the state directory is wrong; no request was made |
| 3 | a sink can't go on; no last snapshot, so the next run sends again what is missing |
"""

from typing import Any

from flows.backfill.running import build_flow, get_flow

__all__ = ["build_flow", "get_flow"]


def __getattr__(name: str) -> Any:
    """`flow`, which `bytewax.run flows.backfill` looks for, is made when it is asked for: importing this package reads no file."""
    if name == "flow":
        return get_flow()
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
