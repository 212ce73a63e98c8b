"""What the mesh finds, L0550 to L0579."""

from __future__ import annotations

from collections.abc import Sequence

from licet.contracts.agreement import Agreement, end_text
from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Place
from licet.diag.wording import listed
from licet.mesh.resource import Kind

_WORDS = {
    Kind.CLUSTER: "the clusters",
    Kind.ENDPOINTS: "the endpoints",
    Kind.SECRET: "the secrets",
    Kind.LISTENER: "the listeners",
    Kind.ROUTES: "the routes",
    Kind.EXTENSION: "the policies",
}


def unknown_pods(agreement: Agreement) -> Diagnostic:
    """Callers whose pods no manifest holds, and whose identities therefore nobody knows."""
    message = f"`{end_text(agreement.src)}` may call `{end_text(agreement.dst)}`, and no manifest says as whom it runs"
    return Diagnostic(
        "L0550",
        Severity.WARNING,
        message,
        agreement.callee,
        "refused by sidecars",
        help="add the manifests of these pods, or admit them by `spiffeID`",
    )


def no_proof(agreement: Agreement) -> Diagnostic:
    """Callers that show nothing that a sidecar could tell them by."""
    message = (
        f"`{end_text(agreement.src)}` may call `{end_text(agreement.dst)}`, which takes only who proves an identity"
    )
    return Diagnostic(
        "L0551",
        Severity.WARNING,
        message,
        agreement.callee,
        "refused by sidecars",
        help="give it an identity and admit that by `spiffeID`, or say `mtls: Permissive` for this port",
    )


def no_proxy(agreement: Agreement) -> Diagnostic:
    """Ports that no sidecar stands before."""
    message = f"`{end_text(agreement.src)}` may call `{end_text(agreement.dst)}` on ports that sidecars do not serve"
    return Diagnostic(
        "L0552",
        Severity.INFO,
        message,
        agreement.callee or agreement.caller,
        "left to network policies",
        help="sidecars carry TCP, up to 1024 ports an entry",
    )


def refused_configuration(node: str, kind: Kind, names: Sequence[str], reason: str) -> Diagnostic:
    """Something that a sidecar was told and does not take, with what its Envoy says of it."""
    return Diagnostic(
        "L0553",
        Severity.ERROR,
        f"`{node}` does not take {_WORDS[kind]} {listed(names, 5)} and goes on with what it had",
        help="what Envoy objects to has to change: its version, or the contract that this follows from",
        notes=(f"Envoy says: {reason}",),
    )


def not_alive(node: str, port: int, reason: str) -> Diagnostic:
    """A sidecar that acknowledged its policy and is not seen to decide by it."""
    return Diagnostic(
        "L0554",
        Severity.ERROR,
        f"`{node}` does not decide by its policy for port {port}: {reason}",
        help="see whether its Envoy runs, and whether the control plane may reach this port",
    )


def shared(identity: str, workloads: Sequence[str], where: Place | None) -> Diagnostic:
    """Workloads with one identity, and not the same agreements."""
    return Diagnostic(
        "L0555",
        Severity.WARNING,
        f"{listed(workloads, 5)} run as `{identity}`, and not the same is agreed with them",
        where,
        "sidecars let each of them do what is agreed with any",
        help="give each a service account of its own",
    )
