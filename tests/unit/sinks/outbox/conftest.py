import pytest

from sinks.outbox import log as log_module
from tests.unit.sinks.outbox.rig import Rig


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


@pytest.fixture
def _small_segments(monkeypatch):
    monkeypatch.setattr(log_module, "SEGMENT_BYTES", 1000)
