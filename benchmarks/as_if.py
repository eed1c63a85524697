"""
Runs a program as if the processor were a lesser one, at full speed: figures of processors that are not at hand.

    python -m benchmarks.as_if avx2 python -m benchmarks.model         # neither AVX-512 nor VNNI
    python -m benchmarks.as_if without-amx python -m benchmarks.soak --precision int8-bf16

Libraries ask the processor what it can, and choose their kernels by that; here the answer says less, so that they take
those of the lesser one. Clocks, caches and memory stay this machine's: compare within a run. Linux on x86 with CPUID
faulting (`cpuid_fault` in /proc/cpuinfo: Intel since 2012, AMD of late), and a C compiler.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click

SOURCE = Path(__file__).with_suffix(".c")
PROCESSORS = ("avx2", "without-amx")


def built(folder: Path) -> Path:
    """The library to preload. CalledProcessError or FileNotFoundError where it can't be compiled."""
    library = folder / "as_if.so"
    subprocess.run(["cc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    return library


def variables(processor: str, library: Path) -> dict[str, str]:
    """What a program's environment has to have."""
    return {"AS_IF": processor, "LD_PRELOAD": str(library)}


@click.command(help=__doc__, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("processor", type=click.Choice(PROCESSORS))
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def main(processor: str, command: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory(prefix="shikyu-as-if-") as folder:
        program = sys.executable if command[0] == "python" else command[0]
        environment = os.environ | variables(processor, built(Path(folder)))
        sys.exit(subprocess.run([program, *command[1:]], env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
