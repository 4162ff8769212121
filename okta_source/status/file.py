"""The status file of a run, in its state directory: what a metrics endpoint would say, written every ten seconds while the run lives."""

import time
from pathlib import Path
from typing import Final

from okta_source.status.endpoint import Look
from okta_source.status.samples import parse

__all__ = ["STATUS_FILE", "look_into"]

STATUS_FILE: Final = "status.prom"
_STALE_SECONDS: Final = 60.0


def look_into(directory: Path) -> Look:
    """Read the status file of a state directory; never raises for one that can't be read.

    Args:
        directory: The state directory.
    """
    path = directory / STATUS_FILE
    try:
        age_seconds = time.time() - path.stat().st_mtime
        samples = parse(path.read_text())
    except FileNotFoundError:
        return Look(str(path), problem="no run that writes it is on: `bytewax-okta run` does, in its state directory")
    except (OSError, ValueError) as error:
        return Look(str(path), problem=f"can't be read ({error})")
    if age_seconds > _STALE_SECONDS:
        return Look(str(path), problem=f"the run that wrote it ended {age_seconds:.0f} s ago, or hangs")
    return Look(str(path), samples)
