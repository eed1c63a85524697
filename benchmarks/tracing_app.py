"""`shikyu` with a model that answers at once, for benchmarks.tracing: `without | off | on`, then its own words."""

import sys

from benchmarks import instant, tracing

if __name__ == "__main__":
    if sys.argv[1] == tracing.WITHOUT:
        tracing.without_the_line()
    sys.exit(instant.main("tokenizing"))
