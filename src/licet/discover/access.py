"""Workloads that call the API server: those whose service account somebody has given rights to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from licet.diag.place import Place
from licet.discover.edge import Evidence
from licet.discover.names import API_SERVER
from licet.discover.pods import Pods, items, mapping, text
from licet.manifest.documents import Document
from licet.model.workload import Workload

_BINDINGS = frozenset({"RoleBinding", "ClusterRoleBinding"})


def bindings(documents: Sequence[Document], namespace: str) -> dict[tuple[str, str], tuple[Place, str]]:
    """By namespace and name of a service account, the first binding that gives it rights, and how it is shown."""
    found: dict[tuple[str, str], tuple[Place, str]] = {}
    for document in documents:
        if document.kind not in _BINDINGS or not document.api_version.startswith("rbac.authorization.k8s.io/"):
            continue
        value = document.value
        meta = mapping(value.get("metadata"))
        home = text(meta.get("namespace")) or namespace
        for at, subject in enumerate(items(value.get("subjects"))):
            if mapping(subject).get("kind") == "ServiceAccount":
                account = (text(subject.get("namespace")) or home, text(subject.get("name")))
                shown = f"{document.kind} `{text(meta.get('name'))}` gives rights to `{account[0]}/{account[1]}`"
                found.setdefault(account, (Place(document.origin, ("subjects", at)), shown))
    return found


def evidence_of(pods: Pods, workload: Workload, bound: dict[tuple[str, str], tuple[Place, str]]) -> Iterator[Evidence]:
    """That the workload calls the API server, where its service account has rights and its token is mounted."""
    if pods.spec.get("automountServiceAccountToken") is False:
        return
    reason = bound.get((workload.key.namespace, workload.service_account))
    if reason is not None:
        place, shown = reason
        yield Evidence(workload.key, API_SERVER, place, shown)
