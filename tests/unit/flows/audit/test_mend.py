"""What is in an archive twice goes from where a backfill or a repair has put it."""

import gzip
import os
from pathlib import Path

import pytest
import zstandard

from flows.audit.mend import main
from flows.audit.thinning import Thinned, thin
from sinks.event_head import read_head
from tests.unit.flows.audit.pages import head, line, uuid_of

LATER = 2e9


def written(path: Path, *numbers: int, extra: bytes = b"") -> str:
    data = b"".join(line(head(number)) for number in numbers) + extra
    pack = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}.get(path.suffix, bytes)
    path.write_bytes(pack(data))
    os.utime(path, (1e9, 1e9))
    return str(path)


def lines(path: str | Path) -> list[bytes]:
    data = Path(path).read_bytes()
    unpack = {".gz": gzip.decompress, ".zst": lambda raw: zstandard.ZstdDecompressor().decompressobj().decompress(raw)}
    return unpack.get(Path(path).suffix, bytes)(data).splitlines()


def numbers(path: str | Path) -> list[str]:
    return [read_head(one).uuid for one in lines(path)]


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_the_flow_s_own_file_keeps_what_it_has_and_the_first_beside_what_only_it_has(tmp_path: Path, suffix: str) -> None:
    own = written(tmp_path / f"d.ndjson{suffix}", 1, 2, 2, extra=b"no event\n")
    backfill = written(tmp_path / f"d.backfill.ndjson{suffix}", 1, 3, 2, 4, extra=b"no event either\n")
    audit = written(tmp_path / f"d.audit-1.ndjson{suffix}", 4, 3, 5, 5)
    Path(backfill).chmod(0o640)
    before = Path(own).read_bytes()
    found = [Thinned(backfill, 2), Thinned(audit, 3)]
    assert list(thin([own], [backfill, audit], dry_run=True)) == found
    assert len(lines(audit)) == 4
    assert list(thin([own], [backfill, audit], dry_run=False)) == found
    assert Path(own).read_bytes() == before
    assert lines(backfill) == [*[line(head(number)).rstrip() for number in (3, 4)], b"no event either"]
    assert Path(backfill).stat().st_mode & 0o777 == 0o640
    assert numbers(audit) == [uuid_of(5)]
    assert list(thin([own], [backfill, audit], dry_run=False, now=lambda: LATER)) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(Path(path).name for path in (own, backfill, audit))


def test_a_file_of_which_nothing_is_left_goes(tmp_path: Path) -> None:
    own, beside = written(tmp_path / "d.ndjson", 1, 2), written(tmp_path / "d.backfill.ndjson", 1, 2)
    assert list(thin([own], [beside], dry_run=False)) == [Thinned(beside, 2)]
    assert [path.name for path in tmp_path.iterdir()] == ["d.ndjson"]


def test_what_is_being_written_or_damaged_is_left_as_it_is(tmp_path: Path) -> None:
    own = written(tmp_path / "d.ndjson", 1, 2)
    half = written(tmp_path / "d.audit-1.ndjson", 1, extra=b'{"uuid":')
    fresh = written(tmp_path / "d.audit-2.ndjson", 2)
    os.utime(fresh)
    found = {thinned.path: thinned.left for thinned in thin([own], [half, fresh], dry_run=False)}
    assert "middle of a line" in found[half]
    assert "less than a minute ago" in found[fresh]
    assert Path(half).exists()
    assert numbers(fresh) == [uuid_of(2)]


def configured(folder: Path) -> list[str]:
    config = folder / "okta.toml"
    config.write_text(
        '[[tenants]]\nname = "acme"\norg_url = "https://acme.okta.com"\nauth = { method = "ssws", token_file = "token" }\n'
        '[sinks.archive]\ntype = "file"\npath = "out/{tenant}/{date}.ndjson"\n'
    )
    (folder / "token").write_text("00abc")
    (folder / "token").chmod(0o600)
    (folder / "out" / "acme").mkdir(parents=True)
    return ["--config", str(config), "--since", "2026-05-01T00:00:00Z"]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = configured(tmp_path)
    written(tmp_path / "out/acme/2026-05-10.ndjson", 1, 2)
    beside = written(tmp_path / "out/acme/2026-05-10.backfill.ndjson", 2, 3)
    assert main([*arguments, "--dry-run"]) == 0
    assert f"{beside}: 1 copies would be taken out" in capsys.readouterr().out
    assert main([*arguments, "--sink", "archive", "--tenant", "acme"]) == 0
    assert "1 copies were taken out" in capsys.readouterr().out
    assert numbers(beside) == [uuid_of(3)]
    os.utime(beside)
    written(tmp_path / "out/acme/2026-05-10.ndjson", 1, 2, 3)
    assert main(arguments) == 1
    assert "less than a minute ago" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["--sink", "x"], ["--tenant", "x"], ["--since", "x"], ["--config", "/gone"]])
def test_what_is_wrong_is_said(tmp_path: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*configured(tmp_path), *wrong]) == 2
    assert "x" in capsys.readouterr().err or "/gone" in wrong
