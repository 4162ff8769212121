"""A process beside a cluster: it may end and start alone, and ends with the cluster."""

import io
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from flows.cluster import restarts
from flows.cluster.companion import Companion
from flows.cluster.ending import Ending
from flows.cluster.plan import Member
from flows.cluster.processes import run
from flows.cluster.restarts import Restarts


def member(number: int, code: str, name: str = "") -> Member:
    return Member(number, (sys.executable, "-c", code), dict(os.environ), name)


def until_there(path: Path) -> str:
    return f"import pathlib, time\nwhile not pathlib.Path({str(path)!r}).exists(): time.sleep(0.01)"


def test_one_that_ends_is_started_again_and_the_cluster_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts, "_FIRST_SECONDS", 0.01)
    starts = tmp_path / "starts"
    code = f"""
import os, pathlib, sys, time
starts, end = pathlib.Path({str(starts)!r}), pathlib.Path({str(tmp_path / "end")!r})
starts.write_text((starts.read_text() if starts.exists() else "") + "x")
if len(starts.read_text()) < 3: sys.exit(7)
print("third", flush=True)
end.touch()
time.sleep(60)
"""
    out = io.BytesIO()
    ending = Ending(1, keeps_state=True)
    run([member(0, until_there(tmp_path / "end"))], ending, out, beside=Companion(member(-1, code, "hooks"), out))
    assert ending.conclusion().code == 0
    assert starts.read_text() == "xxx"
    assert b"[hooks] third\n" in out.getvalue()


def test_it_is_asked_to_end_with_the_cluster_and_not_started_again(tmp_path: Path) -> None:
    code = f"""
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
pathlib.Path({str(tmp_path / "up")!r}).touch()
time.sleep(60)
"""
    ending = Ending(1, keeps_state=True)

    def stop() -> None:
        while not (tmp_path / "up").exists():
            time.sleep(0.01)
        ending.stop(time.monotonic())

    threading.Thread(target=stop, daemon=True).start()
    started = time.monotonic()
    run([member(0, "import time; time.sleep(60)")], ending, io.BytesIO(), beside=Companion(member(-1, code, "hooks"), io.BytesIO()))
    assert ending.conclusion().code == 0
    assert time.monotonic() - started < 30


def test_waits_between_starts_grow_and_are_short_again_after_a_good_minute() -> None:
    policy = Restarts()
    waits = []
    for _ in range(7):
        policy.started(100.0)
        waits.append(policy.ended(101.0))
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert not policy.due(130.9)
    assert policy.due(131.0)
    policy.started(200.0)
    assert policy.ended(260.0) == 1.0
