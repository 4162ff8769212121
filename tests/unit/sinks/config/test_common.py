"""The keys that every type of sink has, and which model a table is."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from okta_source.events.categories import CATEGORIES
from sinks.config import ElasticsearchSinkConfig, FileSinkConfig, SinkConfig, WebhookSinkConfig

SINK: TypeAdapter[SinkConfig] = TypeAdapter(SinkConfig)
TABLES: list[dict[str, Any]] = [
    {"type": "file", "path": "x"},
    {"type": "elasticsearch", "hosts": ["localhost:9200"], "target": "okta"},
    {"type": "webhook", "url": "https://siem.example.com/"},
]


def test_type_tells_the_models_apart() -> None:
    assert [type(SINK.validate_python(table)) for table in TABLES] == [FileSinkConfig, ElasticsearchSinkConfig, WebhookSinkConfig]


@pytest.mark.parametrize("table", TABLES)
def test_every_type_has_the_common_keys(table: dict[str, Any]) -> None:
    sink = SINK.validate_python(table)
    assert (sink.tenants, sink.event_types, sink.categories, sink.severity_at_least) == ((), (), (), None)
    assert (sink.format, sink.retry_for_seconds, sink.on_exhausted) == ("raw", 604_800.0, "dead_letter")
    changed = SINK.validate_python({
        **table,
        "tenants": ["acme"],
        "event_types": ["user.session.*"],
        "categories": ["security", "system"],
        "severity_at_least": "WARN",
        "retry_for_seconds": 1,
        "on_exhausted": "stop",
    })  # fmt: skip
    assert (changed.tenants, changed.event_types) == (("acme",), ("user.session.*",))
    assert (changed.categories, changed.severity_at_least) == (("security", "system"), "WARN")
    assert (changed.retry_for_seconds, changed.on_exhausted) == (1.0, "stop")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tenants", "acme"),
        ("tenants", [""]),
        ("event_types", "user.*"),
        ("event_types", [""]),
        ("event_types", [3]),
        ("categories", ["everything"]),
        ("severity_at_least", "warn"),
        ("severity_at_least", ""),
        ("format", "xml"),
        ("retry_for_seconds", 0.9),
        ("retry_for_seconds", 2_592_001),
        ("retry_for_seconds", "60"),
        ("retry_for_seconds", float("nan")),
        ("on_exhausted", "drop"),
    ],
)
def test_values_that_are_refused(key: str, value: object) -> None:
    for table in TABLES:
        with pytest.raises(ValidationError) as caught:
            SINK.validate_python({**table, key: value})
        assert caught.value.errors()[0]["loc"][1] == key


def test_the_categories_are_those_that_events_have() -> None:
    FileSinkConfig(type="file", path="x", categories=CATEGORIES)
    assert len(CATEGORIES) == 5
