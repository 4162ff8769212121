"""`python -m flows.replay` as a whole: a configuration, letters on the disk, and a receiver of webhooks."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flows.replay import command as replay
from flows.replay import stop as replay_stop
from sinks.dead_letters.claims import sole_replay
from sinks.dead_letters.files import letter_files
from sinks.dead_letters.line import decode, encode
from sinks.dead_letters.sink import DeadLetterFile
from sinks.delivery.target import Outcome
from sinks.documents import Rejected
from sinks.errors import SecretUnavailable
from tests.unit.sinks.receiver import Receiver
from tests.unit.sinks.scripted_target import ScriptedTarget

TOKEN = "00secret-of-okta"
KEY = "c2lnbmluZyBzZWNyZXQgb2YgdGhlIGhvb2s="
NOW = datetime.now(UTC)
AT = NOW - timedelta(hours=1)


def letter(number, sink="hook", **changes):
    event = json.dumps({"_okta_tenant": "acme", "uuid": f"u-{number}", "published": "2024-05-01T09:30:00.000Z", "eventType": "x"})
    made = Rejected("acme", sink, "It was down.", None, 1, AT, AT, f"u-{number}", AT, "raw", event.encode())
    return replace(made, **changes)


@pytest.fixture
def receiver():
    with Receiver(poison=lambda event: event["uuid"].startswith("u-bad")) as receiver:
        yield receiver


class Place:
    """A folder with a configuration and letters."""

    def __init__(self, folder, receiver):
        self.folder, self.receiver = folder, receiver
        self.letters = DeadLetterFile(folder / "dead")
        self.config = folder / "okta.toml"
        self.config.write_text(f"""
            [pipeline]
            dead_letter_dir = "dead"

            [[tenants]]
            name = "acme"
            org_url = "acme"
            auth = {{ method = "ssws", token_env = "REPLAY_TOKEN" }}

            [sinks.archive]
            type = "file"
            path = "out/{{date}}.ndjson"

            [sinks.hook]
            type = "webhook"
            url = "{receiver.url}"
            secret_env = "REPLAY_KEY"
            batch_events = 10
            retry_for_seconds = 1

            [sinks.second]
            type = "webhook"
            url = "{receiver.url}"
            on_exhausted = "stop"
            retry_for_seconds = 1
        """)

    def run(self, *arguments):
        return replay.main(["--config", str(self.config), *arguments])

    def process(self):
        command = [sys.executable, "-m", "flows.replay"]
        environment = {**os.environ, "OKTA_PIPELINE_CONFIG": str(self.config)}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def left(self, sink="hook"):
        lines = [line for path in letter_files(self.folder / "dead" / sink) for line in path.read_bytes().splitlines()]
        return [decode(line).uuid for line in lines]

    @property
    def received(self):
        return sorted(event["uuid"] for event in self.receiver.events)


@pytest.fixture
def place(tmp_path, receiver, monkeypatch):
    monkeypatch.setenv("REPLAY_TOKEN", TOKEN)
    monkeypatch.setenv("REPLAY_KEY", KEY)
    return Place(tmp_path, receiver)


def test_letters_are_delivered_and_gone(place, capsys):
    place.letters.append([letter(number) for number in range(25)])
    place.letters.append([letter("s", "second")])
    assert place.run() == 0
    assert place.received == sorted(["u-s", *(f"u-{number}" for number in range(25))])
    assert place.left() == place.left("second") == []
    out, err = capsys.readouterr()
    assert f"hook/{AT.date()}.ndjson: 25 sent, 25 delivered\n" in err
    assert out.splitlines()[0].startswith("sent again")
    assert TOKEN not in out + err
    assert KEY not in out + err


def test_what_fails_again_is_left_and_told(place, capsys):
    names = ["u-1", "u-2", "u-3", "u-bad-1", "u-bad-2"]
    place.letters.append([letter(name.removeprefix("u-")) for name in names])
    assert place.run() == 1
    assert sorted(place.left()) == ["u-bad-1", "u-bad-2"]
    assert place.run("--one-by-one") == 1
    assert sorted(place.left()) == ["u-bad-1", "u-bad-2"]
    assert place.received == ["u-1", "u-2", "u-3"]
    out, err = capsys.readouterr()
    assert "5 sent, 3 delivered, 2 failed again" in err
    row = next(line for line in out.splitlines() if "hook" in line)
    assert [cell.strip() for cell in row.split("│")[1:7]] == ["hook", "5", "3", "0", "2", "2"]
    assert "2 of: 400: " in row
    place.receiver.poison = None
    assert place.run() == 0
    assert place.left() == []


def test_only_one_sink(place):
    place.letters.append([letter("1"), letter("2", "second")])
    assert place.run("--sink", "second") == 0
    assert (place.left(), place.left("second")) == (["u-1"], [])


@pytest.mark.parametrize("name", ["hok", "input"])
def test_a_sink_that_there_is_not(place, capsys, name):
    place.letters.append([letter("1")])
    assert place.run("--sink", name) == 2
    assert "archive, hook, second" in capsys.readouterr().err
    assert place.left() == ["u-1"]


def test_a_wrong_configuration_exits_2_before_any_request(place, capsys, monkeypatch):
    place.letters.append([letter("1")])
    monkeypatch.delenv("REPLAY_TOKEN")
    assert place.run() == 2
    assert "tenants[0].auth.token_env" in capsys.readouterr().err
    assert not place.receiver.requests


@pytest.mark.parametrize("since", ["now", "0h", "yesterday", "24"])
def test_a_wrong_since_exits_2(place, capsys, since):
    with pytest.raises(SystemExit) as caught:
        place.run("--since", since)
    assert caught.value.code == 2
    assert "such as 24h or 7d" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("since", "sent"),
    [
        ("2h", ["u-new"]),
        pytest.param(f"{AT.isoformat(timespec='milliseconds')}", ["u-new"], id="exactly"),
        ("2024-01-01", ["u-new", "u-old"]),
        ("400d", ["u-new", "u-old"]),
        ("999999999d", ["u-new", "u-old"]),
        ("1m", []),
    ],
)
def test_since_counts_from_the_last_attempt(place, since, sent):
    place.letters.append([letter("new"), letter("old", last_attempt_at=NOW - timedelta(days=300))])
    assert place.run("--since", since) == 0
    assert place.received == sent
    assert sorted(place.left()) == sorted({"u-new", "u-old"} - set(sent))


def test_a_dry_run_lists_and_sends_nothing(place, capsys):
    clear = "\x1b[2J[bold]mapping[/]"
    place.letters.append([letter(number, reason=f"event {number} is {clear}") for number in range(3)])
    place.letters.append([letter("z", "second", tenant="zeta", status=413, reason="word " * 1000)])
    path = place.letters.path_of(letter(1))
    path.write_bytes(path.read_bytes() + b"edited\n")
    before = {file: file.read_bytes() for file in place.folder.rglob("*.ndjson")}
    assert place.run("--dry-run") == 0
    out, err = capsys.readouterr()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if "│" in line]
    day = AT.date().isoformat()
    assert ["hook", "acme", day, "event 0 is \ufffd[2J[bold]mapping[/]", "3"] in rows
    assert ["hook", "", day, "(no dead letter: stays where it is)", "1"] in rows
    assert any(row[:3] == ["second", "zeta", day] and row[3].startswith("413: word word") for row in rows)
    assert len(out) < 3000
    assert {file: file.read_bytes() for file in place.folder.rglob("*.ndjson")} == before
    assert not place.receiver.requests
    assert TOKEN not in out + err


def test_nothing_to_send(place, capsys):
    assert place.run() == 0
    assert "no dead letters" in capsys.readouterr().out


def test_letters_that_no_sink_can_be_sent_are_mentioned_and_have_no_part_in_the_exit_code(place, capsys):
    place.letters.append([letter("1"), letter("2", "input"), letter("3", "input"), letter("4", "gone")])
    assert place.run() == 0
    err = capsys.readouterr().err
    assert "2 letters of the source itself" in err
    assert "no sink gone" in err
    assert (place.left("input"), place.left("gone")) == (["u-2", "u-3"], ["u-4"])


def test_a_file_sink_is_sent_no_letters(place, capsys):
    place.letters.append([letter("1", "archive"), letter("2")])
    assert place.run() == 1
    assert "sink archive" in capsys.readouterr().err
    assert (place.left("archive"), place.left()) == (["u-1"], [])


def test_another_replay_of_the_same_sink_is_refused(place, capsys):
    place.letters.append([letter("1"), letter("2", "second")])
    with sole_replay(place.folder / "dead" / "hook"):
        assert place.run() == 1
    assert "sink hook: its letters are being sent again by another process" in capsys.readouterr().err
    assert (place.left(), place.left("second")) == (["u-1"], [])


def test_a_secret_that_has_gone_is_told_and_the_letters_stay(place, capsys, monkeypatch):
    def gone(name, config, document_format, label_keys):
        if name == "hook":
            message = "file x can't be read"
            raise SecretUnavailable(message)
        return real(name, config, document_format, label_keys)

    real = replay.make_target
    monkeypatch.setattr(replay, "make_target", gone)
    place.letters.append([letter("1"), letter("2", "second")])
    assert place.run() == 1
    assert "sink hook: file x can't be read" in capsys.readouterr().err
    assert (place.left(), place.left("second")) == (["u-1"], [])


def test_a_sink_whose_trouble_stops_a_flow_keeps_its_letters(place):
    place.receiver.answer(503, times=None)
    place.letters.append([letter("1", "second")])
    assert place.run() == 1
    assert place.left("second") == ["u-1"]


def test_a_folder_that_may_not_be_read_is_told(place, capsys, monkeypatch):
    def denied(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(replay, "letter_files", denied)
    assert place.run("--sink", "hook") == 1
    assert "user of the flow" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_what_was_delivered_removed(place, monkeypatch, capsys, number, code):
    monkeypatch.setattr(replay_stop, "_PATIENCE_SECONDS", 0.1)
    place.letters.append([letter(index) for index in range(30)])
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    real = replay.PatientWriter.drain

    def signalled(writer):
        place.receiver.wait_for(lambda receiver: len(receiver.requests) == 2)
        os.kill(os.getpid(), number)
        real(writer)

    monkeypatch.setattr(replay.PatientWriter, "drain", signalled)
    place.receiver.answer(200)
    place.receiver.hang()
    assert place.run() == code
    assert place.left() == [f"u-{index}" for index in range(10, 30)]
    assert f"stopped by {number.name}" in capsys.readouterr().err
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def test_killed_in_the_middle_it_loses_nothing_and_is_repeated_with_the_same_ids(place):
    place.letters.append([letter(index) for index in range(30)])
    place.receiver.answer(200)
    place.receiver.hang()
    process = place.process()
    try:
        place.receiver.wait_for(lambda receiver: len(receiver.requests) == 2)
        place.letters.append([letter("of the flow")])
    finally:
        process.kill()
        process.communicate()
    assert len(place.left()) == 31, "nothing is lost"
    place.receiver.clear()
    assert place.run() == 0
    assert place.left() == []
    ids = [request.headers["webhook-id"] for request in place.receiver.requests]
    assert ids[:2] == ids[2:4]
    assert set(place.received) == {"u-of the flow", *(f"u-{index}" for index in range(30))}


def test_as_a_program_it_ends_within_seconds_and_says_nothing_secret(place):
    place.letters.append([letter(index) for index in range(30)])
    place.receiver.hang()
    process = place.process()
    place.receiver.wait_for(lambda receiver: receiver.requests)
    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 143
    assert len(place.left()) == 30
    assert "SIGTERM" in output
    assert "Traceback" not in output
    assert TOKEN not in output
    assert KEY not in output


def test_on_a_terminal_there_is_a_bar(place, monkeypatch, capsys):
    real = replay.Console
    monkeypatch.setattr(replay, "Console", lambda **settings: real(**settings, force_terminal=True))
    place.letters.append([letter("1")])
    assert place.run() == 0
    assert "1 sent, 1 delivered" in capsys.readouterr().err


def test_what_stays_after_edits_is_told_but_not_a_million_times(place, capsys):
    path = place.letters.path_of(letter(1))
    place.letters.append([letter("1")])
    path.write_bytes(b"edited\n" * 50 + encode(letter("2")))
    assert place.run() == 1
    err = capsys.readouterr().err
    assert "line 3 can't be sent and stays: it is cut off, or not JSON" in err
    assert "line 4 " not in err
    assert "and 47 more" in err
    assert path.read_bytes() == b"edited\n" * 50


def test_what_was_there_already_is_told_apart(place, monkeypatch, capsys):
    target = ScriptedTarget(lambda batch: Outcome(delivered=[0], duplicates=range(1, len(batch))))
    monkeypatch.setattr(replay, "make_target", lambda *_: target)
    place.letters.append([letter(number) for number in range(5)])
    assert place.run() == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if "hook" in line)
    assert [cell.strip() for cell in row.split("│")[1:7]] == ["hook", "5", "1", "4", "0", "0"]
