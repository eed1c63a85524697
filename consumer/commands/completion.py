"""`shikyu completion`, and `shikyu-train completion`: what a shell needs to complete commands and flags."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """
    Complete commands and flags at the Tab key.

    Prints a script for bash, zsh or fish, which completes values and paths too. For bash, add
    `eval "$(shikyu completion bash)"` to ~/.bashrc, for zsh the same to ~/.zshrc; fish reads
    ~/.config/fish/completions. Each has to be done for shikyu and shikyu-train.

    \b
    shikyu completion bash > ~/.local/share/bash-completion/completions/shikyu
    shikyu-train completion bash > ~/.local/share/bash-completion/completions/shikyu-train
    shikyu completion zsh > ~/.shikyu.zsh
    shikyu completion fish > ~/.config/fish/completions/shikyu.fish
    """
    root = context.find_root()
    name = str(root.info_name)
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(root.command, {}, name, f"_{name}_complete".replace("-", "_").upper()).source())
