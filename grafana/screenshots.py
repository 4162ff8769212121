"""Renders the dashboards to pictures where a Grafana is at hand: `make screenshots`.

Grafana draws them itself, with its image renderer (the plugin `grafana-image-renderer`, or its service): `/render/d/UID`. What the pictures
show is what that Grafana's data sources hold, so they are never committed.
"""

import argparse
import os
import sys
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from grafana.generator.boards import BOARDS

__all__ = ["main"]

_PNG = b"\x89PNG\r\n"
_WIDTH_PIXELS, _HEIGHT_PIXELS = 1600, 2400
_TIMEOUT_SECONDS = 120


def main(arguments: list[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Write a picture of each dashboard.

    Returns:
        0; 2 where no Grafana is named, where it can't be asked, or where it has no renderer.
    """
    parser = argparse.ArgumentParser(prog="python -m grafana.screenshots", description="Render the dashboards with a Grafana that runs.")
    parser.add_argument("--folder", type=Path, default=Path("screenshots"), help="where pictures go (default: %(default)s)")
    folder: Path = parser.parse_args(arguments).folder
    url = environment.get("GRAFANA_URL", "").rstrip("/")
    if not url.startswith(("http://", "https://")):
        return _refuse(
            "No Grafana is named, so there is nothing to draw the dashboards with. Set GRAFANA_URL (such as http://127.0.0.1:3000, "
            "with the dashboards provisioned and the image renderer installed), and GRAFANA_TOKEN to a token of a service account "
            "that may view them."
        )
    for name, build in BOARDS.items():
        uid = str(build().uid)
        try:
            picture = _drawn(url, uid, environment.get("GRAFANA_TOKEN"))
        except (OSError, ValueError) as error:
            return _refuse(f"{url} can't draw {uid}: {error}. Does it run, is the dashboard there, and may GRAFANA_TOKEN view it?")
        if not picture.startswith(_PNG):
            return _refuse(f"{url} answered with no picture of {uid}: the image renderer (grafana-image-renderer) is not installed.")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{Path(name).name}.png"
        path.write_bytes(picture)
        sys.stdout.write(f"{path}\n")
    return 0


def _drawn(url: str, uid: str, token: str | None) -> bytes:
    size = urllib.parse.urlencode({"width": _WIDTH_PIXELS, "height": _HEIGHT_PIXELS, "from": "now-1h", "to": "now"})
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"{url}/render/d/{uid}?{size}&kiosk", headers=headers)  # noqa: S310 - main takes http(s) alone
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
        body: bytes = answer.read()
        return body


def _refuse(what: str) -> int:
    sys.stderr.write(f"{what}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
