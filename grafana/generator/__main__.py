"""Writes the dashboards, or with `--check` says whether they are as they would be written.

python -m grafana.generator [--check]
"""

import argparse
import difflib
import sys
from pathlib import Path

from grafana.generator.board import text
from grafana.generator.boards import BOARDS

__all__ = ["FOLDER", "dashboards", "main"]

FOLDER = Path(__file__).parents[1]


def dashboards() -> dict[str, str]:
    """The content of each file, by its path below `FOLDER`."""
    return {f"{name}.json": text(build()) for name, build in BOARDS.items()}


def main(arguments: list[str] | None = None, folder: Path = FOLDER) -> int:
    """Write or check the files.

    Returns:
        0; with `--check` 1 where a file differs, is missing or is nobody's.
    """
    parser = argparse.ArgumentParser(prog="python -m grafana.generator", description="Write grafana/dashboards*/*.json.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 with a diff where something would change")
    check = parser.parse_args(arguments).check
    wanted = dashboards()
    if not check:
        for name in wanted:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
    differs = False
    for name in sorted(wanted.keys() | {str(path.relative_to(folder)) for path in folder.glob("dashboards*/*.json")}):
        path = folder / name
        before = path.read_text("utf-8") if path.exists() else ""
        after = wanted.get(name, "")
        if before == after:
            continue
        differs = True
        if check:
            diff = difflib.unified_diff(
                before.splitlines(keepends=True), after.splitlines(keepends=True), f"{path}", f"{name} as generated"
            )
            sys.stdout.writelines(diff)
        elif after:
            path.write_text(after, "utf-8")
        else:
            path.unlink()
    if check and differs:
        sys.stdout.write("The dashboards are not as grafana/generator writes them: run `make dashboards`, and commit them.\n")
    return int(check and differs)


if __name__ == "__main__":
    sys.exit(main())
