"""`python -m examples.ticketing`."""

import sys

from examples.ticketing.cli import main

if __name__ == "__main__":
    sys.exit(main())
