"""The demo on a dozen messages and the stub, as a process of its own: what `python -m local demo` does, but short."""

import os
import sys
from pathlib import Path

from local import __main__ as command
from local.demo import Pace, demo
from local.sample import Sample

STUB = (sys.executable, str(Path(__file__).with_name("stub_shikyu.py")))
TEXTS = ("The bread was mouldy and nobody answers.", "Fine", "\x1b[31mred \u202eesrever", "Thank you!")
SAMPLES = [Sample(f"m{number}", text, "email", "bakery") for number, text in enumerate(TEXTS * 3)]


def short_demo(console, *, keep, tickets, **_):
    return demo(
        console,
        keep=keep,
        tickets=tickets,
        samples=SAMPLES,
        pace=Pace(float(os.environ["RATE_PER_S"]), patience_s=6),
        shikyu=STUB,
    )


if __name__ == "__main__":
    command.demo = short_demo
    sys.exit(command.run())
