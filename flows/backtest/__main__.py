"""`python -m flows.backtest`."""

import sys

from flows.backtest.command import main

if __name__ == "__main__":
    sys.exit(main())
