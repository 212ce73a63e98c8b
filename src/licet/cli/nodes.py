"""The options of commands that run a node."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from licet.cli.options import Named

if TYPE_CHECKING:
    from licet.app.identity.node import Cluster

F = TypeVar("F", bound=Callable[..., Any])


def in_cluster(function: F) -> F:
    """Add what says where Kubernetes is. The command gets it as `kubernetes` and `node`."""
    for option in (
        click.option(
            "--node",
            default="",
            envvar="LICET_NODE_NAME",
            show_envvar=True,
            metavar="NAME",
            help="The node, as Kubernetes calls it.",
        ),
        click.option(
            "--kubernetes",
            default="",
            metavar="URL",
            help="The API server that knows pods; `in-cluster` for that of the pod that this runs in.",
        ),
    ):
        function = option(function)
    return function


def cluster(kubernetes: str, node: str) -> Cluster | None:
    """The cluster that was named, None where none was."""
    from licet.app.identity.node import Cluster

    if not kubernetes:
        return None
    if not node:
        raise click.UsageError("`--kubernetes` needs `--node`: the name of the node that this runs on")
    if kubernetes != "in-cluster":
        return Cluster(kubernetes, node)
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise click.UsageError("this runs in no pod: give the API server's URL with `--kubernetes`")
    return Cluster(f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}", node)


def address(text: str) -> tuple[str, int]:
    """Host and port of `host:port` to listen on; raises UsageError."""
    from licet.identity.address import host_and_port
    from licet.identity.errors import MalformedError

    try:
        return host_and_port(text, listening=True)
    except MalformedError as error:
        raise click.UsageError(f"{error.message}: write {error.help}") from None


SOCKET = Named(path_type=Path)
"""The type of options that name a unix socket."""
