"""The commands by name. A command's file is loaded when that command is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from licet import __version__

_HERE = "licet.cli.commands"

COMMANDS = {
    "map": "Who can reach whom.",
    "why": "May SRC reach DST, and which policies, rules and lines decide so?",
    "diff": "What a change newly allows and newly denies.",
    "ask": "Check assertions kept beside the manifests.",
    "blast": "What a workload reaches hop by hop, and what reaches it.",
    "init": "Draft contracts from manifests, or add to those there are.",
    "policies": "Rules that are unused, shadowed, empty, equal or tied.",
    "compile": "Contracts to policies that let through what is agreed, and nothing else.",
    "prove": "Whether the policies permit what the contracts agree on, and nothing else.",
    "check": "Contracts against manifests against policies, in one run, for pull requests.",
    "up": "Bring the platform up on this machine, with real mutual TLS and an Envoy sidecar for each workload.",
    "mesh": "Contracts enforced by Envoy sidecars.",
    "identity": "Short-lived SPIFFE identities: the server, nodes, registration and keys.",
    "audit": "The log of every issuance and change: verify, show, prove, export.",
    "completion": "Print the script that completes commands and options in a shell.",
}
"""Every command and what the list of commands says of it."""

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

_HELP = """Who may talk to whom on a Kubernetes platform, why, and what a change would change.

PATH is a file, a folder, a kustomization, a chart or `-` for standard input; none means the current folder."""

_EPILOG = """\b
Examples:
  licet map k8s                  # who can reach whom
  licet why shop/frontend shop/checkout k8s --port 5050
  licet diff main k8s            # what this change opens and closes
  helm template . | licet map -  # whatever renders manifests

\b
Exit codes:
  0    nothing wrong
  1    findings at or above --fail-on, or the answer is "no"
  2    the input or the usage is wrong
  70   a bug in licet
  130  interrupted
  141  the reader of the output went away

`licet COMMAND --help` says more about each."""


class Commands(click.Group):
    """Loads a command's file only when it is needed, and lists commands without loading any.

    `listing` has every command and what the list says of it; its file is the module of that name in `package`.
    """

    def __init__(self, *arguments: Any, listing: Mapping[str, str], package: str, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.listing = listing
        self._package = package

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the name is click's
        """The names, in the order in which they are shown."""
        return list(self.listing)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """The command of this name, or None."""
        if cmd_name not in self.listing:
            return None
        command = import_module(f"{self._package}.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, but a name that is not there is met with the closest ones."""
        name = args[0]
        if name not in self.listing and not name.startswith("-"):
            raise click.exceptions.NoSuchCommand(name, possibilities=list(self.listing), ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """The list of commands in the help text."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.listing.items()))


@click.command(cls=Commands, listing=COMMANDS, package=_HERE, help=_HELP, epilog=_EPILOG, context_settings=_CONTEXT)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s", help="Print the version.")
def commands() -> None:
    """All of them."""
