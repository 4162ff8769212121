"""`python -m flows.search`."""

import sys

from flows.search.command import main

if __name__ == "__main__":
    sys.exit(main())
