"""Metrics in the form of Prometheus, read from what there is whenever somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from licet import __version__
from licet.identity.authority import Authority, Kind, Standing
from licet.identity.domain import State
from licet.identity.lifetimes import outage_budget
from licet.identity.node.agent import Agent
from licet.identity.node.roster import Condition
from licet.identity.watch.subject import Serving, Stored, Subject, budget
from licet.identity.workload.front import Front

_LATE = 0.75
"""The part of its life after which an SVID should have been renewed twice over."""
_ISSUED = ("x509", "jwt")
_CAUSES = ("refused", "malformed", "unavailable", "store", "failed")
_TURNED_AWAY = ("certificate", "attestation")


class Metrics:
    """The metrics of one process."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        self._registry.register(_Families(self._families))
        self._stored: Stored | None = None

    def expose(self, stored: Stored | None) -> bytes:
        """Everything as text, with what the database says where that is known.

        To be called on the loop that the process runs on, whose values are read without waiting.
        """
        self._stored = stored
        return generate_latest(self._registry)

    def _families(self) -> Iterator[Metric]:
        now = self._subject.clock()
        yield _gauge("build_info", "The version that runs.", {__version__: 1}, "version")
        if self._subject.serving is not None:
            yield from _of_state(self._subject.serving.server.state, now)
            yield from _of_server(self._subject.serving)
            if self._stored is not None:
                yield from _of_stored(self._stored, now)
        if self._subject.agent is not None:
            yield from _of_agent(self._subject.agent, now)
        if self._subject.front is not None:
            yield from _of_front(self._subject.front)
        if self._subject.credentials is not None:
            ends = self._subject.credentials.not_after.timestamp()
            help = "When the certificate by which servers know this node ends."
            yield _gauge("agent_certificate_expiry_timestamp_seconds", help, ends)


class _Families(Collector):
    def __init__(self, families: Callable[[], Iterator[Metric]]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return self._families()


def _of_state(state: State, now: datetime) -> Iterator[Metric]:
    authorities = [each for each in state.authorities if each.believed]
    keys = {(each.kind.value, each.standing.value, each.id[:16]): each for each in authorities}
    labels = ("kind", "standing", "id")

    def each(of: Callable[[Authority], float]) -> dict[tuple[str, ...], float]:
        return {key: of(authority) for key, authority in keys.items()}

    yield _gauge("state_version", "The version of the domain that is followed.", state.version)
    yield _gauge("entries", "Registered entries.", len(state.entries))
    yield _gauge("revoked_identities", "Identities that are revoked.", len(state.denied))
    age = each(lambda a: (now - a.not_before).total_seconds())
    yield _gauge("authority_age_seconds", "Since when the authority is valid.", age, *labels)
    ends = each(lambda a: a.not_after.timestamp())
    yield _gauge("authority_expiry_timestamp_seconds", "When the authority ends.", ends, *labels)
    left = each(lambda a: max(0.0, 1 - a.age(now)))
    yield _gauge("authority_remaining_ratio", "The part of the authority's life that is left.", left, *labels)
    ready = [a.kind for a in authorities if a.standing is Standing.PREPARED and a.not_after > now]
    reserve = {kind.value: ready.count(kind) for kind in Kind}
    yield _gauge("authority_successors", "Authorities that stand ready to follow.", reserve, "kind")
    yield _gauge("bundle_sequence", "The sequence number of the domain's own bundle.", state.bundle.sequence)
    changed = bundle_changed(state)
    yield _gauge("bundle_age_seconds", "Since when the domain's own bundle is as it is.", _since(changed, now))
    least = budget(state).total_seconds()
    yield _gauge(
        "guaranteed_outage_budget_seconds", "How long a server may be away at any time, by the settings.", least
    )
    yield from _of_federation(state, now)


def bundle_changed(state: State) -> datetime | None:
    """When the domain's own bundle last changed: with a root or a JWT key that came or went."""
    backdate = timedelta(seconds=state.settings.lifetimes.backdate)
    published = [each for each in state.authorities if each.kind is not Kind.INTERMEDIATE]
    came = [each.not_before + backdate for each in published]
    went = [each.changed_at for each in published if not each.believed]
    return max(came + went, default=None)


def _of_federation(state: State, now: datetime) -> Iterator[Metric]:
    trusted = {str(each.trust_domain): each for each in state.foreign if not each.distrusted}
    age = {key: _since(each.fetched_at, now) for key, each in trusted.items() if each.fetched_at is not None}
    yield _gauge("foreign_bundle_age_seconds", "Since when the bundle was not fetched.", age, "trust_domain")
    failing = {key: float(bool(each.failure)) for key, each in trusted.items()}
    yield _gauge("foreign_bundle_failing", "Whether the last attempt to fetch it failed.", failing, "trust_domain")
    sequence = {key: each.bundle.sequence for key, each in trusted.items() if each.bundle is not None}
    yield _gauge("foreign_bundle_sequence", "The sequence number of the bundle.", sequence, "trust_domain")
    hint = {key: each.bundle.refresh_hint for key, each in trusted.items() if each.bundle is not None}
    yield _gauge("foreign_bundle_refresh_hint_seconds", "How often it is to be fetched.", hint, "trust_domain")


def _of_server(serving: Serving) -> Iterator[Metric]:
    issued, refused = serving.issuer.issued.counts(), serving.issuer.refused.counts()
    yield _counter("issued", "SVIDs issued.", issued, "type", _ISSUED)
    yield _counter("issuance_refused", "SVIDs not issued.", refused, "cause", _CAUSES)
    yield _gauge("following", "Whether the stored state can be followed.", not serving.server.failure)
    writer = serving.ledger.writer
    yield _gauge("writer_up", "Whether changes are taken.", writer.alive)
    yield _gauge("writer_waiting", "Changes that wait to be written.", writer.waiting)
    yield _counter("writer_failures", "Transactions that did not come about.", writer.undone)
    if serving.port is not None:
        away = serving.port.refused.counts()
        yield _counter("agents_refused", "Agents that were turned away.", away, "by", _TURNED_AWAY)


def _of_stored(stored: Stored, now: datetime) -> Iterator[Metric]:
    conditions = [node.condition(now) for node in stored.nodes]
    nodes = {each.value: conditions.count(each) for each in Condition}
    yield _gauge("nodes", "Nodes by how they fare.", nodes, "condition")
    yield _gauge("log_records", "Records in the audit log.", stored.records)
    if stored.checkpoint_at is not None:
        at = stored.checkpoint_at.timestamp()
        yield _gauge("log_checkpoint_timestamp_seconds", "When the log's newest checkpoint was signed.", at)


def _of_agent(agent: Agent, now: datetime) -> Iterator[Metric]:
    held = agent.holdings.all()
    late = sum((now - svid.not_before) / (svid.not_after - svid.not_before) >= _LATE for svid in held)
    yield _gauge("node_ready", "Whether workloads are answered.", agent.ready)
    yield _gauge("svids_held", "SVIDs that the node holds.", len(held))
    yield _gauge("svids_expiring_soon", "SVIDs that should have been renewed long ago.", late)
    left = outage_budget([svid.not_after for svid in held], now)
    if left is not None:
        help = "Until the first SVID expires if no server answers from now on."
        yield _gauge("outage_budget_seconds", help, left.total_seconds())
    yield _gauge("watchers", "Streams that are open.", agent.watchers)
    yield _counter("unregistered_workloads", "Calls of workloads that have no identity.", agent.unregistered)
    if agent.state is not None:
        yield _gauge("node_state_version", "The version of the domain that the node knows.", agent.state.version)
        yield _gauge(
            "node_bundle_sequence", "The sequence number of the bundle it hands out.", agent.state.own.sequence
        )


def _of_front(front: Front) -> Iterator[Metric]:
    yield _gauge("connections", "Connections of workloads.", front.connections)
    yield _counter("attestation_failures", "Callers of whom could not be told who they are.", front.unattested)
    yield _counter("secrets_refused", "How often Envoys did not take secrets, and kept theirs.", front.untaken)
    yield _counter("connections_shed", "Connections that were turned away since there were too many.", front.shed)


def _gauge(
    name: str,
    help: str,
    values: float | Mapping[str, float] | Mapping[str, int] | Mapping[tuple[str, ...], float],
    *labels: str,
) -> Metric:
    """One value, or one for each value of the label, or for each of the labels together."""
    family = GaugeMetricFamily(f"licet_identity_{name}", help, labels=labels)
    if isinstance(values, float | int):
        family.add_metric([], float(values))
    else:
        for key, value in values.items():
            family.add_metric([key] if isinstance(key, str) else key, float(value))
    return family


def _counter(
    name: str, help: str, counts: int | Mapping[str, int], label: str = "", known: tuple[str, ...] = ()
) -> Metric:
    """Of what is known to be counted, what was not seen yet is 0, so that its first increase is one."""
    family = CounterMetricFamily(f"licet_identity_{name}", help, labels=[label] if label else [])
    if isinstance(counts, int):
        family.add_metric([], counts)
    else:
        for key, value in {**dict.fromkeys(known, 0), **counts}.items():
            family.add_metric([key], value)
    return family


def _since(then: datetime | None, now: datetime) -> float:
    return (now - then).total_seconds() if then is not None else 0.0
