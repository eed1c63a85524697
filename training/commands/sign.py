"""`shikyu-train sign`: so that a consumer can tell who made an artifact."""

from pathlib import Path

import click

from training.commands.options import FOLDER


@click.command()
@click.argument("artifact", type=FOLDER)
@click.option(
    "--key",
    required=True,
    metavar="PEM",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The private Ed25519 key.",
)
def sign(artifact: Path, key: Path) -> None:
    """
    Sign an artifact's manifest.

    It has the hash of every other file, so all of the ARTIFACT is signed. A consumer with model.public_key set serves
    no other. Any change to the artifact, such as `recalibrate`, wants a new signature.

    \b
    openssl genpkey -algorithm ed25519 -out private.pem
    openssl pkey -in private.pem -pubout -out public.pem
    shikyu-train sign my-model/artifact --key private.pem
    shikyu run --model-artifact my-model/artifact --model-public-key public.pem
    """
    from consumer import artifact as artifacts
    from consumer import signature
    from consumer.errors import ArtifactError
    from consumer.manifest import CHECKPOINT_FILE, MANIFEST_FILE, SIGNATURE_FILE

    content = (artifact / MANIFEST_FILE).read_bytes() if (artifact / MANIFEST_FILE).is_file() else b""
    manifest = artifacts.read_manifest(artifact)
    whole = [
        name
        for name, each in manifest.precisions.items()
        if each.servable and all((artifact / file).exists() for file in each.files)
    ]
    if whole:
        artifacts.verify(artifact, whole[0])
    else:
        artifacts.verify(artifact, "fp16", model_file=CHECKPOINT_FILE)
    if (artifact / MANIFEST_FILE).read_bytes() != content:
        raise ArtifactError(f"{artifact / MANIFEST_FILE} changed meanwhile; sign it again")
    (artifact / SIGNATURE_FILE).write_bytes(signature.sign(content, key))
    click.echo(f"{artifact / SIGNATURE_FILE} signs {manifest.name} {manifest.version}")
