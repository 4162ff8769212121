"""`python -m flows.replay`."""

import sys

from flows.replay.command import main

if __name__ == "__main__":
    sys.exit(main())
