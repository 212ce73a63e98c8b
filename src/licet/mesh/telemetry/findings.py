"""What counters of sidecars give away, L0561 to L0569: things that an Envoy was told and did not take."""

from __future__ import annotations

from licet.diag.diagnostic import Diagnostic, Severity
from licet.identity import findings as identity

_LONGEST = 200


def secret_rejected(node: str, secret: str, times: int) -> Diagnostic:
    """A secret that Envoy cannot use; it goes on with the one it has until that expires."""
    return identity.secret_rejected(node, secret, f"rejected {times} times since it was last looked at")


def policy_rejected(node: str, policy: str, times: int) -> Diagnostic:
    """A policy that Envoy cannot use; it goes on with the one it has, or refuses everything where it has none."""
    return Diagnostic(
        "L0561",
        Severity.ERROR,
        f"the sidecar `{node[:_LONGEST]}` does not take the policy `{policy[:_LONGEST]}`, and keeps the one it has",
        help="the control plane's log has Envoy's reason",
        notes=(f"rejected {times} times since it was last looked at",),
    )


def logs_dropped(node: str, entries: int) -> Diagnostic:
    """Entries of access logs that never came: counts of this sidecar are too low."""
    return Diagnostic(
        "L0562",
        Severity.WARNING,
        f"the sidecar `{node[:_LONGEST]}` dropped {entries} entries of its access logs",
        help="counts of its edges are too low; see whether the control plane is reached and keeps up",
    )


def handshakes_failed(node: str, listener: str, cause: str, times: int) -> Diagnostic:
    """Callers that came to nothing in TLS."""
    return Diagnostic(
        "L0563",
        Severity.WARNING,
        f"{times} callers of `{listener[:_LONGEST]}` at the sidecar `{node[:_LONGEST]}` {cause}",
        help="`licet flows` names the addresses they came from",
    )
