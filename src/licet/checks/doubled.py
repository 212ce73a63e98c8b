"""What is there to say of policies where compiled ones stand beside those that people wrote."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from licet.analysis import findings as analysis_findings
from licet.analysis.lint import lint
from licet.analysis.reach import Reach, reach
from licet.checks import findings
from licet.compile.objects import TARGET
from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Origin, Place
from licet.manifest.documents import Document
from licet.model.cluster import Cluster
from licet.model.profile import Profile

_SUPERFLUOUS: Final = frozenset(
    {
        analysis_findings.SHADOWED,
        analysis_findings.NEVER_DECIDES,
        analysis_findings.BEHIND_NETWORK_POLICIES,
        analysis_findings.EQUAL_POLICIES,
        analysis_findings.EQUAL_RULES,
    }
)


def of_policies(cluster: Cluster, profile: Profile, objects: Iterable[Document]) -> list[Diagnostic]:
    """The warnings and errors on policies, with one hint for all that is superfluous only beside the others' policies.

    What is compiled says all that the contracts ask for, so that it is not told of as superfluous for itself.
    """
    told = _told(reach(cluster, profile))
    if not any(one.code in _SUPERFLUOUS for one in told):
        return told
    compiled = _compiled(cluster, objects)
    if not compiled:
        return told
    still = {(one.code, one.where) for part in _parts(cluster, compiled) for one in _told(reach(part, profile))}
    twice = dict.fromkeys(one for one in told if one.code in _SUPERFLUOUS and (one.code, one.where) not in still)
    left = [one for one in told if one not in twice and (one.code not in _SUPERFLUOUS or _origin(one) not in compiled)]
    places = [one.where for one in twice if isinstance(one.where, Place)]
    places.sort(key=lambda place: place.origin in compiled)
    return [*left, findings.doubled(places[0], len(places))] if places else left


def _parts(cluster: Cluster, compiled: frozenset[Origin]) -> Iterable[Cluster]:
    """The cluster with the policies that people wrote, and with the compiled ones."""
    for chosen in (False, True):
        yield msgspec.structs.replace(
            cluster,
            network_policies=tuple(one for one in cluster.network_policies if (one.origin in compiled) == chosen),
            cluster_policies=tuple(one for one in cluster.cluster_policies if (one.origin in compiled) == chosen),
        )


def _told(found: Reach) -> list[Diagnostic]:
    return [one for one in lint(found) if one.severity > Severity.INFO]


def _compiled(cluster: Cluster, objects: Iterable[Document]) -> frozenset[Origin]:
    policies = {policy.origin for policy in cluster.network_policies}
    policies |= {policy.origin for policy in cluster.cluster_policies}
    return frozenset(one.origin for one in objects if one.origin in policies and _is_compiled(one))


def _is_compiled(document: Document) -> bool:
    metadata = document.value.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return isinstance(labels, dict) and TARGET in labels


def _origin(found: Diagnostic) -> Origin | None:
    return found.where.origin if isinstance(found.where, Place) else None
