"""`python -m flows.replay`."""

import sys

from flows.replay.command import main
from okta_source.output import run_command

if __name__ == "__main__":
    sys.exit(run_command(main))
