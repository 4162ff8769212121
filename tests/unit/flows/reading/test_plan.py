"""Which files are read, told by their paths."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.reading.archives import Archive, ArchivesUnknown, configured, given
from flows.reading.plan import Wanted, find_files, in_order


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def found(folder: Path, template: str, wanted: Wanted | None = None) -> list[str]:
    files, problems = find_files([Archive("a", str(folder / template))], wanted or Wanted())
    assert not problems
    return [str(Path(file.path).relative_to(folder)) for file in in_order(files)]


def test_files_of_a_template_and_those_beside_them(tmp_path: Path) -> None:
    touch(
        tmp_path, "acme/2026-11-20.ndjson", "acme/2026-11-20.backfill.ndjson.gz", "acme/2026-11-20.audit-20261123T060000Z.ndjson",
        "acme/2026-11-21.ndjson.zst", "acme/2026-11-21.ndjson.1", "acme/other.ndjson", "globex/2026-11-21.ndjson",
        "acme/2026-11-21.ndjson.unfinished", "acme/notes.txt", "acme/2026-11-99.ndjson",
        "ACME/2026-11-21.ndjson", "acme/deep/2026-11-21.ndjson",
    )  # fmt: skip
    assert found(tmp_path, "{tenant}/{date}.ndjson") == [
        "acme/other.ndjson",
        "acme/2026-11-21.ndjson.1",
        "acme/2026-11-21.ndjson.zst",
        "globex/2026-11-21.ndjson",
        "acme/2026-11-20.audit-20261123T060000Z.ndjson",
        "acme/2026-11-20.backfill.ndjson.gz",
        "acme/2026-11-20.ndjson",
    ]
    assert found(tmp_path, "{tenant}/{date}.ndjson", Wanted(tenants=frozenset({"globex"}))) == ["globex/2026-11-21.ndjson"]


@pytest.mark.parametrize(
    ("since", "until", "dates"),
    [
        ("2026-11-21T06:00:01", "2026-11-21T17:59:59", ["21"]),
        ("2026-11-21T05:59:59", "2026-11-21T12:00:00", ["21", "20"]),
        ("2026-11-21T06:00:01", "2026-11-21T18:00:01", ["22", "21"]),
    ],
)
def test_six_hours_of_slack(tmp_path: Path, since: str, until: str, dates: list[str]) -> None:
    touch(tmp_path, "2026-11-20.ndjson", "2026-11-21.ndjson", "2026-11-22.ndjson", "other.ndjson")
    names = found(tmp_path, "{date}.ndjson", Wanted(at(since), at(until)))
    assert names == ["other.ndjson", *(f"2026-11-{date}.ndjson" for date in dates)]


def test_hours_and_folders_of_days_are_not_entered_in_vain(tmp_path: Path) -> None:
    touch(tmp_path, *(f"2026-11-{day}/acme/{hour:02}.ndjson.zst" for day in (20, 21) for hour in range(24)))
    wanted = Wanted(at("2026-11-21T12:00"), at("2026-11-21T12:30"))
    (tmp_path / "2026-11-20").chmod(0)
    try:
        names = found(tmp_path, "{date}/{tenant}/{hour}.ndjson.zst", wanted)
    finally:
        (tmp_path / "2026-11-20").chmod(0o755)
    assert [name[16:18] for name in names] == [f"{hour:02}" for hour in range(18, 5, -1)]


def test_a_placeholder_twice_means_the_same_twice(tmp_path: Path) -> None:
    touch(tmp_path, "acme/acme-2026-11-20.ndjson", "acme/globex-2026-11-20.ndjson")
    assert found(tmp_path, "{tenant}/{tenant}-{date}.ndjson") == ["acme/acme-2026-11-20.ndjson"]


def test_plain_paths(tmp_path: Path) -> None:
    touch(tmp_path, "one/a-2026-11-20.ndjson.gz", "one/b.jsonl", "one/readme.md", "single")
    files, problems = find_files(given([str(tmp_path / "one"), str(tmp_path / "single"), str(tmp_path / "one/*.gz")]).archives, Wanted())
    assert not problems
    assert sorted(Path(file.path).name for file in files) == ["a-2026-11-20.ndjson.gz", "b.jsonl", "single"]
    assert next(file.start for file in files if "a-2026" in file.path) == at("2026-11-20")
    _, problems = find_files(given([str(tmp_path / "missing.ndjson")]).archives, Wanted())
    assert problems == [f"{tmp_path / 'missing.ndjson'}: there is no such file"]


CONFIG = """
[[tenants]]
name = "acme"
auth = { token_env = "THERE_IS_NO_SUCH_SECRET" }
[sinks.archive]
type = "file"
path = "data/{tenant}/{date}.ndjson"
compression = "zstd"
[sinks.alerts]
type = "file"
path = "alerts/{date}.ndjson"
kinds = ["alerts"]
[sinks.search]
type = "elasticsearch"
"""


def test_the_file_sinks_of_a_configuration_without_its_secrets(tmp_path: Path) -> None:
    path = tmp_path / "okta.toml"
    path.write_text(CONFIG)
    sources = configured(str(path))
    assert sources.archives == (Archive("archive", str(tmp_path / "data/{tenant}/{date}.ndjson.zst")),)
    assert sources.tenants == ("acme",)
    assert [archive.name for archive in configured(str(path), alerts=True).archives] == ["alerts"]
    assert configured(None, environ={"OKTA_PIPELINE_CONFIG": str(path)}) == sources


@pytest.mark.parametrize(
    ("config", "sinks", "words"),
    [
        (CONFIG, ["search"], "has no file sink of that name; there are: archive, alerts"),
        ("[sinks.a]\ntype = 'webhook'", [], "there is nothing to search"),
        ("[sinks.a", [], "not TOML"),
        ("[sinks.a]\ntype = 'file'\npath = 'x/{day}'", [], "the placeholders are {tenant}, {date} and {hour}"),
        ("[sinks.a]\ntype = 'file'\npath = 3", [], "path or compression is not usable"),
    ],
)
def test_what_says_not_where_the_files_are(tmp_path: Path, config: str, sinks: list[str], words: str) -> None:
    path = tmp_path / "okta.toml"
    path.write_text(config)
    with pytest.raises(ArchivesUnknown) as caught:
        configured(str(path), sinks)
    assert words in str(caught.value)


def test_no_configuration_to_take_archives_from(tmp_path: Path) -> None:
    with pytest.raises(ArchivesUnknown, match="there is no such file; name another one with --config"):
        configured(str(tmp_path / "okta.toml"))
