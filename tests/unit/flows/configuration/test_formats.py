"""Keys about formats: whose they are, what they are by default, and where they have no place."""

from pathlib import Path

import pytest

from flows.configuration.settings import ConfigurationError, Settings, load

ENVIRON = {"TOKEN": "00abc"}
TENANT = """
[[tenants]]
name = "acme"
org_url = "https://acme.okta.com"
[tenants.auth]
method = "ssws"
token_env = "TOKEN"
"""
SEARCH = 'type = "elasticsearch"\nhosts = ["http://localhost:9200"]\n'


def settings_of(folder: Path, pipeline: str = "", **sinks: str) -> Settings:
    file = folder / "okta.toml"
    tables = "".join(f"[sinks.{name}]\n{table}\n" for name, table in sinks.items())
    file.write_text(f"[pipeline]\n{pipeline}\n{TENANT}\n{tables}")
    return load(file, ENVIRON)


def problems(folder: Path, pipeline: str = "", **sinks: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        settings_of(folder, pipeline, **sinks)
    return [str(problem).partition(": ")[2] for problem in caught.value.problems]


def test_a_sink_has_the_pipelines_format_unless_it_says_otherwise(tmp_path: Path) -> None:
    file = 'type = "file"\npath = "%s/{date}"\n'
    settings = settings_of(
        tmp_path, 'format = "ocsf"\nocsf_version = "1.8.0"', a=file % "a", b=file % "b" + 'format = "ecs"', c=file % "c" + 'format = "raw"'
    )
    assert {name: sink.format for name, sink in settings.sinks.items()} == {"a": "ocsf", "b": "ecs", "c": "raw"}
    assert settings.pipeline.ocsf_version == "1.8.0"
    assert settings_of(tmp_path, a=file % "a").pipeline.ocsf_version == "1.3.0"


@pytest.mark.parametrize(("pipeline", "own"), [('format = "ecs"', ""), ("", 'format = "ecs"')])
def test_ecs_documents_go_where_elastics_rules_look(tmp_path: Path, pipeline: str, own: str) -> None:
    assert settings_of(tmp_path, pipeline, search=SEARCH + own).sinks["search"].target == "logs-okta.system-default"  # type: ignore[union-attr]
    assert settings_of(tmp_path, pipeline, search=SEARCH + own + '\ntarget = "x"').sinks["search"].target == "x"  # type: ignore[union-attr]


@pytest.mark.parametrize(("pipeline", "own"), [("", ""), ('format = "ecs"', 'format = "raw"'), ("", 'format = "ocsf"')])
def test_others_need_a_target(tmp_path: Path, pipeline: str, own: str) -> None:
    [problem] = problems(tmp_path, pipeline, search=SEARCH + own)
    assert problem.startswith("sinks.search.target: missing")


def test_options_have_their_place_beside_their_format(tmp_path: Path) -> None:
    file = 'type = "file"\npath = "x"\n'
    settings = settings_of(
        tmp_path, 'format = "ecs"', a=file + "event_original = false", b=SEARCH + 'format = "ocsf"\ntarget = "y"\nraw_data = true'
    )
    assert settings.sinks["a"].event_original is False
    assert settings.sinks["b"].raw_data is True
    needed = "in this table or in [pipeline], or no such key"
    assert problems(
        tmp_path, 'format = "ocsf"', a=file + "event_original = true", b=SEARCH + 'format = "raw"\ntarget = "y"\nraw_data = false'
    ) == [
        f'sinks.a.event_original: given beside format ocsf; needed: format = "ecs" {needed}',
        f'sinks.b.raw_data: given beside format raw; needed: format = "ocsf" {needed}',
    ]


def test_versions_that_there_are_not(tmp_path: Path) -> None:
    assert problems(tmp_path, 'ocsf_version = "1.2.0"', a='type = "file"\npath = "x"') == [
        'pipeline.ocsf_version: "1.2.0" is not allowed; allowed: 1.3.0, 1.4.0, 1.5.0, 1.6.0, 1.7.0, 1.8.0'
    ]
