"""`python -m flows.backfill`."""

import sys

from flows.backfill.command import main

if __name__ == "__main__":
    sys.exit(main())
