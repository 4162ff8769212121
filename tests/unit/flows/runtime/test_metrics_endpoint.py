"""Metrics are served or the run doesn't begin: what Bytewax would only panic about is found before."""

import logging
import os
import socket
from pathlib import Path

import bytewax._metrics
import pytest
from prometheus_client import REGISTRY, generate_latest

from flows.runtime.metrics_endpoint import CACHE_PATH, ENABLED, PORT, MetricsUnavailable, prepare_metrics, process_id
from tests.e2e.harness import free_ports

EVERYWHERE = "0.0.0.0"  # noqa: S104  # where Bytewax binds


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytewax._metrics, "generate_python_metrics", bytewax._metrics.generate_python_metrics)


@pytest.fixture
def environ() -> dict[str, str]:
    return {ENABLED: "1", PORT: str(free_ports(1)[0])}


def test_a_free_port_is_left_free(environ: dict[str, str]) -> None:
    prepare_metrics([], environ)
    with socket.socket() as theirs:
        theirs.bind((EVERYWHERE, int(environ[PORT])))


@pytest.mark.parametrize("interface", [EVERYWHERE, "127.0.0.1"])
def test_a_port_in_use_is_told_with_what_to_do(environ: dict[str, str], interface: str) -> None:
    with socket.socket() as theirs:
        theirs.bind((interface, int(environ[PORT])))
        theirs.listen()
        with pytest.raises(MetricsUnavailable) as caught:
            prepare_metrics([], environ)
    for word in (environ[PORT], "Address already in use", PORT, "each process of a cluster"):
        assert word in str(caught.value)


def test_a_port_whose_last_connection_is_still_winding_up_is_free(environ: dict[str, str]) -> None:
    with socket.socket() as theirs:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        theirs.bind(("127.0.0.1", int(environ[PORT])))
        theirs.listen()
        with socket.create_connection(theirs.getsockname()) as client:
            accepted, _ = theirs.accept()
            accepted.close()  # the end that closes first keeps the connection in TIME_WAIT
            assert client.recv(1) == b""
    prepare_metrics([], environ)


def test_a_port_in_use_is_no_trouble_where_no_metrics_are_wanted(environ: dict[str, str]) -> None:
    del environ[ENABLED]
    with socket.socket() as theirs:
        theirs.bind((EVERYWHERE, int(environ[PORT])))
        theirs.listen()
        prepare_metrics([], environ)
    assert CACHE_PATH not in environ


@pytest.mark.parametrize("port", ["", "http", "0", "65536", "-1", " 3030", "30.30", "٣٠"])
def test_what_is_no_port_is_told(environ: dict[str, str], port: str) -> None:
    with pytest.raises(MetricsUnavailable, match=r"is no port for the metrics; allowed: 1 to 65535"):
        prepare_metrics([], environ | {PORT: port})


@pytest.mark.parametrize(("value", "warns"), [("1", False), ("true", False), ("0", True), ("", True), ("False", True), ("no", True)])
def test_a_variable_that_is_meant_as_off_is_told_to_be_on(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture, value: str, warns: bool
) -> None:
    with caplog.at_level(logging.WARNING):
        prepare_metrics([], environ | {ENABLED: value})
    assert ("unset it" in caplog.text) is warns


def test_bytewax_writes_its_file_into_a_folder_of_this_user_alone(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for _ in range(2):
        environ.pop(CACHE_PATH, None)
        prepare_metrics([], environ)
    (folder,) = tmp_path.iterdir()
    assert environ[CACHE_PATH] == str(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("theirs", ["open", "link"])
def test_a_folder_that_somebody_else_has_laid_out_is_not_used(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, theirs: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    trap = tmp_path / f"bytewax-okta-{os.getuid()}"
    if theirs == "open":
        trap.mkdir()
        trap.chmod(0o777)
    else:
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        trap.symlink_to(tmp_path / "elsewhere")
    prepare_metrics([], environ)
    assert environ[CACHE_PATH] != str(trap)
    assert Path(environ[CACHE_PATH]).stat().st_mode & 0o777 == 0o700


def test_a_folder_of_the_operators_choice_is_looked_at(environ: dict[str, str], tmp_path: Path) -> None:
    prepare_metrics([], environ | {CACHE_PATH: str(tmp_path)})
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(MetricsUnavailable, match=rf"{CACHE_PATH}.*No such file.*dataflow\.json"):
        prepare_metrics([], environ | {CACHE_PATH: str(tmp_path / "gone")})


def test_bytewax_then_asks_for_the_same_text_made_faster(environ: dict[str, str]) -> None:
    before = bytewax._metrics.generate_python_metrics
    prepare_metrics([], environ)
    assert bytewax._metrics.generate_python_metrics is not before
    names = {line.split()[2] for line in bytewax._metrics.generate_python_metrics().splitlines() if line.startswith("# TYPE")}
    assert names == {line.split()[2] for line in generate_latest(REGISTRY).decode().splitlines() if line.startswith("# TYPE")}


@pytest.mark.parametrize(
    ("argv", "environ", "expected"),
    [
        ([], {}, "0"),
        (["flows.system_log", "-i", "2", "-a", "a;b;c"], {}, "2"),
        (["--process-id=3"], {}, "3"),
        (["--process", "4"], {"BYTEWAX_PROCESS_ID": "1"}, "4"),
        ([], {"BYTEWAX_PROCESS_ID": "1"}, "1"),
        ([], {"BYTEWAX_POD_NAME": "okta-7", "BYTEWAX_STATEFULSET_NAME": "okta"}, "7"),
        ([], {"BYTEWAX_PROCESS_ID": "1", "BYTEWAX_POD_NAME": "okta-7", "BYTEWAX_STATEFULSET_NAME": "okta"}, "1"),
    ],
)
def test_the_process_is_known_as_bytewax_knows_it(argv: list[str], environ: dict[str, str], expected: str) -> None:
    assert process_id(argv, environ) == expected


def test_the_process_is_told_whether_or_not_bytewax_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_metrics(["-i", "5"], {})
    (sample,) = next(family for family in REGISTRY.collect() if family.name == "okta_pipeline_info").samples
    assert sample.labels["process_id"] == "5"
    assert sample.labels["version"]
