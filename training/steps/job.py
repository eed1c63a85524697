"""What every step is given."""

from dataclasses import dataclass
from pathlib import Path

from training.progress import Say
from training.recipe import Recipe
from training.run_folder import RunFolder

# Of a precision that this machine cannot compute: what the step's command says to do.
NOT_HERE = "leave it out of export.precisions and go on from `shikyu-train graphs`"


@dataclass(frozen=True, slots=True)
class Job:
    """`files` is where the recipe's files are, `artifact` the folder that is made, `say` takes lines for a person."""

    recipe: Recipe
    folder: RunFolder
    files: Path
    artifact: Path
    say: Say
    replace: bool = False
