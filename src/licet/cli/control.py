"""Options that say where the control plane is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def controlled() -> Callable[[Any], Any]:
    """Add `--control` and `--control-identity`."""

    def add(function: Any) -> Any:
        function = click.option(
            "--control-identity",
            default="",
            metavar="SPIFFE-ID",
            help="Who the control plane has to be, where it is reached over the network.",
        )(function)
        return click.option(
            "--control", required=True, metavar="HOST:PORT|SOCKET", help="The control plane, or its socket on the node."
        )(function)

    return add
