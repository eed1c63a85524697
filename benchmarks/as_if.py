"""
Runs a program as if the processor were a lesser one, at full speed: figures of processors that are not at hand.

Libraries ask the processor what it can, and choose their kernels by that; here the answer says less (as_if.c).
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
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    return library


def variables(processor: str, library: Path) -> dict[str, str]:
    """What a program's environment has to have; what is preloaded already, such as an allocator, stays."""
    preloaded = " ".join([str(library), *os.environ.get("LD_PRELOAD", "").split()])
    return {"AS_IF": processor, "LD_PRELOAD": preloaded}


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("processor", type=click.Choice(PROCESSORS))
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def main(processor: str, command: tuple[str, ...]) -> None:
    """
    Run COMMAND as if the processor had neither AVX-512 nor VNNI (avx2), or no AMX (without-amx).

    Libraries then take the kernels that they have for such a one. Clocks, caches and memory stay this machine's:
    compare within a run. It needs Linux on x86 with CPUID faulting (cpuid_fault in /proc/cpuinfo), and a C compiler.

    \b
    python -m benchmarks.as_if avx2 python -m benchmarks.model
    python -m benchmarks.as_if without-amx python -m benchmarks.soak --precision int8-bf16
    """
    with tempfile.TemporaryDirectory(prefix="shikyu-as-if-") as folder:
        try:
            environment = os.environ | variables(processor, built(Path(folder)))
        except (FileNotFoundError, subprocess.CalledProcessError) as error:
            raise click.ClickException(
                f"{SOURCE.name} can't be compiled ({error}): install a C compiler, as cc"
            ) from error
        program = sys.executable if command[0] == "python" else command[0]
        try:
            sys.exit(subprocess.run([program, *command[1:]], env=environment, check=False).returncode)
        except OSError as error:
            raise click.ClickException(f"{program} can't be run: {error.strerror}") from error


if __name__ == "__main__":
    main()
