"""`python -m flows.tail`."""

import sys

from flows.tail.command import main
from okta_source.output import run_command

if __name__ == "__main__":
    sys.exit(run_command(main, ends_with_reader=True))
