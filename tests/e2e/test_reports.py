"""Exit codes that hold whatever becomes of what is printed, and that know what was not delivered."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson
import pytest

from okta_source.simulator import Organisation, Simulator
from tests.e2e.harness import FlowProcess, Workplace
from tests.unit.sinks.receiver import Receiver


def _close_stdout() -> None:
    os.close(1)


def _run(command: Sequence[str], folder: Path, way: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end, with a stdout that nobody reads, or that is closed, or that knows no letters but ASCII's."""
    environment = {**os.environ, "RUST_BACKTRACE": "0", "PYTHONIOENCODING": "ascii:strict"}
    if way == "closed":
        # The shell would do `>&-`.
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, cwd=folder, env=environment, preexec_fn=_close_stdout
        )  # fmt: skip
    if way == "ascii":
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, cwd=folder, env=environment)
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=subprocess.PIPE, check=False, cwd=folder, env=environment
        )


WAYS = pytest.mark.parametrize("way", ["unread", "closed", "ascii"])


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """An archive that lacks eleven events, as an audit without Okta sees it when it is resumed: its slices are all compared."""
    organisation = Organisation("acme", seed=1, events=400, span_seconds=40_000)
    place = Workplace(tmp_path_factory.mktemp("audited"))
    place.make_state()
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation], display_name="NAME")
        place.write()
        place.config.write_text(place.config.read_text().replace('"NAME"', '"Łódź"'))
        assert place.drain().process.returncode == 0
        file = max(place.out.rglob("*.ndjson"), key=lambda path: path.stat().st_size)
        file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[11:]))
        with FlowProcess(_audit(place), place.folder / "first.txt", {**os.environ}) as audit:
            assert audit.wait() == 1, audit.output()
            assert "11 are MISSING" in audit.output()
    # So that the next ones show the report of this one instead of beginning anew.
    (place.folder / "audit" / "audit" / "finished").unlink()
    return place


def _audit(place: Workplace, *arguments: str) -> list[str]:
    # A relative state directory, as people type it.
    return [sys.executable, "-m", "flows.audit", "--config", str(place.config), "--state", "audit", "--since", "24h", *arguments]


@pytest.mark.slow
@WAYS
@pytest.mark.parametrize("form", ["table", "json"])
def test_an_audit_that_misses_events_exits_1_whoever_reads(
    audited: Workplace, way: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(audited.folder)
    done = _run(_audit(audited, *(["--json"] if form == "json" else [])), audited.folder, way)
    (audited.folder / "audit" / "audit" / "finished").unlink()
    assert done.returncode == 1, done.stderr
    assert b"Traceback" not in done.stderr
    if way == "ascii" and form == "json":
        assert len(orjson.loads(done.stdout)["missing"]) == 11
    elif way == "ascii":
        assert b"\\u0141\\xf3d\\u017a" in done.stdout


COMMANDS: dict[str, tuple[Callable[[Workplace], list[str]], int]] = {
    "check": (lambda place: ["-m", "okta_source", "check", "--config", str(place.config)], 1),
    "check --json": (lambda place: ["-m", "okta_source", "check", "--json", "--config", str(place.config)], 1),
    "status": (lambda _: ["-m", "okta_source", "status", "127.0.0.1:9"], 2),
    "init": (lambda _: ["-m", "okta_source", "init", "--name", "x"], 2),
    "authorize": (lambda place: ["-m", "okta_source", "authorize", "--tenant", "acme", "--config", str(place.config)], 2),
    "replay": (lambda place: ["-m", "flows.replay", "--config", str(place.config)], 0),
    "state": (lambda _: ["-m", "flows.state", "show", "nowhere"], 2),
    "search": (lambda _: ["-m", "flows.search", "--config", "no.toml"], 2),
    "tail": (lambda _: ["-m", "flows.tail", "--config", "no.toml"], 2),
    "detections list": (lambda _: ["-m", "flows.detections", "list", "--config", "no.toml"], 2),
    "detections lint": (lambda _: ["-m", "flows.detections", "lint", "bad.yml"], 1),
    "backtest": (lambda _: ["-m", "flows.backtest", "--config", "no.toml"], 2),
    "hooks": (lambda _: ["-m", "okta_source", "hooks", "--config", "no.toml"], 2),
    "run": (lambda _: ["-m", "bytewax.run", "flows.system_log:get_flow('no.toml')"], 2),
}


@pytest.mark.parametrize("way", ["unread", "closed"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_s_exit_code_is_its_own_whoever_reads(tmp_path: Path, command: str, way: str) -> None:
    place = Workplace(tmp_path)
    place.add("acme", "http://127.0.0.1:9", "00x", display_name="NAME")
    place.write()
    place.config.write_text(place.config.read_text().replace('"NAME"', '"Łódź"'))
    (tmp_path / "bad.yml").write_text("title: Łódź\n")
    arguments, expected = COMMANDS[command]
    done = _run([sys.executable, *arguments(place)], tmp_path, way)
    assert done.returncode == expected, done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["flows.system_log", "flows.backfill"])
@pytest.mark.slow
def test_a_run_that_is_to_deliver_everything_and_did_not_says_so_and_exits_1(tmp_path: Path, module: str) -> None:
    organisation = Organisation("acme", seed=1, events=300)
    place = Workplace(tmp_path)
    place.make_state()
    guilty = organisation.uuids()[7]
    with Simulator([organisation]) as sim, Receiver(poison=lambda event: event["uuid"] == guilty) as receiver:
        place.sinks["hook"] = f'type = "webhook"\nurl = "{receiver.url}"\nbatch_events = 1\nmax_in_flight = 1'
        place.sink = ""
        place.add_all(sim, [organisation], page_limit=100)
        place.write()
        if module == "flows.system_log":
            flow = place.drain()
        else:
            command = [sys.executable, "-m", module, "--since", "2d", "--config", str(place.config), "--state", str(tmp_path / "history")]
            flow = FlowProcess(command, tmp_path / "backfill.txt", {**os.environ})
            flow.wait()
    letters = place.dead_letters("hook")
    assert [letter["uuid"] for letter in letters] == [guilty]
    assert flow.process.returncode == 1, flow.output()
    last = flow.output().strip().splitlines()[-1]
    one = "1 event became a dead letter" if len(letters) == 1 else f"{len(letters)} events became dead letters"
    assert f"{one} ({len(letters)} of sink hook): python -m flows.replay sends them again" in last
    assert "complete," not in flow.output()
