"""
A coverage-guided fuzzer (libFuzzer, by atheris) on one target.

    python -m tests.fuzz decode --seconds 600

Begins with the cases that are kept and the seeds; stops at the first input that breaks a contract, which it writes to
build/fuzz. Kept cases run in `make test`.
"""

import resource
import sys
from pathlib import Path

import click

try:
    import atheris
except ImportError:
    sys.exit("the fuzzer needs atheris, which there is for Linux on x86_64, and Python below 3.14")

with atheris.instrument_imports(include=["consumer", "schemas"]):
    from tests.fuzz.targets import LARGEST_BYTES, TARGETS, seeds

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parent / "cases"
LARGEST_DATA = 2 * 1024**3


@click.command()
@click.argument("target", type=click.Choice(list(TARGETS)))
@click.option("--seconds", default=600, show_default=True)
@click.option("--seed", default=0, show_default=True, help="Of libFuzzer; 0 draws one, and says which.")
@click.option("--folder", type=click.Path(path_type=Path), default=ROOT / "build" / "fuzz", help="For what it finds.")
def main(target: str, seconds: int, seed: int, folder: Path) -> None:
    """Fuzz one target."""
    corpus = folder / target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds(target)):
        (corpus / f"seed-{number}").write_bytes(content)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LARGEST_BYTES}",
        f"-seed={seed}",
        "-timeout=60",  # of a busy machine
        "-rss_limit_mb=0",  # it counts what whoever started us has taken; LARGEST_DATA is of ours alone
        "-print_final_stats=1",
        f"-artifact_prefix={folder}/{target}-",
    ]
    resource.setrlimit(resource.RLIMIT_DATA, (LARGEST_DATA, LARGEST_DATA))  # beyond it a MemoryError is what is found
    kept = CASES / target
    atheris.Setup([sys.argv[0], *options, str(corpus), *([str(kept)] if kept.is_dir() else [])], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
