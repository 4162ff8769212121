"""One sink's letters, sent again through the real writer to a target in memory."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flows.replay import sink as replay_sink
from flows.replay import stop as replay_stop
from flows.replay.sink import SinkReplay
from flows.replay.stop import Stop
from sinks.dead_letters.claims import ReplayUnderWay, sole_replay
from sinks.dead_letters.files import letter_files
from sinks.dead_letters.line import decode, encode
from sinks.dead_letters.sink import DeadLetterFile
from sinks.delivery.patient import PatientWriter
from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.target import Outcome, Refused
from sinks.documents import Rejected
from sinks.errors import SinkStopped
from tests.unit.sinks.scripted_target import ScriptedTarget, fail_all, take_all, uuids

OLD = datetime(2024, 5, 2, 10, tzinfo=UTC)
POLICY = DeliveryPolicy(batch_events=3, batch_bytes=100_000, max_in_flight=2, in_order=True, retry_for_seconds=0.2)


def letter(uuid, tenant="acme", **changes):
    event = b'{"_okta_tenant":"%s","uuid":"%s","published":"2024-05-01T09:30:00.000Z","eventType":"x"}' % (tenant.encode(), uuid.encode())
    made = Rejected(tenant, "search", "It was down.", 503, 2, OLD, OLD + timedelta(hours=1), uuid, None, "raw", event)
    return replace(made, **changes)


def refusing(*poison):
    """A target that refuses these events for good."""

    def answer(batch):
        names = uuids(batch)
        refused = [position for position, name in enumerate(names) if name in poison]
        return Outcome(
            delivered=[position for position in range(len(names)) if position not in refused],
            refused=[Refused(position, f"bad {names[position]}", 400) for position in refused],
        )

    return answer


class Killed(BaseException):
    pass


class Rig:
    def __init__(self, directory, answer=take_all, *, policy=POLICY, since=None):
        self.folder = directory / "search"
        self.letters = DeadLetterFile(directory)
        self.target = ScriptedTarget(answer)
        self.stop = Stop()
        self.formats, self.problems, self.files, self.read_bytes = [], [], [], 0
        self.replay = SinkReplay("search", self.folder, self.letters, self._writer(policy), self.stop, since)

    def _writer(self, policy):
        def make(document_format, back):
            self.formats.append(document_format)
            return PatientWriter("search", self.target, policy, back, document_format=document_format, stop_deadline=self.stop.deadline)

        return make

    def read(self, count):
        self.read_bytes += count

    def run(self):
        self.replay.run(self.read, self.files.append, self.problems.append)
        return self.replay.tally

    def there(self):
        return [decode(line) for path in letter_files(self.folder) for line in path.read_bytes().splitlines(keepends=True)]

    @property
    def left(self):
        return [letter.uuid for letter in self.there()]


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(replay_sink, "_CHUNK_EVENTS", 6)
    monkeypatch.setattr(replay_stop, "_PATIENCE_SECONDS", 0.1)


def names(*numbers):
    return [str(number) for number in numbers]


def test_everything_is_sent_and_the_files_go(tmp_path):
    rig = Rig(tmp_path)
    rig.letters.append([letter(str(number)) for number in range(20)])
    rig.letters.append([letter("next", last_attempt_at=OLD + timedelta(days=1))])
    size = sum(path.stat().st_size for path in letter_files(rig.folder))
    tally = rig.run()
    assert sorted(rig.target.taken) == sorted([*names(*range(20)), "next"])
    assert not list(rig.folder.iterdir())
    assert tally.nothing_left
    assert (tally.total("sent"), tally.total("delivered"), tally.total("failed")) == (21, 21, 0)
    assert [file.name for file in rig.files] == ["2024-05-02.ndjson", "2024-05-03.ndjson"]
    assert rig.read_bytes == size
    assert rig.target.closed


def test_the_target_is_given_the_very_bytes(tmp_path):
    given = []

    def answer(batch):
        given.extend(part.document(index) for part, index in batch.locate())
        return take_all(batch)

    published = b'"published":"2024-05-01T09:30:00.000Z"}'
    events = [
        letter("1").event,
        b'{"uuid" : "2", "big":' + b"1" * 5000 + b"," + published,
        b'{"uuid":"3","a":"\xc3\xa9 \\ud83d",' + published,
    ]
    rig = Rig(tmp_path, answer)
    rig.letters.append([letter(str(number), event=event) for number, event in enumerate(events, start=1)])
    assert rig.run().nothing_left
    assert given == events


def test_only_what_failed_again_is_left_with_both_pasts(tmp_path):
    rig = Rig(tmp_path, refusing("4", "9"))
    rig.letters.append([letter(str(number)) for number in range(20)])
    before = datetime.now(UTC)
    tally = rig.run()
    assert sorted(rig.left) == ["4", "9"]
    for left in rig.there():
        assert (left.reason, left.status, left.attempts) == (f"bad {left.uuid}", 400, 3)
        assert left.first_attempt_at == OLD
        assert left.last_attempt_at >= before - timedelta(seconds=1)
        assert left.event == letter(left.uuid).event
        assert rig.letters.path_of(left) in letter_files(rig.folder), "in the file of its new day"
    assert not tally.nothing_left
    assert (tally.total("sent"), tally.total("delivered"), tally.total("failed"), tally.total("left")) == (20, 18, 2, 2)
    assert tally.reasons.most_common() == [("400: bad 4", 2)]


def test_what_failed_again_is_not_sent_a_third_time(tmp_path):
    rig = Rig(tmp_path, refusing("1"))
    now = datetime.now(UTC)
    rig.letters.append([letter("1"), letter("1", last_attempt_at=now, event=letter("other").event)])
    rig.run()
    assert Counter(name for sent in rig.target.sent for name in sent) == {"1": 1, "other": 1}


def test_tenants_have_batches_of_their_own_in_the_files_order(tmp_path):
    rig = Rig(tmp_path, policy=replace(POLICY, max_in_flight=1))
    rig.letters.append([letter(str(number), tenant) for number, tenant in enumerate(["acme", "zeta", "acme", "zeta", "acme", "acme"])])
    assert rig.run().nothing_left
    assert rig.target.sent == [names(0, 2, 4), names(1, 3), names(5)]


def test_a_letter_that_is_there_twice_is_sent_once(tmp_path):
    rig = Rig(tmp_path, refusing("2"))
    rig.letters.append([letter("1"), letter("2"), letter("1", attempts=7), letter("2")])
    tally = rig.run()
    assert rig.target.sent == [["1", "2"]]
    assert rig.left == ["2", "2"]
    assert (tally.total("sent"), tally.total("left")) == (4, 2)


def test_formats_are_sent_each_for_itself(tmp_path):
    rig = Rig(tmp_path, refusing("2"))
    rig.letters.append([letter("1"), letter("2", format="ecs"), letter("3", format="ecs"), letter("4")])
    rig.run()
    assert rig.formats == ["raw", "ecs"]
    assert sorted(rig.target.sent) == [["1", "4"], ["2", "3"]]
    assert [(left.uuid, left.format) for left in rig.there()] == [("2", "ecs")]


def test_lines_that_are_no_letters_stay_where_they_are(tmp_path):
    rig = Rig(tmp_path)
    rig.letters.append([letter("1"), letter("2", event=b"[1]"), letter("3")])
    path = rig.letters.path_of(letter("1"))
    bad = b'{"edited":"by hand"}\n'
    path.write_bytes(bad + path.read_bytes() + b"half of a li\n")
    tally = rig.run()
    assert path.read_bytes() == bad + encode(letter("2", event=b"[1]")) + b"half of a li\n"
    assert sorted(rig.target.taken) == ["1", "3"]
    assert (tally.total("sent"), tally.total("unreadable"), tally.nothing_left) == (2, 3, False)
    assert [problem.split(":")[1].split(" ")[2] for problem in rig.problems] == ["1", "3", "5"]


def test_only_letters_since_then_are_sent(tmp_path):
    since = OLD + timedelta(hours=1)
    rig = Rig(tmp_path, since=since)
    rig.letters.append([letter("early", last_attempt_at=since - timedelta(milliseconds=1)), letter("on time", last_attempt_at=since)])
    day_before = letter("day before", last_attempt_at=since - timedelta(days=1))
    rig.letters.append([day_before])
    untouched = rig.letters.path_of(day_before)
    inode = untouched.stat().st_ino
    assert rig.run().nothing_left, "of that span"
    assert rig.target.taken == ["on time"]
    assert rig.left == ["day before", "early"]
    assert untouched.stat().st_ino == inode


def test_what_a_flow_writes_meanwhile_is_left_alone(tmp_path):
    rig = Rig(tmp_path)
    rig.letters.append([letter(str(number)) for number in range(7)])

    def answer(batch):
        rig.letters.append([letter(f"new {uuids(batch)[0]}")])
        return take_all(batch)

    rig.target.answer = answer
    assert rig.run().nothing_left
    assert sorted(rig.target.taken) == names(*range(7))
    assert sorted(rig.left) == ["new 0", "new 3", "new 6"]


def test_a_flow_that_writes_letters_meanwhile_is_in_nobodys_way(tmp_path):
    rig = Rig(tmp_path, refusing("3"))
    rig.letters.append([letter(str(number)) for number in range(4)])

    def answer(batch):
        rig.letters.append([letter("other")])
        return refusing("3")(batch)

    rig.target.answer = answer
    rig.run()
    assert sorted(rig.left) == ["3", "other", "other"]


def test_a_target_that_is_down_costs_its_time_once_and_changes_few_letters(tmp_path):
    rig = Rig(tmp_path, fail_all)
    rig.letters.append([letter(str(number)) for number in range(20)])
    lines = set(letter_files(rig.folder)[0].read_bytes().splitlines())
    tally = rig.run()
    assert sorted(rig.left) == sorted(names(*range(20)))
    assert tally.total("left") == 20
    assert tally.total("sent") <= 6
    unchanged = {line for path in letter_files(rig.folder) for line in path.read_bytes().splitlines()} & lines
    assert len(unchanged) == tally.total("unsent") >= 14
    assert not tally.nothing_left


def test_a_stop_removes_what_was_delivered_and_leaves_the_rest_as_it_was(tmp_path):
    rig = Rig(tmp_path, policy=replace(POLICY, max_in_flight=1, retry_for_seconds=60.0))
    rig.letters.append([letter(str(number)) for number in range(20)])
    rig.letters.append([letter("later", last_attempt_at=OLD + timedelta(days=1))])
    before = rig.there()

    def answer(batch):
        if "9" not in uuids(batch):
            return take_all(batch)
        rig.stop.request(15)
        return fail_all(batch)

    rig.target.answer = answer
    tally = rig.run()
    assert rig.target.taken == names(*range(9))
    assert rig.there() == before[9:], "in their order, with their old reasons"
    assert [path.name for path in letter_files(rig.folder)] == ["2024-05-02.ndjson", "2024-05-03.ndjson"]
    assert not tally.nothing_left
    assert tally.unread_files == 2


def test_an_interrupted_replay_sends_the_same_batches_when_it_is_repeated(tmp_path, monkeypatch):
    rig = Rig(tmp_path)
    rig.letters.append([letter(str(number), "zeta" if number % 4 == 1 else "acme") for number in range(20)])

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(replay_sink, "give_back", lambda *_: None)  # as little as after kill -9
        with pytest.raises(Killed):
            rig.replay.run(killed, rig.files.append, rig.problems.append)
    first = rig.target.sent
    assert first
    assert len(rig.left) == 20, "nothing is lost"
    repeated = Rig(tmp_path)
    assert repeated.run().nothing_left
    assert all(batch in repeated.target.sent for batch in first)
    assert sorted(repeated.target.taken) == sorted(names(*range(20)))
    assert not list(rig.folder.iterdir())


def test_a_crash_between_the_new_letter_and_the_removal_of_the_old_one_leaves_both(tmp_path, monkeypatch):
    rig = Rig(tmp_path, refusing("1"))
    rig.letters.append([letter("0"), letter("1")])

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(replay_sink, "give_back", killed)
        with pytest.raises(Killed):
            rig.run()
    assert sorted(rig.left) == ["0", "1", "1"]


def test_letters_that_cannot_be_written_stay_where_they_were(tmp_path, monkeypatch):
    rig = Rig(tmp_path, refusing("1", "8"))
    rig.letters.append([letter(str(number)) for number in range(10)])

    def full(letters):
        if letters:
            message = "the disk is full"
            raise SinkStopped(message)

    monkeypatch.setattr(rig.letters, "append", full)
    with pytest.raises(SinkStopped):
        rig.run()
    assert rig.left == ["1", *names(*range(6, 10))]
    assert rig.there()[0] == decode(encode(letter("1")))
    assert not rig.replay.tally.nothing_left


def test_two_at_once_are_one_too_many(tmp_path):
    rig = Rig(tmp_path)
    rig.letters.append([letter("1")])
    with sole_replay(rig.folder), pytest.raises(ReplayUnderWay):
        rig.run()
    assert rig.left == ["1"]
    assert rig.run().nothing_left


def test_files_that_were_claimed_before_one_could_not_be_are_given_back(tmp_path, monkeypatch):
    rig = Rig(tmp_path)
    rig.letters.append([letter("1"), letter("2", last_attempt_at=OLD + timedelta(days=1))])
    before = letter_files(rig.folder)
    real = replay_sink.claim

    def denied(path):
        if path == before[1]:
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(replay_sink, "claim", denied)
    with pytest.raises(PermissionError):
        rig.run()
    assert letter_files(rig.folder) == before
    assert rig.target.sent == []


def test_a_target_that_comes_back_in_time_is_waited_for(tmp_path):
    fails = iter([True, True])
    rig = Rig(
        tmp_path, lambda batch: fail_all(batch) if next(fails, False) else take_all(batch), policy=replace(POLICY, retry_for_seconds=30.0)
    )
    rig.letters.append([letter("1")])
    assert rig.run().nothing_left
    assert not letter_files(rig.folder)


def test_one_chunk_is_held_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(replay_sink, "_CHUNK_BYTES", 1)
    rig = Rig(tmp_path)
    rig.letters.append([letter(str(number)) for number in range(5)])
    assert rig.run().nothing_left
    assert rig.target.sent == [[name] for name in names(*range(5))]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("after_seconds", [0.0, 0.01])
def test_a_target_that_asks_for_a_rest_for_ever_keeps_nobody_waiting(tmp_path, after_seconds, monkeypatch):
    # Much shorter than the time for which it is tried, as in life.
    monkeypatch.setattr("sinks.delivery.backoff._BASE_SECONDS", 0.01)
    monkeypatch.setattr("sinks.delivery.backoff._CAP_SECONDS", 0.04)
    rig = Rig(tmp_path, lambda batch: fail_all(batch, status=503, after_seconds=after_seconds))
    rig.letters.append([letter("a"), letter("b")])
    tally = rig.run()
    assert rig.left == ["a", "b"]
    assert (tally.total("delivered"), tally.total("left")) == (0, 2)
