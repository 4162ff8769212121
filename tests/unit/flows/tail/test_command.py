"""`python -m flows.tail`: what it shows and how it ends."""

import json
import sys
from pathlib import Path

import pytest

from flows.tail.command import main


def line(number: int, published: str, tenant: str = "acme", result: str = "SUCCESS") -> bytes:
    event = {"_okta_event_type": "systemLog", "_okta_tenant": tenant, "uuid": f"{tenant}{number}", "published": published}
    return json.dumps({**event, "eventType": "user.session.start", "outcome": {"result": result}}).encode() + b"\n"


@pytest.fixture
def config(tmp_path: Path) -> str:
    for tenant in ("acme", "globex"):
        folder = tmp_path / "data" / tenant
        folder.mkdir(parents=True)
        for day in (19, 20):
            lines = [line(day * 100 + minute, f"2026-11-{day}T10:{minute:02}:00.000Z", tenant) for minute in range(20)]
            (folder / f"2026-11-{day}.ndjson").write_bytes(b"".join(lines) + b"{half")
    tenants = '[[tenants]]\nname = "acme"\n[[tenants]]\nname = "globex"\n'
    (tmp_path / "okta.toml").write_text(tenants + '[sinks.archive]\ntype = "file"\npath = "data/{tenant}/{date}.ndjson"\n')
    return str(tmp_path / "okta.toml")


def run(capfdbinary: pytest.CaptureFixture[bytes], *arguments: str) -> tuple[int, list[bytes], str]:
    code = main([*arguments, "--for", "0"])
    sys.stdout.flush()
    out, err = capfdbinary.readouterr()
    return code, out.splitlines(keepends=True), err.decode()


def test_the_last_of_all_tenants_newest_last_as_stored(config: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    code, out, err = run(capfdbinary, "--config", config, "--json", "-n", "4")
    assert code == 0
    assert sorted(out[2:]) == [line(2019, "2026-11-20T10:19:00.000Z", tenant) for tenant in ("acme", "globex")]
    assert [json.loads(text)["published"][14:16] for text in out] == ["18", "18", "19", "19"]
    assert "following 4 files of acme, globex" in err


def test_a_filter_reaches_back_as_far_as_two_days(config: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    _, out, _ = run(capfdbinary, "--config", config, "--json", "-n", "100", "--tenant", "acme", 'published lt "2026-11-19T10:02:00Z"')
    assert [json.loads(text)["uuid"] for text in out] == ["acme1900", "acme1901"]


def test_rows(config: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    _, out, _ = run(capfdbinary, "--config", config, "-n", "1", "--tenant", "acme")
    assert out[0].split()[0] == b"published"
    assert out[1].startswith(b"2026-11-20 10:19:00.000 user.session.start")


def test_nothing_to_show(config: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(capfdbinary, "--config", config, 'eventType eq "nothing"')[:2] == (1, [])
    assert run(capfdbinary, "--config", config, "-n", "0")[:2] == (1, [])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["eventTyp pr"], "did you mean eventType?"), (["--tenant", "x"], "no such tenant"), (["--alerts"], "there is nothing to search")],
)
def test_mistakes_in_what_a_tail_is_given(config: str, capfdbinary: pytest.CaptureFixture[bytes], arguments: list[str], words: str) -> None:
    code, out, err = run(capfdbinary, "--config", config, *arguments)
    assert (code, out) == (2, [])
    assert words in err
