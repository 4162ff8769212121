"""The organisations of `fleet.py`, in a process of their own: so many on a port each, some of them broken, and events at a steady rate.

    python -m tests.benchmarks.fleet_server FOLDER --tenants 1000 --failing 50 --events-per-second 100

Writes `tenants.json` (how to reach each) into the folder and says `ready`; on SIGTERM `observed.json`: when each organisation was asked and
what it answered, and when each live event was persisted.
"""

import argparse
import json
import random
import resource
import signal
import threading
import time
from itertools import cycle
from pathlib import Path

from okta_source.simulator import Faults, Organisation, RateLimit, Scripted, Simulator
from okta_source.simulator.certificates import CertificateAuthority
from okta_source.simulator.records import Answer, Request

_HANG_SECONDS = 600.0
_BURST_EVENTS = 3
_BUSY_SHARE = 0.02
"""Half of the events come from so many of the organisations, as it is with customers."""


class Broken(Organisation):
    """An organisation that answers every request with one script."""

    always: Scripted | None = None

    def respond(self, request: Request) -> Answer:
        """The answer."""
        if self.always:
            self.script(self.always)
        return super().respond(request)


FAILURES = ("401", "403", "400", "500s", "hangs", "stalls", "refused", "dns", "tls", "html", "garbage", "429", "slow", "resets")


def break_it(organisation: Broken, kind: str) -> None:
    """Make an organisation fail; what is done to its address instead is done by `address`."""
    if kind == "401":
        organisation.token = "00another"  # made up
    elif kind == "403":
        organisation.forbidden = True
    elif kind == "400":
        organisation.always = Scripted(status=400)
    elif kind == "slow":
        organisation.latency_seconds = 8.0
    else:
        faults = {
            "500s": Faults(server_error=1.0),
            "hangs": Faults(timeout=1.0, hang_seconds=_HANG_SECONDS),
            "stalls": Faults(stall=1.0, hang_seconds=_HANG_SECONDS),
            "html": Faults(html=1.0),
            "garbage": Faults(corrupt=1.0),
            "429": Faults(rate_limited=1.0),
            "resets": Faults(connection_reset=1.0),
        }
        organisation.faults = faults.get(kind, Faults())


def address(sim: Simulator, name: str, kind: str, *, tls: bool) -> tuple[str, bool]:
    """Where a tenant is configured to be, and whether it trusts the organisation's certificate authority."""
    url = sim.url(name)
    if kind == "refused":
        sim.down(name)
    elif kind == "dns":
        url = f"https://{name}.invalid"
    elif kind == "tls":
        return "https:" + url.partition(":")[2], False
    return url, tls


def persist(organisations: list[Broken], events_per_second: float, persisted: dict[str, float], stop: threading.Event) -> None:
    """Let events come in, a few at a time, and note when."""
    rng = random.Random(1)
    busy = organisations[: max(1, int(len(organisations) * _BUSY_SHARE))]
    due = time.monotonic()
    while not stop.wait(max(due - time.monotonic(), 0.0)):
        due += rng.expovariate(events_per_second / _BURST_EVENTS)
        organisation = rng.choice(busy if rng.random() < 0.5 else organisations)
        now = time.time()
        persisted.update(dict.fromkeys(organisation.append(_BURST_EVENTS), now))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tenants", type=int, default=1000)
    parser.add_argument("--failing", type=int, default=0)
    parser.add_argument("--events-per-second", type=float, default=100.0, help="of all organisations together")
    parser.add_argument("--history-events", type=int, default=0, help="of each, over the last hour")
    parser.add_argument("--drain-events", type=int, default=0, help="history of the first one instead, over the last week")
    parser.add_argument("--tls", action="store_true")
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    kinds = dict(zip(range(arguments.tenants - arguments.failing, arguments.tenants), cycle(FAILURES), strict=False))
    organisations = [
        Broken(
            f"org-{number:04}",
            seed=number,
            events=arguments.drain_events if arguments.drain_events and number == 0 else arguments.history_events,
            span_seconds=7 * 86400.0 if arguments.drain_events and number == 0 else 3600.0,
            rate_limit=RateLimit(6000) if arguments.drain_events and number == 0 else RateLimit(600),
        )
        for number in range(arguments.tenants)
    ]
    authority = CertificateAuthority()
    (arguments.folder / "ca.pem").write_bytes(authority.pem())
    context = authority.server_context("127.0.0.1", "localhost") if arguments.tls else None
    wanted = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    persisted: dict[str, float] = {}
    stop = threading.Event()
    with Simulator(organisations, ssl_context=context) as sim:
        tenants = []
        for number, organisation in enumerate(organisations):
            kind = kinds.get(number, "")
            token = organisation.token
            break_it(organisation, kind)
            url, trusts = address(sim, organisation.name, kind, tls=arguments.tls)
            tenants.append({"name": organisation.name, "url": url, "token": token, "kind": kind, "trusts": trusts})
        (arguments.folder / "tenants.json").write_text(json.dumps(tenants))
        first = 1 if arguments.drain_events else 0
        healthy = organisations[first : arguments.tenants - arguments.failing]
        feeder = threading.Thread(target=persist, args=(healthy, arguments.events_per_second, persisted, stop))
        feeder.start()
        print("ready", flush=True)
        signal.sigwait(wanted)
        stop.set()
        feeder.join()
        requests = {org.name: [(record.at, record.status, record.events) for record in org.requests] for org in organisations}
        (arguments.folder / "observed.json").write_text(json.dumps({"requests": requests, "persisted": persisted}))


if __name__ == "__main__":
    main()
