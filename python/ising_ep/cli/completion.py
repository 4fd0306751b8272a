"""The command `ising-ep completion`: completion of commands and options by the shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from .help import Command

SHELLS = ("bash", "zsh", "fish")
# The variable that click looks for in the environment of the command of this name.
COMMAND, VARIABLE = "ising-ep", "_ISING_EP_COMPLETE"


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands and options.

    \b
    Examples:
      ising-ep completion bash   (eval "$(ising-ep completion bash)" in ~/.bashrc)
      ising-ep completion zsh    (eval "$(ising-ep completion zsh)" in ~/.zshrc)
      ising-ep completion fish   (ising-ep completion fish | source, in ~/.config/fish/config.fish)
    """
    kind = get_completion_class(shell)
    assert kind is not None  # click knows all of SHELLS
    click.echo(kind(context.find_root().command, {}, COMMAND, VARIABLE).source())
