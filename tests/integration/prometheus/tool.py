"""promtool, which comes with Prometheus."""

import shutil
import subprocess
from pathlib import Path

RULES = Path(__file__).parents[3] / "grafana" / "prometheus"


def promtool_available() -> str | None:
    """None if promtool is installed, else what to do about it."""
    return None if shutil.which("promtool") else "promtool is not installed: install Prometheus (Debian: apt-get install prometheus)"


def promtool(*arguments: str, text: str | None = None) -> tuple[int, str]:
    """Run promtool in the folder of the rules, to the end.

    Args:
        arguments: What to do.
        text: What it reads.

    Returns:
        Its exit code and what it has printed.
    """
    done = subprocess.run(
        ["promtool", *arguments],
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=150,
        cwd=RULES,
    )
    return done.returncode, done.stdout
