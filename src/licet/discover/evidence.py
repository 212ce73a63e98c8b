"""Everything that manifests say, or seem to say, of who calls whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from licet.discover import access, entrances, policies, scraping, told, webhooks
from licet.discover.edge import Evidence
from licet.discover.names import Names
from licet.discover.pods import ConfigMap, Pods, config_map, pods_of
from licet.manifest.documents import Document
from licet.model.cluster import Cluster


def evidence(
    documents: Sequence[Document], cluster: Cluster, *, namespace: str = "default", more: Iterable[Evidence] = ()
) -> tuple[Evidence, ...]:
    """Every piece of evidence, in the order of the documents; one connection may have many.

    `cluster` is what the documents were decoded to, `namespace` that of objects which name none. `more` is evidence
    from elsewhere, such as observed connections, and comes last.
    """
    names = Names(cluster)
    found: list[Evidence] = []
    maps = config_maps(documents, namespace)
    bound = access.bindings(documents, namespace)
    by_key = {workload.key: workload for workload in cluster.workloads}
    for pods in workloads(documents, cluster):
        found += told.evidence_of(pods, maps, names)
        found += access.evidence_of(pods, by_key[pods.key], bound)
        found += scraping.of_pods(pods, by_key[pods.key])
    found += entrances.evidence_of(cluster, names)
    for document in documents:
        found += webhooks.evidence_of(document, names)
    found += scraping.of_documents(documents, cluster, names, namespace)
    found += policies.evidence_of(cluster, names.selection)
    return tuple(dict.fromkeys((*found, *more)))


def config_maps(documents: Sequence[Document], namespace: str) -> dict[tuple[str, str], ConfigMap]:
    """The ConfigMaps by namespace and name; the last of two counts."""
    found = (config_map(document, namespace) for document in documents)
    return {(one.namespace, one.name): one for one in found if one is not None}


def workloads(documents: Sequence[Document], cluster: Cluster) -> list[Pods]:
    """The workloads that have a pod template of their own."""
    keys = {workload.origin: workload.key for workload in cluster.workloads}
    found = (pods_of(document, keys[document.origin]) for document in documents if document.origin in keys)
    return [pods for pods in found if pods is not None]
