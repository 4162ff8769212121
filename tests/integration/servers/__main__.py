"""Fetches the servers (`fetch`), or runs one in the foreground (`run opensearch`)."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.integration.servers.fetch import FETCHED, KINDS, FetchError, fetch, version
from tests.integration.servers.node import Node, NodeError


def _fetch() -> None:
    for kind in KINDS:
        started = time.monotonic()
        if fetch(kind):
            print(f"{kind} {version(kind)}: fetched into {FETCHED / kind} in {time.monotonic() - started:.0f} s", flush=True)
        else:
            print(f"{kind} {version(kind)}: already there", flush=True)


def _run(kind: str, port: int, data: Path | None) -> None:
    with tempfile.TemporaryDirectory(prefix=f"{kind}-") as scratch:
        node = Node(kind, data.resolve() if data else Path(scratch), port=port)
        try:
            node.start()
            print(f"{kind} {version(kind)} at {node.url}, its files in {node.folder}; Ctrl-C stops it", flush=True)
            node.wait()
            raise NodeError(f"{kind} ended by itself; its log ends:\n{node.log_tail()}")
        except KeyboardInterrupt:
            pass
        finally:
            node.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.integration.servers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fetch", help="download the servers and compile their launchers, unless they are there")
    run = commands.add_parser("run", help="run one server in the foreground")
    run.add_argument("kind", choices=KINDS)
    run.add_argument("--port", type=int, default=9200)
    run.add_argument("--data", type=Path, help="a folder that keeps its data; without one, they are gone when it stops")
    arguments = parser.parse_args()
    try:
        if arguments.command == "fetch":
            _fetch()
        else:
            _run(arguments.kind, arguments.port, arguments.data)
    except (FetchError, NodeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
