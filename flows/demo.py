"""`make demo`: two simulated organisations, their backlog polled into files by the real flow, and tables of what arrived and what it tells.

One of them is being attacked; the managed detections are on, and what they say goes into files of its own.

Needs no Okta, no network and no other server. Everything lands in `demo/`.
"""

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from okta_source.events.categories import CATEGORIES
from okta_source.output import run_command
from okta_source.simulator import Organisation, Simulator

__all__ = ["main"]

FOLDER = Path("demo")
_EVENTS = {"acme": 12_000, "globex": 5_000}
_SPAN_SECONDS = 36 * 3_600  # which OAuth clients are usual takes a day to learn
_ATTACKS = {"acme": ("password-spray", "mfa-reset-storm", "new-admin", "unknown-client"), "globex": ()}
_LEVEL_COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "blue", "informational": "dim"}
_LATENCY_SECONDS = 0.15
_PROGRESS_SECONDS = 0.5
_PORTS = range(4580, 4680, 10)


class _Tagged(msgspec.Struct):
    category: str = msgspec.field(name="_okta_category")


class _Rule(msgspec.Struct):
    title: str
    level: str


class _Alert(msgspec.Struct):
    published: str
    rule: _Rule
    event: dict[str, Any]


_DECODER = msgspec.json.Decoder(_Tagged)
_ALERTS = msgspec.json.Decoder(_Alert)


def main() -> int:
    """Run the demo.

    Returns:
        The exit code: 0 when every simulated event is in the files, once, and there are alerts of the attacks.
    """
    console = Console()
    folder = FOLDER.absolute()
    for name in ("out", "alerts", "state", "dead-letter"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "state").mkdir(parents=True)
    organisations = [
        Organisation(
            name,
            seed=seed,
            events=events,
            latency_seconds=_LATENCY_SECONDS,
            span_seconds=_SPAN_SECONDS,
            mix="everyday",
            attacks=_ATTACKS[name],
        )
        for seed, (name, events) in enumerate(_EVENTS.items(), start=1)
    ]
    with _listening(organisations) as (simulator, port):
        for organisation in organisations:
            name = organisation.name
            attacks = f", among them {', '.join(_ATTACKS[name])}" if _ATTACKS[name] else ""
            console.print(f"simulating [bold]{name}[/] at {simulator.url(name)}: {len(organisation):,} events{attacks}", soft_wrap=True)
        config = _write_config(folder, simulator, organisations)
        console.print(f"configuration: {_relative(config)}")
        code = _run(console, config, folder)
    if code != 0:
        console.print(f"[red]the flow exited with {code}[/]")
        return code
    complete = _report(console, folder, {organisation.name: len(organisation) for organisation in organisations})
    told = _report_alerts(console, folder)
    _say_what_is_next(console, config, folder, port)
    return 0 if complete and told else 1


@contextmanager
def _listening(organisations: list[Organisation]) -> Iterator[tuple[Simulator, int]]:
    """The simulator at the first ports that are free, beginning with its command's own: so it can be started again there."""
    for port in _PORTS:
        simulator = Simulator(organisations, port=port)
        with suppress(OSError):
            simulator.start()
            break
    else:
        msg = f"no two ports of {_PORTS[0]} to {_PORTS[-1] + 1} are free for the simulator"
        raise SystemExit(msg)
    try:
        yield simulator, port
    finally:
        simulator.stop()


def _say_what_is_next(console: Console, config: Path, folder: Path, port: int) -> None:
    """Three commands with which it goes on from here."""
    of_port = "" if port == _PORTS[0] else f" --port {port}"
    file = _relative(config)
    commands = {
        "who failed to sign in, and from where": f"search --config {file} --action sign_in --outcome FAILURE --count-by client.ipAddress",
        # Another seed than the demo's: whose cursors a log without their events would take for its own.
        "both organisations again, in another terminal": f"simulate --tenants {len(_EVENTS)} --events 0 --rate 5 --seed 9{of_port}",
        "the run goes on where it stopped, until Ctrl-C": f"run --config {file} --state {_relative(folder / 'state')}",
    }
    console.print("\nwhat is next (source .venv/bin/activate first):")
    for what, command in commands.items():
        console.print(f"  {what}:", style="dim", soft_wrap=True)
        console.print(f"  $ bytewax-okta {command}", soft_wrap=True, highlight=False, markup=False)


def _write_config(folder: Path, simulator: Simulator, organisations: list[Organisation]) -> Path:
    entries = []
    for organisation in organisations:
        token = folder / f"{organisation.name}.token"
        token.write_text(organisation.token)
        token.chmod(0o600)
        entries.append(
            f"""[[tenants]]
name = "{organisation.name}"
display_name = "{organisation.name.capitalize()} Inc."
org_url = "{simulator.url(organisation.name)}"
start_from = "2d"
labels = {{ customer = "{organisation.name.capitalize()}" }}

[tenants.auth]
method = "ssws"
token_file = "{token.name}"
"""
        )
    sink = """[detections]
managed = true

[sinks.archive]
type = "file"
path = "out/{tenant}/{date}.ndjson"

[sinks.alerts]
type = "file"
path = "alerts/{tenant}/{date}.ndjson"
kinds = ["alerts"]
"""
    config = folder / "okta.toml"
    config.write_text("\n".join(['[pipeline]\ndead_letter_dir = "dead-letter"\n', *entries, sink]))
    return config


def _run(console: Console, config: Path, folder: Path) -> int:
    state = folder / "state"
    subprocess.run([sys.executable, "-m", "bytewax.recovery", str(state), "1"], check=True)  # noqa: S603
    flow = f"flows.system_log:get_flow('{_relative(config)}', until_drained=True)"
    console.print(f'$ python -m bytewax.run "{flow}" -r {_relative(state)} -s 2 -b 0', style="dim", soft_wrap=True)
    command = [sys.executable, "-m", "bytewax.run", flow, "-r", str(state), "-s", "2", "-b", "0"]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONUNBUFFERED": "1"})  # noqa: S603
    try:
        while process.poll() is None:
            time.sleep(_PROGRESS_SECONDS)
            written = sum(path.stat().st_size for path in (folder / "out").rglob("*.ndjson"))
            console.print(f"  polling … {written / 1e6:6.1f} MB written")
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(10)
    return process.returncode


def _report(console: Console, folder: Path, expected: dict[str, int]) -> bool:
    table = Table(title="events per tenant")
    table.add_column("category")
    counts: dict[str, Counter[str]] = {}
    for tenant in _EVENTS:
        table.add_column(tenant, justify="right")
        counts[tenant] = Counter()
        for path in sorted((folder / "out" / tenant).glob("*.ndjson")):
            in_file = Counter(_DECODER.decode(line).category for line in path.read_bytes().splitlines())
            counts[tenant].update(in_file)
            console.print(f"{_relative(path)}: {in_file.total():,} events")
    for category in CATEGORIES:
        table.add_row(category, *(f"{counts[tenant][category]:,}" for tenant in _EVENTS))
    table.add_section()
    table.add_row("all", *(f"{counts[tenant].total():,}" for tenant in _EVENTS))
    console.print(table)
    complete = all(counts[tenant].total() == count for tenant, count in expected.items())
    console.print("every simulated event is there" if complete else "[red]the number of events is not what was simulated[/]")
    return complete


def _report_alerts(console: Console, folder: Path) -> bool:
    table = Table(title="alerts")
    for column in ("at", "tenant", "level", "rule", "actor"):
        table.add_column(column, no_wrap=column != "rule")
    lines = [
        (_ALERTS.decode(line), tenant)
        for tenant in _EVENTS
        for path in (folder / "alerts" / tenant).glob("*.ndjson")
        for line in path.read_bytes().splitlines()
    ]
    for alert, tenant in sorted(lines, key=lambda line: line[0].published):
        level = f"[{_LEVEL_COLOURS[alert.rule.level]}]{alert.rule.level}[/]"
        actor = escape(str(alert.event["actor"]["displayName"]))
        table.add_row(alert.published[11:16], tenant, level, alert.rule.title, actor)
    console.print(table)
    told = {tenant for _, tenant in lines} >= {tenant for tenant, attacks in _ATTACKS.items() if attacks}
    console.print("python -m flows.detections explain password_spray says what a rule means" if told else "[red]an attack was not told[/]")
    return told


def _relative(path: Path) -> str:
    return os.path.relpath(path)


if __name__ == "__main__":
    sys.exit(run_command(main))
