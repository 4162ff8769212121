"""What holds for the whole suite."""

import os
import signal
from collections.abc import Iterator

import pytest

_SHARED_SERVERS = {"opensearch_url", "elasticsearch_url", "search_server"}
_OWN_SERVERS = {"make_node"}
_LONGEST_NAME = 60


def pytest_configure() -> None:
    """Whoever starts the suite in the background of a script has it ignore Ctrl-C, which some tests press."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run a file's tests in one process, and all that need the same servers in one, so that those start once. A test may
    name a group of its own."""
    for item in items:
        if item.get_closest_marker("xdist_group"):
            continue
        fixtures = set(getattr(item, "fixturenames", ()))
        group = str(item.path)
        if fixtures & _SHARED_SERVERS:
            group = "shared servers"
        elif fixtures & _OWN_SERVERS:
            group = "own servers"
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(autouse=True)
def _signals_stay() -> Iterator[None]:
    """Whoever takes signals over gives them back: the next test in this process may want one."""
    heeded = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in heeded}, signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    assert ({number: signal.getsignal(number) for number in heeded}, signal.pthread_sigmask(signal.SIG_BLOCK, ())) == before


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A key or a compressed body, made anew in each process, is no name: a test must be called the same in all of them."""
    return argname if isinstance(val, str | bytes) and len(val) > _LONGEST_NAME else None


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Where everything has been provided, a skipped test is a failed run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("FORBID_SKIPS") and reporter and reporter.stats.get("skipped") and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
