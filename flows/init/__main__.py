"""`python -m flows.init`."""

import sys

from flows.init.command import main
from okta_source.output import run_command

if __name__ == "__main__":
    sys.exit(run_command(main))
