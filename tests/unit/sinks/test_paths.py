from datetime import UTC, datetime, timedelta, timezone

import pytest

from sinks.documents import Documents
from sinks.paths import PathTemplate, safe_name
from tests.unit.sinks.conftest import Head

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
NOW = datetime(2024, 5, 2, 12, tzinfo=UTC)


def split(template, documents):
    groups = PathTemplate(template).split(documents, documents.span(), NOW)
    return [(path, [head.uuid for head in group.heads]) for path, group in groups]


def test_all_placeholders():
    assert PathTemplate("/d/{tenant}/{date}T{hour}.x").render("acme", NOON) == "/d/acme/2024-05-01T12.x"


def test_date_and_hour_are_those_of_utc():
    late = datetime(2024, 5, 1, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert PathTemplate("/{date}T{hour}").render("acme", late) == "/2024-05-02T04"


def test_a_suffix_is_added_only_where_it_is_missing():
    assert PathTemplate("/a/{tenant}.ndjson", ".gz").text == "/a/{tenant}.ndjson.gz"
    assert PathTemplate("/a/{tenant}.ndjson.gz", ".gz").text == "/a/{tenant}.ndjson.gz"


def test_a_page_of_one_day_stays_the_same_object(make_page):
    documents = make_page("acme", (1, "2024-05-01T00:00"), (2, "2024-05-01T23:59"))
    ((path, group),) = PathTemplate("/{tenant}/{date}").split(documents, documents.span(), NOW)
    assert path == "/acme/2024-05-01"
    assert group is documents


def test_a_page_across_midnight_is_split_in_order(make_page):
    documents = make_page("acme", (1, "2024-05-01T23:58"), (2, "2024-05-02T00:00"), (3, "2024-05-01T23:59"), (4, "2024-05-02T00:01"))
    assert split("/{date}", documents) == [("/2024-05-01", ["1", "3"]), ("/2024-05-02", ["2", "4"])]


def test_hours_are_split(make_page):
    documents = make_page("acme", (1, "2024-05-01T09:59"), (2, "2024-05-01T10:00"))
    assert split("/{date}T{hour}", documents) == [("/2024-05-01T09", ["1"]), ("/2024-05-01T10", ["2"])]


def test_the_same_hour_of_two_days_is_one_file_but_what_lies_between_is_another(make_page):
    documents = make_page("acme", (1, "2024-05-01T09:00"), (2, "2024-05-01T15:00"), (3, "2024-05-02T09:00"))
    assert split("/{hour}", documents) == [("/09", ["1", "3"]), ("/15", ["2"])]


def test_without_a_time_there_is_one_file(make_page):
    documents = make_page("acme", (1, "2024-05-01T09:00"), (2, "2025-05-01T15:00"))
    assert split("/{tenant}.ndjson", documents) == [("/acme.ndjson", ["1", "2"])]


@pytest.mark.parametrize("template", ["/{day}", "/{tenant", "/tenant}", "/{}", "/{Tenant}", "/{{tenant}}"])
def test_anything_else_in_braces_is_refused(template):
    with pytest.raises(ValueError, match="placeholders are"):
        PathTemplate(template)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\0", ".hidden", "-x", "a b", "a\n", "x" * 129])
def test_names_that_could_leave_their_folder_are_refused(name):
    with pytest.raises(ValueError, match="file name"):
        safe_name(name)
    with pytest.raises(ValueError, match="file name"):
        PathTemplate("/{tenant}").render(name, NOON)


def test_events_of_unlikely_times_share_one_place(make_page):
    documents = make_page(
        "acme", (1, "2024-05-01T09:00"), (2, "0999-01-02T00:00"), (3, "2024-05-04T11:59"), (4, "2024-05-04T12:01"), (5, "9999-12-31T23:59")
    )
    assert split("/{tenant}/{date}", documents) == [
        ("/acme/2024-05-01", ["1"]), ("/acme/other", ["2", "4", "5"]), ("/acme/2024-05-04", ["3"]),
    ]  # fmt: skip
    assert split("/{date}T{hour}", make_page("acme", (1, "2023-04-01T09:00"))) == [("/otherTother", ["1"])]
    assert split("/{hour}", make_page("acme", (1, "2023-05-03T09:00"), (2, "2023-04-30T09:00"))) == [("/09", ["1"]), ("/other", ["2"])]
    assert split("/{tenant}", documents) == [("/acme", ["1", "2", "3", "4", "5"])]


@pytest.mark.parametrize("template", ["/{date}", "/{hour}", "/{date}T{hour}", "/{tenant}"])
def test_every_moment_of_the_calendar_has_a_place_whatever_its_offset(template):
    ends = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))
    for moment in ends:
        for minutes in range(-1439, 1440, 7):
            zone = timezone(timedelta(minutes=minutes))
            try:
                shifted = moment.astimezone(zone)
            except OverflowError:
                continue
            one = Documents("acme", [Head("1", shifted)], [b"{"], [b"}"])
            ((path, _),) = PathTemplate(template).split(one, one.span(), NOW)
            assert path == ("/acme" if template == "/{tenant}" else template.replace("{date}", "other").replace("{hour}", "other"))


@pytest.mark.parametrize(
    ("template", "base", "path", "key"),
    [
        ("/prod/data/{tenant}/{date}.x", "/prod", "/prod/data/acme/2024-05-01.x", "data/acme/2024-05-01.x"),
        ("/prod/../data/{tenant}", "/prod", "/prod/../data/acme", "../data/acme"),
        ("/data/{tenant}/{date}.x", "", "/data/acme/2024-05-01.x", "/data/acme/2024-05-01.x"),
        ("/{tenant}T{hour}", "/", "/acmeT12", "acmeT12"),
        ("/prod/{tenant}/{date}.x", "/prod", "/prod/acme/other.x", "acme/other.x"),
    ],
)
def test_a_file_is_remembered_by_its_key(template, base, path, key):
    paths = PathTemplate(template, base=base)
    assert paths.key_of(path) == key
    assert paths.path_of(key) == path
    assert paths.makes("acme", key)
    assert not paths.makes("globex", key)


@pytest.mark.parametrize(
    "key", ["data/acme/2024-05-01.ndjson.gz", "data/acme/2024-5-1.ndjson", "data/acme/x/2024-05-01.ndjson", "/data/acme"]
)
def test_what_a_template_does_not_make(key):
    assert not PathTemplate("/prod/data/{tenant}/{date}.ndjson", base="/prod").makes("acme", key)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/prod/data/acme/2024-05-01.x", "data/acme/2024-05-01.x"),
        ("/old/place/data/acme/2024-05-01.x", "data/acme/2024-05-01.x"),
        ("/old/mydata/acme/2024-05-01.x", "/old/mydata/acme/2024-05-01.x"),
        ("/old/data/globex/2024-05-01.x", "/old/data/globex/2024-05-01.x"),
    ],
)
def test_the_key_of_a_path_that_an_earlier_release_remembered(path, key):
    assert PathTemplate("/prod/data/{tenant}/{date}.x", base="/prod").key_of_absolute("acme", path) == key
