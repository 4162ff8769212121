"""`python -m flows.state`."""

import sys

from flows.state.command import main

if __name__ == "__main__":
    sys.exit(main())
