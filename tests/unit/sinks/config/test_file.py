"""The table of a sink, and which file sinks get into each other's way."""

import time
from datetime import timedelta

import pytest
from pydantic import ValidationError

from sinks.config import FileSinkConfig, clashing_files


def sink(path: str, compression: str = "none") -> FileSinkConfig:
    return FileSinkConfig(type="file", path=path, compression=compression)


def clashes(paths: dict[str, str], *tenants: str) -> list[tuple[str, str]]:
    return list(clashing_files({name: sink(path) for name, path in paths.items()}, tenants))


def test_defaults() -> None:
    config = sink("out/{tenant}/{date}.ndjson")
    assert (config.type, config.compression, config.format) == ("file", "none", "raw")
    assert config.path == "out/{tenant}/{date}.ndjson"


def test_a_relative_path_counts_from_the_folder_an_absolute_one_stays() -> None:
    context = {"folder": "/etc/okta"}
    relative = FileSinkConfig.model_validate({"type": "file", "path": "out/{date}"}, context=context)
    absolute = FileSinkConfig.model_validate({"type": "file", "path": "/out/{date}"}, context=context)
    assert relative.path == "/etc/okta/out/{date}"
    assert absolute.path == "/out/{date}"
    assert (relative.base, absolute.base) == ("/etc/okta", "")
    assert relative.model_copy(update={"path": "/etc/okta/out/{date}.backfill"}).base == "/etc/okta"
    assert (relative.place, absolute.place) == ("/etc/okta/out", "/out")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "out/",
        ".",
        "..",
        "out/..",
        "out/.",
        "out/{day}",
        "out/{}",
        "out/{tenant",
        "out/tenant}",
        "out/{{tenant}}",
        "out/{tenant!r}",
        "out/{tenant:>9}",
        "out/{Tenant}",
        "a\nb",
        "a\0b",
    ],
)
def test_a_path_that_names_no_file_or_has_other_braces_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match=r"\{tenant\}, \{date\} and \{hour\} may stand"):
        sink(path)


@pytest.mark.parametrize("path", ["x", "out/{tenant}", "{tenant}{date}{hour}", ".hidden", "a..b", "out/ä"])
def test_paths_that_are_allowed(path: str) -> None:
    assert sink(path).path == path


@pytest.mark.parametrize("change", [{"compression": "zip"}, {"format": "xml"}, {"type": "webhook"}, {"path": 3}, {"more": 1}])
def test_other_values_and_keys_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FileSinkConfig.model_validate({"type": "file", "path": "x", **change})


def test_a_sink_is_frozen_and_its_error_shows_no_value() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        sink("x").path = "y"
    with pytest.raises(ValidationError) as caught:
        sink("hunter2/{day}")
    assert "hunter2" not in str(caught.value)


def test_the_same_path_clashes_once_per_pair() -> None:
    paths = {"a": "out/{tenant}/{date}", "b": "other/{tenant}", "c": "out/{tenant}/{date}"}
    assert clashes(paths, "acme", "globex") == [("a", "c")]
    assert clashes({"a": "x", "b": "x", "c": "x"}, "acme") == [("a", "b"), ("a", "c"), ("b", "c")]


@pytest.mark.parametrize(
    ("one", "other", "tenants"),
    [
        ("out/{tenant}", "out/./{tenant}", ["acme"]),
        ("out/{tenant}", "out//{tenant}", ["acme"]),
        ("out/{tenant}", "out/x/../{tenant}", ["acme"]),
        ("../out/{tenant}", "../x/../out/{tenant}", ["acme"]),
        ("out/{tenant}", "out/acme", ["acme"]),
        ("out/{date}", "out/2026-01-31", ["acme"]),
        ("out/{date}/{hour}", "out/2026-01-31/07", ["acme"]),
        ("out/{hour}{hour}", "out/0700", ["acme"]),
        ("out/{tenant}-b", "out/{tenant}", ["a", "a-b"]),
        ("out/{tenant}-{hour}", "out/{tenant}", ["a", "a-07"]),
    ],
)
def test_paths_that_can_be_one_file_clash(one: str, other: str, tenants: list[str]) -> None:
    assert clashes({"one": one, "other": other}, *tenants) == [("one", "other")]
    assert clashes({"other": other, "one": one}, *tenants) == [("other", "one")]


@pytest.mark.parametrize(
    ("one", "other", "tenants"),
    [
        ("out/{tenant}/{date}", "out/{tenant}/{hour}", ["acme"]),
        ("v1/{tenant}/{date}", "v2/{tenant}/{date}", ["acme"]),
        ("out/{tenant}/{date}", "out/{tenant}-{date}", ["acme"]),
        ("out/{date}", "out/2026-01-3x", ["acme"]),
        ("out/{tenant}-b", "out/{tenant}", ["a", "b"]),
        ("out/{tenant}", "../out/{tenant}", ["acme"]),
        ("out/{tenant}", "Out/{tenant}", ["acme"]),
    ],
)
def test_paths_that_are_never_one_file_do_not_clash(one: str, other: str, tenants: list[str]) -> None:
    assert clashes({"one": one, "other": other}, *tenants) == []


def test_compression_that_gives_another_ending_is_another_file() -> None:
    plain, packed = sink("out/x"), sink("out/x", "gzip")
    assert list(clashing_files({"a": plain, "b": packed}, ["acme"])) == []
    assert list(clashing_files({"a": sink("out/x.gz"), "b": packed}, ["acme"])) == [("a", "b")]


def test_thousands_of_tenants_are_not_compared_one_by_one() -> None:
    tenants = [f"tenant-{number:04}" for number in range(5000)]
    started = time.monotonic()
    assert clashes({"a": "v1/{tenant}/{date}", "b": "v2/{tenant}/{date}"}, *tenants) == []
    assert clashes({"a": "out/{tenant}/{date}", "b": "out/{tenant}/{date}"}, *tenants) == [("a", "b")]
    assert time.monotonic() - started < 5  # pair by pair it takes twenty seconds and more


@pytest.mark.parametrize(
    ("path", "keep", "expected"),
    [
        ("{date}", "90d", timedelta(days=90)),
        ("{date}T{hour}", "36h", timedelta(hours=36)),
        ("{date}", "48h", timedelta(days=2)),
        ("{tenant}", "", None),
    ],
)
def test_how_long_files_are_kept(path: str, keep: str, expected: timedelta | None) -> None:
    assert FileSinkConfig.model_validate({"type": "file", "path": path, "keep": keep}).keep == expected


@pytest.mark.parametrize(
    ("path", "keep", "words"),
    [
        ("{tenant}", "90d", "put {date} into path"),
        ("{tenant}/{hour}", "90d", "put {date} into path"),
        ("{date}", "36h", "whole days"),
        ("{date}", "90", "a number of days or hours, such as 90d"),
        ("{date}", "0d", "a number of days or hours, such as 90d"),
        ("{date}", "-1d", "a number of days or hours, such as 90d"),
        ("{date}", 90, "a number of days or hours, such as 90d"),
    ],
)
def test_what_keep_does_not_take(path: str, keep: object, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        FileSinkConfig.model_validate({"type": "file", "path": path, "keep": keep})
    assert words in str(caught.value)
