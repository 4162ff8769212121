"""What mappers remember changes no document, and no start pays for what its events don't need."""

import subprocess
import sys
from itertools import chain
from typing import Any

import pytest

from flows.pipeline.formats.ecs_format import EcsFormat
from flows.pipeline.formats.event import read_event
from flows.pipeline.formats.formatter import Format
from flows.pipeline.formats.ocsf_format import OcsfFormat
from okta_source.events.remembered import Remembered
from tests.benchmarks.format_fuzz import fuzzed_events
from tests.unit.flows.pipeline.formats.events import RECEIVED_AT
from tests.unit.flows.pipeline.formats.simulated import simulated_events

CONTEXT = b',"tenant_uid":"acme.okta.com"'


def new(name: str) -> Format:
    return EcsFormat() if name == "ecs" else OcsfFormat("1.3.0")


@pytest.mark.parametrize("name", ["ecs", "ocsf"])
def test_a_document_is_the_same_whatever_was_mapped_before_it(name: str):
    texts = [*simulated_events(200, seed=3), *(text for _, text in fuzzed_events(200, seed=3))]
    veteran = new(name)
    # Twice, so that the second time everything is known; and parts that odd events have brought are among it.
    for text in chain(texts, reversed(texts)):
        event = read_event(text)
        assert veteran.body(event, RECEIVED_AT, CONTEXT) == new(name).body(event, RECEIVED_AT, CONTEXT), text


def test_what_is_full_begins_anew_and_long_keys_are_not_kept():
    made: list[bytes] = []

    def make(key: bytes) -> int:
        made.append(key)
        return len(key)

    known: Remembered[Any] = Remembered(make, most=2)
    assert [known[key] for key in (b"a", b"b", b"a")] == [1, 1, 1]
    assert made == [b"a", b"b"]
    assert known[b"c"] == 1
    assert list(known) == [b"c"]
    assert [known[b"x" * 5000] for _ in range(2)] == [5000, 5000]
    assert made[-2:] == [b"x" * 5000] * 2
    assert list(known) == [b"c"]


def test_expressions_for_user_agents_are_no_part_of_the_start():
    code = "import sys; from flows.pipeline.formats.ecs_format import EcsFormat; EcsFormat(); sys.exit('ua_parser' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
