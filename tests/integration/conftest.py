"""Real search servers for the tests: one of each kind per session, and nodes of a test's own."""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from tests.integration.servers import KINDS, Node, SearchServer, available

_FIXTURES = {"opensearch_url", "elasticsearch_url", "search_server", "make_node"}


@pytest.hookimpl(tryfirst=True)  # before pytest selects by -m
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server."""
    for item in items:
        if _FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("servers")


def _skip_unless_available(kind: str) -> None:
    if reason := available(kind):
        pytest.skip(reason)


@contextmanager
def _url(kind: str, factory: pytest.TempPathFactory) -> Iterator[str]:
    if given := os.environ.get(f"{kind.upper()}_URL"):
        yield given.rstrip("/")
        return
    _skip_unless_available(kind)
    folder = factory.mktemp(kind)
    with Node(kind, folder) as node:
        yield node.url
    shutil.rmtree(folder / "data", ignore_errors=True)  # pytest keeps the folders of three sessions; the log is enough


@pytest.fixture(scope="session")
def opensearch_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An OpenSearch that all tests of the session share; OPENSEARCH_URL names one that runs already."""
    with _url("opensearch", tmp_path_factory) as url:
        yield url


@pytest.fixture(scope="session")
def elasticsearch_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An Elasticsearch that all tests of the session share; ELASTICSEARCH_URL names one that runs already."""
    with _url("elasticsearch", tmp_path_factory) as url:
        yield url


@pytest.fixture(params=KINDS)
def search_server(request: pytest.FixtureRequest) -> Iterator[SearchServer]:
    """Runs the test on both servers, one after the other; they are shared, so use names from `unique_name`."""
    with closing(SearchServer(request.param, request.getfixturevalue(f"{request.param}_url"))) as server:
        yield server


@pytest.fixture
def unique_name() -> Callable[[str], str]:
    """Makes names of indices, data streams and templates that no other test has: `unique_name("okta")`."""
    return lambda prefix: f"{prefix}-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def make_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Node]]:
    """Starts a node of the test's own, to stop, kill and configure: `make_node("opensearch", **{"http.max_content_length": "1mb"})`."""
    with ExitStack() as stack:

        def make(kind: str, **settings: object) -> Node:
            _skip_unless_available(kind)
            folder = tmp_path_factory.mktemp(kind)
            stack.callback(shutil.rmtree, folder / "data", ignore_errors=True)
            return stack.enter_context(Node(kind, folder, settings))

        yield make
