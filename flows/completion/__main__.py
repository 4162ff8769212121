"""`python -m flows.completion`."""

import sys

from flows.completion.command import main
from okta_source.output import run_command

if __name__ == "__main__":
    sys.exit(run_command(main))
