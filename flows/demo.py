"""`make demo`: two simulated organisations, their backlog polled into files by the real flow, and a table of what arrived.

Needs no Okta, no network and no other server. Everything lands in `demo/`.
"""

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from okta_source.output import run_command
from okta_source.simulator import Organisation, Simulator
from okta_source.tagging.categories import CATEGORIES

__all__ = ["main"]

FOLDER = Path("demo")
_EVENTS = {"acme": 12_000, "globex": 5_000}
_LATENCY_SECONDS = 0.15
_PROGRESS_SECONDS = 0.5


class _Tagged(msgspec.Struct):
    category: str = msgspec.field(name="_okta_category")


_DECODER = msgspec.json.Decoder(_Tagged)


def main() -> int:
    """Run the demo.

    Returns:
        The exit code: 0 when every simulated event is in the files, once.
    """
    console = Console()
    folder = FOLDER.absolute()
    for name in ("out", "state", "dead-letter"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "state").mkdir(parents=True)
    organisations = [
        Organisation(name, seed=seed, events=events, latency_seconds=_LATENCY_SECONDS)
        for seed, (name, events) in enumerate(_EVENTS.items(), start=1)
    ]
    with Simulator(organisations) as simulator:
        for organisation in organisations:
            console.print(
                f"simulating [bold]{organisation.name}[/] at {simulator.url(organisation.name)}: {_EVENTS[organisation.name]:,} events"
            )
        config = _write_config(folder, simulator, organisations)
        console.print(f"configuration: {_relative(config)}")
        code = _run(console, config, folder)
    if code != 0:
        console.print(f"[red]the flow exited with {code}[/]")
        return code
    return _report(console, folder)


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
    sink = '[sinks.archive]\ntype = "file"\npath = "out/{tenant}/{date}.ndjson"\n'
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


def _report(console: Console, folder: Path) -> int:
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
    complete = all(counts[tenant].total() == expected for tenant, expected in _EVENTS.items())
    console.print("every simulated event is there" if complete else "[red]the number of events is not what was simulated[/]")
    return 0 if complete else 1


def _relative(path: Path) -> str:
    return os.path.relpath(path)


if __name__ == "__main__":
    sys.exit(run_command(main))
