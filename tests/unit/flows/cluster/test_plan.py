"""Command lines, environments and ports of a cluster's processes."""

import ast
from pathlib import Path

import pytest

from flows.cluster.plan import Cluster, members, ports, ports_that_clash, receiver

CONFIG = Path("/etc/okta/okta.toml")


def test_each_process_is_told_its_number_all_addresses_and_the_state() -> None:
    started = members(Cluster(3, CONFIG, Path("/state"), 5, 60, port_base=4000), {})
    assert [member.number for member in started] == [0, 1, 2]
    for number, member in enumerate(started):
        assert member.command[1:] == (
            *("-m", "bytewax.run", "flows.system_log:get_flow('/etc/okta/okta.toml')"),
            *("-i", str(number), "-a", "127.0.0.1:4000;127.0.0.1:4001;127.0.0.1:4002"),
            *("-r", "/state", "-s", "5", "-b", "60"),
        )


def test_a_cluster_of_one_is_a_plain_run() -> None:
    (member,) = members(Cluster(1, CONFIG), {})
    assert member.command[1:] == ("-m", "bytewax.run", "flows.system_log:get_flow('/etc/okta/okta.toml')")
    assert list(ports(Cluster(1, CONFIG))) == []


def test_a_run_until_drained_and_an_odd_path_are_python_literals() -> None:
    path = Path('/srv/it\'s "here"/ökta.toml')
    (member,) = members(Cluster(1, path, until_drained=True), {})
    call = ast.parse(member.command[3].partition(":")[2], mode="eval").body
    assert isinstance(call, ast.Call)
    assert ast.literal_eval(call.args[0]) == str(path)
    assert {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords} == {"until_drained": True}


def test_processes_inherit_the_environment_but_for_what_places_them() -> None:
    environ = {
        "ACME_OKTA_TOKEN": "00x",
        "BYTEWAX_WORKERS_PER_PROCESS": "1",
        "BYTEWAX_PROCESS_ID": "7",
        "BYTEWAX_ADDRESSES": "elsewhere:1",
        "BYTEWAX_HOSTFILE_PATH": "/hosts",
        "BYTEWAX_POD_NAME": "okta-3",
        "BYTEWAX_STATEFULSET_NAME": "okta",
        "BYTEWAX_RECOVERY_DIRECTORY": "/old",
        "BYTEWAX_DATAFLOW_API_ENABLED": "1",
        "BYTEWAX_DATAFLOW_API_PORT": "9",
    }
    for member in members(Cluster(2, CONFIG), environ):
        assert member.environment == {"ACME_OKTA_TOKEN": "00x", "BYTEWAX_WORKERS_PER_PROCESS": "1"}


def test_each_process_has_a_metrics_port_of_its_own() -> None:
    started = members(Cluster(2, CONFIG, metrics_port=3030), {"BYTEWAX_DATAFLOW_API_PORT": "9"})
    assert [member.environment for member in started] == [
        {"BYTEWAX_DATAFLOW_API_ENABLED": "1", "BYTEWAX_DATAFLOW_API_PORT": port} for port in ("3030", "3031")
    ]


def test_every_port_is_known_with_its_purpose() -> None:
    wanted = [(port.host, port.number, port.option) for port in ports(Cluster(2, CONFIG, port_base=4000, metrics_port=5000))]
    assert wanted == [
        ("127.0.0.1", 4000, "--port-base"),
        ("127.0.0.1", 4001, "--port-base"),
        ("0.0.0.0", 5000, "--metrics-port"),  # noqa: S104
        ("0.0.0.0", 5001, "--metrics-port"),  # noqa: S104
    ]


@pytest.mark.parametrize(
    ("port_base", "metrics_port", "told"),
    [
        (2101, 3030, []),
        (2101, 2103, ["port 2103 is wanted twice, for process 2 to listen for the others and for the metrics of process 0"]),
        (65534, None, ["port 65536 for process 2 to listen for the others is not allowed"]),
    ],
)
def test_ports_that_cannot_be_are_told(port_base: int, metrics_port: int | None, told: list[str]) -> None:
    found = list(ports_that_clash(Cluster(3, CONFIG, port_base=port_base, metrics_port=metrics_port)))
    assert len(found) == len(told)
    assert all(text.startswith(start) for text, start in zip(found, told, strict=True))


def test_the_receiver_of_hooks_runs_beside_where_it_is_wanted() -> None:
    assert receiver(Cluster(2, CONFIG), {}) is None
    beside = receiver(Cluster(2, CONFIG, hooks=True, hooks_address=("127.0.0.1", 8480), hooks_metrics_port=9100), {"A": "b"})
    assert beside is not None
    assert beside.command[1:] == ("-m", "okta_source", "hooks", "--config", "/etc/okta/okta.toml", "--metrics-port", "9100")
    assert (beside.name, beside.environment) == ("hooks", {"A": "b"})
    clashing = Cluster(1, CONFIG, hooks=True, hooks_address=("127.0.0.1", 3030), metrics_port=3030)
    assert list(ports_that_clash(clashing)) == [
        "port 3030 is wanted twice, for the receiver of hooks and for the metrics of process 0; choose another --metrics-port"
    ]
