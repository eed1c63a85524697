"""`shikyu-train export`: the artifact, and on request a plain ONNX for other servers."""

from pathlib import Path

import click

from training.commands.options import of_a_recipe, ready, replacing


@click.command()
@of_a_recipe
@replacing
@click.option(
    "--standard",
    metavar="REPOSITORY",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write a plain ONNX (input_ids, attention_mask), as Triton's model repositories have them.",
)
def export(
    recipe: Path, data: Path | None, out: Path | None, work: Path | None, replace: bool, standard: Path | None
) -> None:
    """
    Write the artifact, after `report`.

    Whole under its final name, or not at all.

    \b
    shikyu-train export my-model/recipe.toml --replace --standard models
    tritonserver --model-repository=models
    """
    ready()
    from training import foreseen

    foreseen.require_step(recipe, data, "export")
    from training import run
    from training.steps.standard import standard as write_standard
    from training.whole_folder import require_folder

    job = run.job(recipe, click.echo, data, out, work, replace=replace)
    require_folder(job.artifact, replace=replace)
    run.require_before(job, "export")  # before the plain ONNX is written, too
    if standard is not None:
        write_standard(job, standard)
    run.do(job, "export")
