"""`python -m flows.audit`."""

import sys

from flows.audit.command import main

if __name__ == "__main__":
    sys.exit(main())
