"""`licet mesh`: contracts enforced by sidecars."""

from __future__ import annotations

import click

from licet.cli.group import Commands
from licet.cli.options import epilog

LISTING = {
    "serve": "Run the control plane.",
    "status": "Show sidecars, and how far each workload is enforced.",
    "hold": "Hold a workload back from what its contract says.",
    "release": "Have the contract alone decide again.",
    "rollback": "Put a workload back to Shadow, in one step.",
    "inject": "Put a sidecar into manifests.",
    "uninject": "Take it out again, and leave no trace.",
    "bootstrap": "Write what a sidecar is started with.",
    "redirect": "Lead the traffic of a network namespace through its sidecar.",
    "drain": "Have a sidecar tell its callers that it ends.",
}
"""Every command and what the list of commands says of it."""


@click.command(
    "mesh",
    cls=Commands,
    listing=LISTING,
    package=__name__,
    epilog=epilog(
        [
            "licet mesh inject k8s --image registry.example/licet@sha256:... \\",
            "    --control licet-control.licet-system.svc:15010 \\",
            "    --control-identity spiffe://shop.example/licet/mesh --out injected",
        ],
        ["0    done", "1    the answer is no", "2    the input or the usage is wrong"],
    ),
)
def command() -> None:
    """Contracts enforced by Envoy sidecars."""
