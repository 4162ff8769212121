import threading
import webbrowser

import pytest

from okta_source.auth.authorize.browser import can_open, open_in_background


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({}, "linux", False),
        ({"TERM": "xterm"}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"BROWSER": "firefox"}, "linux", True),
        ({}, "darwin", True),
        ({}, "win32", True),
    ],
)
def test_a_browser_is_expected_where_there_is_a_display(environ: dict[str, str], platform: str, expected: bool) -> None:
    assert can_open(environ, platform) is expected


def test_a_browser_that_returns_only_at_its_end_holds_nothing_up() -> None:
    started, ended = threading.Event(), threading.Event()

    def opener(url: str) -> bool:
        started.set()
        return ended.wait(20)

    open_in_background("http://x", ended.set, opener)
    assert started.wait(20)
    ended.set()


def refuse(url: str) -> bool:
    raise webbrowser.Error


@pytest.mark.parametrize("opener", [lambda url: False, refuse])
def test_one_that_does_not_open_is_told(opener: object) -> None:
    failed = threading.Event()
    open_in_background("http://x", failed.set, opener)  # type: ignore[arg-type]
    assert failed.wait(20)
