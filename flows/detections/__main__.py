"""`python -m flows.detections`."""

import sys

from flows.detections.command import main

if __name__ == "__main__":
    sys.exit(main())
