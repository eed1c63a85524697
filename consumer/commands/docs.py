"""`shikyu docs`: the documentation, read where shikyu is."""

import sys

import click


@click.command()
@click.argument("page", required=False, metavar="[PAGE[#SECTION]]")
def docs(page: str | None) -> None:
    """
    Print a page of the documentation, or a section of it; without one, which pages there are.

    Errors name the page that helps. As Markdown where nobody reads at a terminal.

    \b
    shikyu docs
    shikyu docs delivery
    shikyu docs security#acls
    """
    from consumer import documentation

    if page is None:
        for name, title in documentation.pages().items():
            click.echo(f"{name:14} {title}")
        return
    text = documentation.read(page)
    if not sys.stdout.isatty():
        click.echo(text, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    with console.pager(styles=True):
        console.print(Markdown(text, hyperlinks=False))
