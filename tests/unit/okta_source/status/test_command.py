"""The command as a whole, over endpoints that say what a test wants them to."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from rich.console import Console

from okta_source.__main__ import main
from okta_source.status import command
from okta_source.status.endpoint import default_endpoint, url_of
from okta_source.status.fleet import read_fleet
from okta_source.status.samples import parse
from okta_source.status.table import print_fleet
from okta_source.status.words import count, duration, rate
from tests.e2e.harness import free_ports
from tests.unit.okta_source.status.told import BYTEWAX, NOW, sink, tenant

Serve = Callable[..., str]
WELL = (
    'okta_pipeline_info{process_id="3",version="0.1.0"} 1.0\n' + tenant("acme", display_name="Acme Inc.") + sink("archive", delivered=5000)
)
ILL = tenant("globex", up=0, failing=("auth", "fetch"), lag=7300.0, malformed=3) + sink("search", "elasticsearch", dead=4, breakers=1)


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_now", lambda: NOW)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts an endpoint and returns its host and port; each request is answered with the next text, the last one for ever."""
    servers: list[ThreadingHTTPServer] = []

    def start(*texts: str, status: int = 200) -> str:
        left = list(texts)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_there = self.path == "/metrics"
                body = (left.pop(0) if len(left) > 1 else left[0]).encode() if is_there else b"no"
                self.send_response(status if is_there else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        return f"127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_fleet_that_is_well_exits_0(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", serve(BYTEWAX + WELL)]) == 0
    lines = capsys.readouterr().out.splitlines()
    found = [" ".join(line.split()) for line in lines]
    assert found[0] == "Tenant State Reason Lag Last event Events Rate limit left Reserve Duplicates Malformed"
    assert found[1] == "Acme Inc. (acme) Active 0 s 1 h 1 min ago 100 540 of 600 60 0 0"
    assert found[4] == "archive file 10,001 0 2 0 - 1.0 s ago"
    assert lines[-1] == "1 tenant: 1 active"


def test_a_cluster_with_trouble_exits_1_and_shows_it_first(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", serve(WELL), f"http://{serve(ILL)}"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("globex")
    assert "Failing  auth (fetch), next try in 5.0 s" in lines[1]
    assert lines[2].startswith("Acme Inc. (acme)")
    assert lines[-3:-1] == ["what to change: bytewax-okta check --tenant globex", "dead letters: bytewax-okta replay"]
    assert lines[-1] == "2 tenants: 1 failing, 1 active"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"lag": 5000.0, "next_poll": NOW}, "draining"),
        ({"lag": 5000.0, "next_poll": NOW, "drain_ends": NOW + 780}, "draining, done in about 13 min"),
        ({"lag": 5000.0, "next_poll": NOW + 42, "drain_ends": NOW + 780}, "draining, done in about 13 min, next page in 42 s"),
        ({"lag": 5000.0, "next_poll": NOW + 42}, "draining, next page in 42 s"),  # it waits for the rate limit
        ({"success": NOW - 999}, "last success 16 min ago"),
        ({"success": None, "up": None, "started": NOW - 999}, "no success yet"),
        ({"success": None, "up": None, "started": NOW, "next_poll": NOW + 8}, "first poll in 8.0 s"),
        ({"up": 0, "failing": ("dns", "fetch"), "next_poll": NOW - 3}, "dns (fetch), next try now"),
    ],
)
def test_why_a_tenant_is_as_it_is(serve: Serve, capsys: pytest.CaptureFixture[str], told: dict[str, Any], reason: str) -> None:
    main(["status", serve(tenant("acme", **told))])
    assert f"  {reason}  " in capsys.readouterr().out


def test_json(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    address = serve(WELL)
    (gone,) = free_ports(1)
    assert main(["status", "--json", address, f"127.0.0.1:{gone}"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert told["endpoints"][0] == {"url": f"http://{address}/metrics", "process_id": "3", "version": "0.1.0", "problem": None}
    assert "nobody answers" in told["endpoints"][1]["problem"]
    assert (told["tenants"][0]["tenant"], told["tenants"][0]["state"], told["tenants"][0]["lag_seconds"]) == ("acme", "Active", 0.0)
    assert told["sinks"][0]["delivered"] == 10_000


def test_json_holds_no_number_that_json_does_not_know(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json", serve(tenant("acme", lag=float("nan"), event=float("inf")))]) == 0
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail)["tenants"][0]["lag_seconds"] is None


def test_an_endpoint_that_is_gone_exits_2_says_which_and_what_to_do_and_shows_the_others(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    (gone,) = free_ports(1)
    assert main(["status", f"127.0.0.1:{gone}", serve(WELL)]) == 2
    printed = capsys.readouterr()
    assert "Acme Inc. (acme)" in printed.out
    assert printed.err.startswith(f"http://127.0.0.1:{gone}/metrics: nobody answers there.")
    assert "BYTEWAX_DATAFLOW_API_ENABLED=1" in printed.err


@pytest.mark.parametrize(
    ("text", "status", "why"),
    [("node_load1 0.5\n", 200, "holds no metric of bytewax-okta"), ("x", 503, "answered 503"), (BYTEWAX, 200, "no metric")],
)
def test_an_endpoint_of_something_else_exits_2(serve: Serve, capsys: pytest.CaptureFixture[str], text: str, status: int, why: str) -> None:
    assert main(["status", serve(text, status=status)]) == 2
    printed = capsys.readouterr()
    assert why in printed.err
    assert "BYTEWAX_DATAFLOW_API_ENABLED=1" in printed.err
    assert printed.out == ""


def test_a_proxy_for_the_internet_is_not_asked(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{free_ports(1)[0]}")
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    assert main(["status", serve(WELL)]) == 0


def test_what_is_no_address_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "host:port"]) == 2
    assert "http://host:port/metrics: this is no address" in capsys.readouterr().err


def test_watching_shows_events_per_second_until_it_is_interrupted(
    serve: Serve, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([NOW, NOW + 2.0, NOW + 4.0])
    monkeypatch.setattr(command, "_now", lambda: next(moments))
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "_sleep", sleep)
    address = serve(tenant("acme", received=100), tenant("acme", received=150), tenant("acme", received=150))
    assert main(["status", "--watch", "2", address]) == 130
    shown = [line for line in capsys.readouterr().out.splitlines() if line.startswith("acme")]
    assert ["25/s" in line for line in shown] == [False, True, False]
    assert "0/s" in shown[2]
    assert slept == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "nan"])
def test_a_watch_of_nothing_is_refused(capsys: pytest.CaptureFixture[str], seconds: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["status", "--watch", seconds])
    assert caught.value.code == 2
    assert "--watch" in capsys.readouterr().err


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_a_narrow_terminal_shows_less_but_whole(width: int) -> None:
    out = Console(width=width, record=True, force_terminal=False, highlight=False, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    with out.file:
        print_fleet(read_fleet([("p", parse(WELL + ILL))], NOW), out)
    text = out.export_text()
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for word in ("globex", "Failing", "Active", "2 h 1 min"):
        assert word in text
    assert ("Malformed" in text) is (width >= 130)


def test_what_an_endpoint_says_can_not_steer_the_terminal(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    main(["status", serve(tenant("acme", display_name="x\x1b[2J[red]y"))])
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "[red]y" in printed


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("okta-0:3031", "http://okta-0:3031/metrics"),
        ("okta-0", "http://okta-0:3030/metrics"),
        (":3031", "http://127.0.0.1:3031/metrics"),
        ("[::1]:3031", "http://[::1]:3031/metrics"),
        ("[::1]", "http://[::1]:3030/metrics"),
        ("10.0.0.1:3031/metrics", "http://10.0.0.1:3031/metrics"),
        ("http://okta-0:3031", "http://okta-0:3031/metrics"),
        ("https://okta.example.com/", "https://okta.example.com/metrics"),
        ("https://okta.example.com/okta/metrics?a=b", "https://okta.example.com/okta/metrics?a=b"),
    ],
)
def test_how_an_address_may_be_written(address: str, url: str) -> None:
    assert url_of(address) == url


def test_the_default_is_this_machines_own() -> None:
    assert default_endpoint({}) == "http://127.0.0.1:3030/metrics"
    assert default_endpoint({"BYTEWAX_DATAFLOW_API_PORT": "3044"}) == "http://127.0.0.1:3044/metrics"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"), (float("nan"), "-"), (-5, "0 s"), (0, "0 s"), (0.04, "0.0 s"), (4.24, "4.2 s"), (59.4, "59 s"), (60, "1 min"),
        (95, "1 min 35 s"), (790, "13 min"), (3600, "1 h"), (7300, "2 h 1 min"), (86_400, "1 d"), (183_600, "2 d 3 h"),
        (8_640_000, "100 d"),
    ],
)  # fmt: skip
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_numbers() -> None:
    assert [count(1234567.0), count(None)] == ["1,234,567", "-"]
    assert [rate(None), rate(0.0), rate(0.25), rate(1234.5)] == ["-", "0/s", "0.2/s", "1,234/s"]
