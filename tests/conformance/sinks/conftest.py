"""The bench on which a kind of sink is tested."""

import itertools
import ssl
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conformance.sinks.kinds import KINDS
from tests.conformance.sinks.run import Bench

_NUMBERS = itertools.count()
_TLS = ssl.create_default_context()


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-offs of milliseconds, on whose length nothing here depends; one context for TLS, which no case uses and which takes 35 ms."""
    monkeypatch.setattr("sinks.delivery.backoff._BASE_SECONDS", 0.01)
    monkeypatch.setattr("sinks.delivery.backoff._CAP_SECONDS", 0.04)
    monkeypatch.setattr("sinks.config.targets.tls_of", lambda _config: _TLS)


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A bench for the kind that the case names."""
    with KINDS[request.param]() as kind:
        made = Bench(request.param, kind, tmp_path, f"battery{next(_NUMBERS)}")
        monkeypatch.setattr("sinks.delivery.writer.time", SimpleNamespace(monotonic=made.monotonic))
        yield made
        made.clear_away()
