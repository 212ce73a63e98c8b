"""What the mesh finds, L0550 to L0579."""

from __future__ import annotations

from licet.contracts.agreement import Agreement, end_text
from licet.diag.diagnostic import Diagnostic, Severity


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
