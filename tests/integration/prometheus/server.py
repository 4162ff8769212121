"""A Prometheus server of a test's own, on loopback, with its data in the test's folder."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from tests.e2e.harness import free_ports

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_LOOK_SECONDS = 0.2


def prometheus_available() -> str | None:
    """None if Prometheus is installed, else what to do about it."""
    return None if shutil.which("prometheus") else "Prometheus is not installed: install it (Debian: apt-get install prometheus)"


@dataclass(frozen=True)
class Sample:
    """One series of an answer.

    Attributes:
        labels: Its labels, the metric's name as `__name__` among them.
        value: Its value.
    """

    labels: Mapping[str, str]
    value: float


class PrometheusServer:
    """Runs from entering to leaving.

    Args:
        folder: Where its files go; it must not exist.
        config: What prometheus.yml says.
        files: What stands beside it, by name.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]]) -> None:
        folder.mkdir()
        for name, content in {"prometheus.yml": config, **files}.items():
            (folder / name).write_text(yaml.safe_dump(content))
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / "log.txt"
        self._folder = folder
        self._command = [
            "prometheus",
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        # A proxy of the environment is not for loopback.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder)
        deadline = time.monotonic() + _START_SECONDS
        try:
            while not self._is_ready():
                assert self._process.poll() is None, f"Prometheus ended: {self.log()}"
                assert time.monotonic() < deadline, f"Prometheus did not start in time: {self.log()}"
                time.sleep(0.05)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    def log(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(errors="replace")

    def get(self, path: str, **parameters: str) -> Any:
        """The data that its HTTP API answers with."""
        url = f"{self.url}{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with self._opener.open(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refusal:
            message = f"{url}: {refusal.read().decode()}"
            raise AssertionError(message) from None

    def query(self, expr: str) -> list[Sample]:
        """An expression's series at this moment."""
        found = self.get("/api/v1/query", query=expr)
        if found["resultType"] == "scalar":
            return [Sample({}, float(found["result"][1]))]
        return [Sample(series["metric"], float(series["value"][1])) for series in found["result"]]

    def names(self) -> set[str]:
        """Every metric that it has seen."""
        return set(self.get("/api/v1/label/__name__/values"))

    def alerts(self, state: str = "firing") -> set[tuple[str, str]]:
        """Alerts in a state: name, and the tenant, organisation or sink that it is about."""
        return {_about(alert["labels"]) for alert in self.get("/api/v1/alerts")["alerts"] if alert["state"] == state}

    def ever_fired(self) -> set[tuple[str, str]]:
        """Alerts that have fired at any time."""
        return {_about(sample.labels) for sample in self.query('max_over_time(ALERTS{alertstate="firing"}[1h])')}

    def wait_for(self, condition: Callable[[], bool], what: str, timeout_seconds: float = 60.0) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + timeout_seconds
        while not condition():
            assert time.monotonic() < deadline, f"waited {timeout_seconds:g} s in vain for {what}; alerts: {self.get('/api/v1/alerts')}"
            time.sleep(_LOOK_SECONDS)

    def _is_ready(self) -> bool:
        try:
            with self._opener.open(f"{self.url}/-/ready", timeout=5):
                return True
        except OSError:
            return False

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _about(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels["alertname"], next((labels[name] for name in ("tenant", "org", "sink") if name in labels), "")
