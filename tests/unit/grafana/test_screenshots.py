"""Pictures of the dashboards: each asked for at its address, and an honest word where none can be had."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from grafana.generator.boards import BOARDS
from grafana.screenshots import main

PICTURE = b"\x89PNG\r\n\x1a\n"


class Grafana(ThreadingHTTPServer):
    """Answers every request with one body, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.body = PICTURE
        self.asked: list[tuple[str, str | None]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Grafana

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        """Nothing: its lines would stand among pytest's."""


@pytest.fixture
def grafana(monkeypatch: pytest.MonkeyPatch) -> Iterator[Grafana]:
    monkeypatch.setenv("NO_PROXY", "*")
    with Grafana() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_each_dashboard_is_drawn(grafana: Grafana, tmp_path: Path):
    environment = {"GRAFANA_URL": f"http://127.0.0.1:{grafana.server_port}/", "GRAFANA_TOKEN": "glsa_1"}
    assert main(["--folder", str(tmp_path / "new")], environment) == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == {f"{Path(name).name}.png": PICTURE for name in BOARDS}
    assert [path.partition("?")[0] for path, _ in grafana.asked] == [f"/render/d/okta-{Path(name).name}" for name in BOARDS]
    assert {token for _, token in grafana.asked} == {"Bearer glsa_1"}


def test_no_grafana_and_no_renderer_are_told(grafana: Grafana, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["--folder", str(tmp_path)], {}) == 2
    assert "Set GRAFANA_URL" in capsys.readouterr().err
    grafana.body = b"<html>"
    assert main(["--folder", str(tmp_path)], {"GRAFANA_URL": f"http://127.0.0.1:{grafana.server_port}"}) == 2
    assert "image renderer" in capsys.readouterr().err
    assert main(["--folder", str(tmp_path)], {"GRAFANA_URL": "http://127.0.0.1:1"}) == 2
    assert "can't draw okta-delivery" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
