"""`licet completion`: the script that completes commands and options in a shell."""

from __future__ import annotations

import sys

import click
from click.shell_completion import get_completion_class

from licet.cli.options import epilog

_SHELLS = ("bash", "zsh", "fish")


@click.command(
    "completion",
    epilog=epilog(
        [
            'eval "$(licet completion bash)"               in ~/.bashrc',
            'eval "$(licet completion zsh)"                in ~/.zshrc',
            "licet completion fish > ~/.config/fish/completions/licet.fish",
        ],
        ["0    always", "2    no such shell"],
    ),
)
@click.argument("shell", type=click.Choice(_SHELLS), metavar="SHELL")
def command(shell: str) -> int:
    """Print the script that completes commands and options in a shell."""
    from licet.cli.group import commands

    kind = get_completion_class(shell)
    assert kind is not None
    sys.stdout.write(kind(commands, {}, "licet", "_LICET_COMPLETE").source())
    return 0
