"""Opening a browser, where there is one."""

import os
import sys
import threading
import webbrowser
from collections.abc import Callable, Mapping

__all__ = ["can_open", "open_in_background"]


def can_open(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> bool:
    """Whether a window can be expected.

    Without a display, `webbrowser` would take a browser for the terminal and hold that; `BROWSER` is somebody's own wish.
    """
    return bool(environ.get("BROWSER")) or platform in {"darwin", "win32"} or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def open_in_background(url: str, on_failure: Callable[[], None], opener: Callable[[str], bool] = webbrowser.open) -> None:
    """Open a URL without waiting: some browsers return only when they are closed.

    Args:
        url: What to open.
        on_failure: Called, on a thread, when no browser would.
        opener: As `webbrowser.open`.
    """

    def run() -> None:
        try:
            opened = opener(url)
        except (webbrowser.Error, OSError):
            opened = False
        if not opened:
            on_failure()

    threading.Thread(target=run, name="browser", daemon=True).start()
