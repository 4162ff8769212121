"""`python -m flows.tail`."""

import sys

from flows.tail.command import main

if __name__ == "__main__":
    sys.exit(main())
