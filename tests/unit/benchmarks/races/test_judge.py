import orjson

from tests.benchmarks.races.airbyte import last_state
from tests.benchmarks.races.judge import Verdict, by_uuid, judge

SENT = [b'{"uuid": "a", "n": 1}\n', b'{"uuid": "b", "n": 2}\n', b'{"uuid": "c", "n": 3}\n']
TRUTH = by_uuid(SENT)


def whole(line):
    return line


def test_the_same_events_in_another_spelling_and_order_are_all_right():
    lines = [orjson.dumps(orjson.loads(event)) + b"\r\n" for event in reversed(SENT)]
    assert judge([*lines, b"\n"], whole, TRUTH) == Verdict(lost=0, duplicated=0, changed=0, broken=0)


def test_what_is_missing_repeated_changed_or_cut_off_is_counted():
    lines = [SENT[0], SENT[0], SENT[0], b'{"uuid": "b", "n": "2"}\n', b'{"uuid": "c", ']
    assert judge(lines, whole, TRUTH) == Verdict(lost=1, duplicated=2, changed=1, broken=1)


def test_an_event_that_was_never_sent_is_a_changed_one():
    assert judge([*SENT, b'{"uuid": "x"}'], whole, TRUTH) == Verdict(lost=0, duplicated=0, changed=1, broken=0)


def test_lines_that_hold_no_event_are_passed_over():
    assert judge([*SENT, b'{"type": "LOG"}'], lambda line: line if "uuid" in line else None, TRUTH).changed == 0


def test_the_last_complete_state_of_airbyte_is_found():
    messages = [
        b'{"type":"STATE","state":{"n":1}}\n',
        b'{"type":"RECORD","record":{"data":{"say":"\\"type\\":\\"STATE\\""}}}\n',
        b'{"type":"STATE","state":{"n":2}}\n',
        b'{"type":"STATE","state":{"n":3',
    ]
    assert last_state(messages) == {"n": 2}
    assert last_state(messages[1:2]) is None
