"""`python -m flows.check`."""

import sys

from flows.check.command import main
from okta_source.output import run_command

if __name__ == "__main__":
    sys.exit(run_command(main))
