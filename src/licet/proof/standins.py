"""Pods that no manifest holds and policies may let in all the same: of each kind one that stands for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from licet.contracts.agreement import Pods
from licet.diag.place import Origin
from licet.model.addresses import AddressSet
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.policy import ClusterPolicy, NetworkPolicy, PodPeer
from licet.model.selector import Operator, Selector
from licet.model.ternary import Ternary
from licet.model.workload import METADATA_NAME, Namespace, Workload

_ELSEWHERE = "any other namespace"
"""No namespace can have this name, for the spaces in it."""
_ANY = "any"


class Staged(msgspec.Struct, frozen=True):
    """A cluster with stand-ins at the end of its workloads, and what people call each of them.

    `chameleons` are pods in namespaces of which no manifest holds a thing; their labels may be whatever a policy asks
    for. `assumptions` tell of ends for which no stand-in could be found.
    """

    cluster: Cluster
    names: Mapping[Key, str]
    chameleons: tuple[Key, ...]
    assumptions: tuple[str, ...]


def staged(cluster: Cluster, ends: Iterable[Pods], closed: Iterable[str] = ()) -> Staged:
    """The cluster with everybody in it whom policies may let in, though no manifest holds them.

    For each end that no workload matches one that does; in each namespace a stranger without labels, whom only a rule
    for a whole namespace, or for all of them, lets in; and where no manifest holds anything, a chameleon. What may be
    of an end is not judged on the end's ports: beside it stands one with the labels of each rule, which surely is or is
    not. `closed` are namespaces that contracts speak of, which may be empty.
    """
    stage = _Stage(cluster, closed)
    met = list(dict.fromkeys(ends))
    for end in met:
        stage.take(end)
    stage.add_strangers()
    stage.add_look_alikes(met)
    return stage.staged()


class _Stage:
    """A cluster that is being added to."""

    def __init__(self, cluster: Cluster, closed: Iterable[str]) -> None:
        self._cluster = cluster
        self._namespaces = dict(cluster.namespaces)
        for name in closed:
            self._namespaces.setdefault(name, Namespace(name, {METADATA_NAME: name}, declared=False))
        self._names: dict[Key, str] = {}
        self._added: list[Workload] = []
        self._chameleons: list[Key] = []
        self._assumptions: list[str] = []
        self._there: dict[str, list[Workload]] = {}
        for workload in cluster.workloads:
            self._there.setdefault(workload.key.namespace, []).append(workload)

    def take(self, end: Pods) -> None:
        """Make sure that somebody is there who is of an end; of a whole namespace the stranger will be."""
        name = end.namespace
        self._namespaces.setdefault(name, Namespace(name, {METADATA_NAME: name}, declared=False))
        if not end.pods.requirements or _is_there(end, self._there.get(name, ())):
            return
        labels = _satisfying(end.pods)
        if labels is None:
            self._assumptions.append(f"nothing is proved of {end.text}: no pod that its selector matches is known")
        else:
            self._add(f"{end.text} {len(self._added)}", name, end.text, labels)

    def add_look_alikes(self, ends: Iterable[Pods]) -> None:
        """Where pods may bear any labels and an end asks for some, those that a rule asks for instead."""
        asked: dict[str, list[Selector]] = {}
        for end in ends:
            if end.pods.requirements and end.namespace not in self._cluster.namespaces:
                asked.setdefault(end.namespace, []).append(end.pods)
        peers = list(dict.fromkeys((p.namespaces, p.pods) for p in _peers(self._cluster))) if asked else []
        for name, wanted in asked.items():
            own = {METADATA_NAME: name}
            known = [w.labels for w in self._added if w.key.namespace == name]
            for around, pods in peers:
                if around is None or around.matches(own) is not Ternary.YES:
                    continue
                for labels in _bearing(pods, wanted):
                    if labels and labels not in known:
                        known.append(labels)
                        text = ", ".join(f"{key}={value}" for key, value in labels.items())
                        self._add(f"with {text}", name, f"a pod of {name} with {text}", labels)

    def add_strangers(self) -> None:
        """In every namespace, in those that only a policy names, and in one that stands for all others."""
        asked = frozenset(_label_keys(self._cluster))
        for name in (*_named(self._cluster), _ELSEWHERE):
            self._namespaces.setdefault(name, Namespace(name, {METADATA_NAME: name}, declared=True))
        for name in reversed(self._namespaces):
            if name not in self._cluster.namespaces:
                self._chameleons.append(self._add("any pod", name, f"a pod of {name}", {}, asked))
        for name in self._namespaces:
            if name != _ELSEWHERE:
                self._add("any other pod", name, f"any other pod of {name}", {})

    def _add(
        self, name: str, namespace: str, text: str, labels: dict[str, str], unknown: frozenset[str] = frozenset()
    ) -> Key:
        key = Key(self._cluster.platform.cluster, "", "Pod", namespace, name)
        self._names[key] = text
        self._added.append(Workload(key, labels, unknown, (), False, AddressSet(), "", Origin("")))
        return key

    def staged(self) -> Staged:
        """All of it."""
        cluster = msgspec.structs.replace(
            self._cluster, namespaces=self._namespaces, workloads=(*self._cluster.workloads, *self._added)
        )
        return Staged(cluster, self._names, tuple(self._chameleons), tuple(self._assumptions))


def _is_there(end: Pods, workloads: Iterable[Workload]) -> bool:
    return any(w.bears(end.pods) is Ternary.YES for w in workloads)


def _satisfying(selector: Selector) -> dict[str, str] | None:
    """Labels that the selector matches; None where the simplest ones do not do."""
    labels: dict[str, str] = {}
    for requirement in selector.requirements:
        if requirement.operator is Operator.IN:
            labels.setdefault(requirement.key, requirement.values[0])
        elif requirement.operator is Operator.EXISTS:
            labels.setdefault(requirement.key, _ANY)
    return labels if selector.matches(labels) is Ternary.YES else None


def _bearing(selector: Selector, wanted: Iterable[Selector]) -> Iterator[dict[str, str]]:
    """Labels that a selector matches: with each of its values, and with each that somebody wanted must not have."""
    given = [r for r in selector.requirements if r.operator in (Operator.IN, Operator.EXISTS)]
    plain = {r.key: (r.values or (_ANY,))[0] for r in given}
    unwanted = [
        r for one in wanted for r in one.requirements if r.operator in (Operator.NOT_IN, Operator.DOES_NOT_EXIST)
    ]
    choices = ((r.key, value) for r in (*given, *unwanted) for value in r.values or (_ANY,))
    for labels in (plain, *(plain | {key: value} for key, value in choices)):
        if selector.matches(labels) is Ternary.YES:
            yield labels


def _label_keys(cluster: Cluster) -> set[str]:
    """Every label of pods that some policy asks for."""
    found = {requirement.key for policy in _policies(cluster) for requirement in policy.pods.requirements}
    found.update(requirement.key for peer in _peers(cluster) for requirement in peer.pods.requirements)
    return found


def _named(cluster: Cluster) -> Iterator[str]:
    """Every namespace that a policy asks for by its name."""
    selectors = [policy.namespaces for policy in cluster.cluster_policies]
    selectors += [peer.namespaces for peer in _peers(cluster) if peer.namespaces is not None]
    for requirement in dict.fromkeys(requirement for selector in selectors for requirement in selector.requirements):
        if requirement.key == METADATA_NAME and requirement.operator is Operator.IN:
            yield from requirement.values


def _policies(cluster: Cluster) -> Iterator[NetworkPolicy | ClusterPolicy]:
    yield from cluster.network_policies
    yield from cluster.cluster_policies


def _peers(cluster: Cluster) -> Iterator[PodPeer]:
    for policy in _policies(cluster):
        for rule in (*(policy.ingress or ()), *(policy.egress or ())):
            yield from (peer for peer in rule.peers or () if isinstance(peer, PodPeer))
