"""`python -m flows.cluster`."""

import sys

from flows.cluster.command import main

if __name__ == "__main__":
    sys.exit(main())
