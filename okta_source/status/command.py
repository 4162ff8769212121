"""`python -m okta_source status [URL…]`: the fleet as a table, from the metrics of one or more processes.

| exit | meaning |
|---|---|
| 0 | every tenant is active or just starting, every sink has what came |
| 1 | a tenant fails or is stale, a breaker is open, events became dead letters, or wait in an outbox for longer than a minute |
| 2 | an endpoint could not be read or is none of bytewax-okta; what the others say is printed |
| 130 | interrupted |
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from okta_source.output import nobody_reads, shape_help, write_utf8
from okta_source.polling.printable import printable
from okta_source.status.endpoint import Look, default_endpoint, look_at, url_of
from okta_source.status.file import look_into
from okta_source.status.fleet import Fleet, read_fleet, with_rates
from okta_source.status.table import print_fleet

_PIPE_WIDTH: Final = 160
_now = time.time
_sleep = time.sleep


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shape_help(
        parser,
        {
            0: "every tenant is active or starting, every sink has what came",
            1: "a tenant is failing or stale, a sink's breaker is open, events became dead letters, or wait in an outbox for longer than a "
            "minute",
            2: "an endpoint can't be read or is none of ours",
        },
        ["python -m okta_source status", "python -m okta_source status 10.0.0.1:3030 10.0.0.2:3030 --watch 5"],
    )
    parser.add_argument(
        "urls",
        nargs="*",
        metavar="URL",
        help="metrics endpoints, one for each process of a cluster, host:port will do; or the state directory of a `bytewax-okta run` "
        "(default: ./state where such a run is on, else this machine, port $BYTEWAX_DATAFLOW_API_PORT, else 3030)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document; with --watch one a line")
    parser.add_argument("--watch", type=_seconds, metavar="SECONDS", help="look again and again, with events per second in between")


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Args:
        arguments: As declared.

    Returns:
        The exit status.
    """
    places = list(dict.fromkeys(place if Path(place).is_dir() else url_of(place) for place in arguments.urls)) or [_default_place()]
    # The width of a file or a pipe is nobody's.
    out = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)
    try:
        fleet, status = _look_once(places, None, out, arguments)
        while arguments.watch and not nobody_reads():
            _sleep(arguments.watch)
            fleet, status = _look_once(places, fleet, out, arguments)
    except KeyboardInterrupt:
        return 130
    return status


def _default_place(environ: Mapping[str, str] = os.environ) -> str:
    """The state directory of a run that lives in the working directory; else the metrics endpoint of this machine."""
    state = environ.get("BYTEWAX_RECOVERY_DIRECTORY") or "state"
    return state if look_into(Path(state)).samples else default_endpoint(environ)


def _look_once(places: Sequence[str], earlier: Fleet | None, out: Console, arguments: argparse.Namespace) -> tuple[Fleet, int]:
    answers = {look.url: look for look in look_at([place for place in places if not Path(place).is_dir()])}
    looks = [answers.get(place) or look_into(Path(place)) for place in places]
    fleet = read_fleet([(look.url, look.samples) for look in looks if look.samples], _now())
    if earlier:
        fleet = with_rates(fleet, earlier)
    if arguments.json:
        write_utf8(json.dumps(_plain(fleet, looks), indent=None if arguments.watch else 2, ensure_ascii=False) + "\n")
    else:
        if arguments.watch and out.is_terminal:
            out.clear()
        elif earlier:
            out.print()
        if any(look.samples for look in looks):
            print_fleet(fleet, out)
        sys.stdout.flush()
        for look in looks:
            if look.problem:
                sys.stderr.write(printable(f"{look.url}: {look.problem}") + "\n")
    if any(look.problem for look in looks):
        return fleet, 2
    return fleet, 0 if fleet.is_well else 1


def _plain(fleet: Fleet, looks: Sequence[Look]) -> dict[str, Any]:
    """The document of `--json`."""
    endpoints = []
    for look in looks:
        process = next((labels for labels, _ in look.samples.each("okta_pipeline_info")), {}) if look.samples else {}
        endpoints.append(
            {"url": look.url, "process_id": process.get("process_id"), "version": process.get("version"), "problem": look.problem or None}
        )
    return {
        "at": fleet.at,
        "ok": fleet.is_well and not any(look.problem for look in looks),
        "endpoints": endpoints,
        "tenants": [_finite(asdict(it)) for it in fleet.tenants],
        "sinks": [_finite(asdict(it)) for it in fleet.sinks],
    }


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """JSON knows no NaN and no infinity, an endpoint may."""
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()}


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.1 <= seconds <= 86_400.0:
        msg = f"{text} is not allowed; allowed: 0.1 to 86400"
        raise argparse.ArgumentTypeError(msg)
    return seconds
