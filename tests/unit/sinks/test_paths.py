from datetime import UTC, datetime, timedelta, timezone

import pytest

from sinks.paths import PathTemplate, safe_name

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def split(template, documents):
    groups = PathTemplate(template).split(documents, documents.span())
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
    ((path, group),) = PathTemplate("/{tenant}/{date}").split(documents, documents.span())
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
