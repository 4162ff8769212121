"""What Grafana and Compose are given fits together: files that exist, variables that are set, data sources of the dashboards' types."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.generator.__main__ import FOLDER
from grafana.generator.reading import panels

GRAFANA = Path(__file__).parents[3] / "grafana"
PROVISIONING = sorted((GRAFANA / "provisioning").rglob("*.yml"))
_VARIABLE = re.compile(r"\$\{?([A-Z_]+)\}?")


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def compose() -> dict[str, Any]:
    found: dict[str, Any] = loaded(GRAFANA / "compose.yml")
    return found


def data_sources() -> list[dict[str, Any]]:
    return [each for path in PROVISIONING for each in loaded(path).get("datasources", [])]


def test_every_file_is_of_a_kind_that_grafana_reads():
    kinds = {path.parent.name: "datasources" if path.parent.name == "datasources" else "providers" for path in PROVISIONING}
    assert kinds == {"datasources": "datasources", "dashboards": "providers"}
    for path in PROVISIONING:
        assert loaded(path).keys() == {"apiVersion", kinds[path.parent.name]}
        assert loaded(path)["apiVersion"] == 1


def test_each_kind_of_data_source_that_a_dashboard_asks_is_provided_once():
    asked = {
        panel["datasource"]["type"] for path in FOLDER.glob("dashboards*/*.json") for panel in panels(json.loads(path.read_text("utf-8")))
    }
    assert sorted(each["type"] for each in data_sources()) == sorted(asked)
    for key in ("name", "uid"):
        assert len({each[key] for each in data_sources()}) == len(asked)
    assert [each["type"] for each in data_sources() if each.get("isDefault")] == ["prometheus"]


def test_a_board_that_needs_a_plugin_is_provided_apart():
    """So that it isn't there where its data source isn't."""
    plugins = {
        path.parent.name: {panel["datasource"]["type"] for panel in panels(json.loads(path.read_text("utf-8")))}
        for path in FOLDER.glob("dashboards*/*.json")
        if "opensearch" in path.read_text("utf-8")
    }
    assert plugins == {"dashboards-opensearch": {"grafana-opensearch-datasource"}}
    provided = [path.name for path in PROVISIONING if "-opensearch" in path.read_text("utf-8")]
    assert provided == ["opensearch.yml", "opensearch.yml"]


def test_events_are_found_by_the_time_that_documents_have():
    for each in data_sources():
        if each["type"] != "prometheus":
            assert each["jsonData"]["timeField"] == "@timestamp"


def test_no_password_stands_in_a_file():
    for each in data_sources():
        for value in each.get("secureJsonData", {}).values():
            assert _VARIABLE.fullmatch(value)


def test_the_interval_is_that_of_the_scrapes():
    scraped = loaded(GRAFANA / "prometheus" / "prometheus.yml")["global"]["scrape_interval"]
    assert [each["jsonData"]["timeInterval"] for each in data_sources() if each["type"] == "prometheus"] == [scraped]


def test_compose_sets_every_variable_and_mounts_what_exists():
    services = compose()["services"]
    environment = services["grafana"]["environment"]
    wanted = {name for path in PROVISIONING for name in _VARIABLE.findall(re.sub(r"#.*", "", path.read_text("utf-8")))}
    assert wanted <= environment.keys()
    mounts = {target: source for source, target, *_ in (each.split(":") for each in services["grafana"]["volumes"])}
    folders = [each["options"]["path"] for path in PROVISIONING for each in loaded(path).get("providers", [])]
    mounted = {mounts[re.sub(r"\$\{?OKTA_DASHBOARDS\}?", environment["OKTA_DASHBOARDS"], folder)] for folder in folders}
    assert mounted == {"./dashboards", "./dashboards-opensearch"} == {f"./{path.parent.name}" for path in FOLDER.glob("dashboards*/*.json")}
    home = environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].replace(environment["OKTA_DASHBOARDS"], "dashboards")
    assert (GRAFANA / home).is_file()
    for service in services.values():
        for source, _, *mode in (each.split(":") for each in service["volumes"]):
            if source.startswith("."):
                assert (GRAFANA / source).is_dir()
                assert mode == ["ro"]
            else:
                assert source in compose()["volumes"]


@pytest.mark.parametrize("name", sorted(compose()["services"]))
def test_a_service_is_pinned_and_listens_to_this_machine_alone(name: str):
    service = compose()["services"][name]
    assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])
    if service.get("network_mode") == "host":
        told = [*service.get("command", []), *(f"{key}={value}" for key, value in service.get("environment", {}).items())]
        assert any(each in ("--web.listen-address=127.0.0.1:9090", "GF_SERVER_HTTP_ADDR=127.0.0.1") for each in told)
    else:
        assert all(each.startswith("127.0.0.1:") for each in service["ports"])
