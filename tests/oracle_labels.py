"""Labels and selectors as the naive evaluator reads them: one pod, one namespace, one requirement at a time.

https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from licet.model.cluster import Cluster
from licet.model.selector import Operator, Requirement, Selector
from licet.model.ternary import Ternary
from licet.model.workload import Workload

NO, UNKNOWN, YES = Ternary.NO, Ternary.UNKNOWN, Ternary.YES
EVERY_NAMESPACE_HAS = frozenset({"kubernetes.io/metadata.name"})


def pod_matches(selector: Selector, pod: Workload) -> Ternary:
    """A pod's labels; of some that controllers set only the key is known, and of some not even whether it is there."""
    return labels_match(selector, pod.labels, pod.runtime_labels, pod.certain_labels)


def namespace_matches(cluster: Cluster, selector: Selector, name: str | None) -> Ternary:
    """A namespace that no manifest declares has labels that nobody knows, but for its name, which is among them.

    Of the namespace that the ingress controller runs in, None, not even the name is known, only that it has one.
    """
    namespace = None if name is None else cluster.namespaces[name]
    unknown = frozenset(() if namespace and namespace.declared else (r.key for r in selector.requirements))
    return labels_match(selector, namespace.labels if namespace else {}, unknown, EVERY_NAMESPACE_HAS)


def labels_match(selector: Selector, labels: Mapping[str, str], unknown: Set[str], certain: Set[str]) -> Ternary:
    """All requirements ANDed; none at all selects everything."""
    return min((requirement_matches(r, labels, unknown, certain) for r in selector.requirements), default=YES)


def requirement_matches(
    requirement: Requirement, labels: Mapping[str, str], unknown: Set[str], certain: Set[str]
) -> Ternary:
    """In, NotIn, Exists, DoesNotExist; the negative ones hold for a label that is not there."""
    there = requirement.key in labels
    if not there and requirement.key in unknown:
        there = requirement.key in certain
        if not there or requirement.operator in (Operator.IN, Operator.NOT_IN):
            return UNKNOWN
    listed = labels.get(requirement.key) in requirement.values
    holds = {Operator.IN: listed, Operator.NOT_IN: not listed, Operator.EXISTS: there}
    return YES if holds.get(requirement.operator, not there) else NO
