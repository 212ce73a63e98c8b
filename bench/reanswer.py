"""How long the answer takes to follow one change of policy, at the size of a whole cluster.

`python -m bench.reanswer CASE FOLDER SAMPLES` prints one JSON object a line, one for each kind of change. Every change
starts from the answer that the one before left; only `Reach.update` is timed, reading the changed manifest is not. The
cyclic collector runs as it does in a server that froze what it had loaded.
"""

from __future__ import annotations

import gc
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from itertools import cycle
from statistics import median, quantiles

from bench import policies
from bench.estate import Estate, plan
from bench.generate import Case
from bench.result import Latency
from licet.analysis.reach import Reach, Update, reach
from licet.diag.text import Text
from licet.manifest.decode import decode
from licet.manifest.documents import read
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.policy import ClusterPolicy, Direction, NetworkPolicy
from licet.model.profiles import DEFAULT, PROFILES
from licet.sources import fetch

Policy = NetworkPolicy | ClusterPolicy
Change = tuple[list[Key], list[Policy]]
"""What goes and what comes, as `Reach.update` takes it."""

LONGEST = 20.0
"""Seconds after which a kind of change has been measured enough."""

WITHIN = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: default-deny, namespace: {name}}}
spec:
  podSelector: {{}}
  policyTypes: [Ingress]
  ingress:
  - from: [{{podSelector: {{}}}}]
    ports: [{{port: {port}}}]
"""

EVERYWHERE = """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {{name: everywhere}}
spec:
  tier: Admin
  priority: 1
  subject: {{namespaces: {{}}}}
  ingress:
  - action: Deny
    from: [{{namespaces: {{matchLabels: {{env: {environment}}}}}}}]
  egress:
  - action: Accept
    to: [{{pods: {{namespaceSelector: {{}}, podSelector: {{matchLabels: {{app.kubernetes.io/component: web}}}}}}}}]
    protocols: [{{tcp: {{destinationPort: {{number: 8080}}}}}}]
"""


class Changes:
    """Changes to a generated estate, drawn at random but the same in every run."""

    def __init__(self, estate: Estate, seed: int) -> None:
        self._estate = estate
        self._draw = random.Random(f"changes {seed}")
        callers = list(estate.callers)
        self._draw.shuffle(callers)
        self._moved = replace(estate, callers=tuple(callers))

    def replaced(self) -> Iterator[Change]:
        """An app's policy comes to admit three other callers, or goes back to what it was."""
        moved: set[int] = set()
        while True:
            app = self._draw.choice(self._estate.apps)
            moved ^= {app.index}
            yield [], [_policy(policies.policy(app, self._moved if app.index in moved else self._estate))]

    def added(self) -> Iterator[Change]:
        """A second policy for an app."""
        while True:
            app = self._draw.choice(self._estate.apps)
            text = policies.policy(app, self._moved).replace(f"name: {app.name}", f"name: {app.name}-more", 1)
            yield [], [_policy(text)]

    def removed(self) -> Iterator[Change]:
        """An app's policy goes; no app loses its policy twice."""
        for app in self._draw.sample(self._estate.apps, len(self._estate.apps)):
            yield [_policy(policies.policy(app, self._estate)).key], []

    def a_namespace(self) -> Iterator[Change]:
        """A default deny comes to admit the namespace's own pods: every row of the namespace."""
        while True:
            namespace = self._draw.choice(self._estate.namespaces)
            yield [], [_policy(WITHIN.format(name=namespace.name, port=self._draw.randrange(1, 1000)))]

    def everywhere(self) -> Iterator[Change]:
        """A policy of the Admin tier over all namespaces, in both directions."""
        for environment in cycle(("prod", "staging", "dev")):
            yield [], [_policy(EVERYWHERE.format(environment=environment))]


def _policy(text: str) -> Policy:
    documents, wrong = read([Text("<change>", text.encode())])
    decoded = decode(documents)
    if wrong or decoded.diagnostics:
        raise AssertionError(f"a generated change has findings: {(wrong, decoded.diagnostics)}")
    found: list[Policy] = [*decoded.cluster.network_policies, *decoded.cluster.cluster_policies]
    return found[0]


def measure(cluster: Cluster, changes: Changes, samples: int) -> Iterator[Latency]:
    """Every kind of change in turn. `samples` is the number of single changes; wide ones are fewer."""
    now = reach(cluster, PROFILES[DEFAULT])
    gc.collect()
    gc.freeze()
    kinds: tuple[tuple[str, Callable[[], Iterator[Change]], int], ...] = (
        ("one policy replaced", changes.replaced, samples),
        ("one policy added", changes.added, samples),
        ("one policy removed", changes.removed, samples),
        ("a whole namespace", changes.a_namespace, max(2, samples // 4)),
        ("the whole cluster", changes.everywhere, max(2, samples // 40)),
    )
    for name, drawn, count in kinds:
        seconds: list[float] = []
        rows: list[int] = []
        checked = 0
        for number, (gone, come) in zip(range(count), drawn(), strict=False):
            before = now
            begun = time.perf_counter()
            update = now.update(gone, come)
            seconds.append(time.perf_counter() - begun)
            now = update.reach
            rows.append(len({*update.columns, *update.arriving, *update.leaving}))
            if number in (0, count - 1):
                _check(before, update)
                checked += 1
            if sum(seconds) > LONGEST:
                break
        yield Latency(name, len(seconds), median(seconds), _p99(seconds), max(seconds), int(median(rows)), checked)


def _p99(seconds: list[float]) -> float:
    return quantiles(seconds, n=100, method="inclusive")[98]


def _check(before: Reach, update: Update) -> None:
    """The answer after the change equals a fresh one, and what is said to have changed is all that has."""
    fresh = reach(update.reach.cluster, PROFILES[DEFAULT])
    old, new, expected = _columns(before), _columns(update.reach), _columns(fresh)
    if new != expected:
        differing = sum(a != b for a, b in zip(new, expected, strict=True))
        raise AssertionError(f"{differing} columns differ from a fresh answer")
    if {at for at, column in enumerate(new) if column != old[at]} != set(update.columns):
        raise AssertionError("the columns that changed are not those that were said to")
    for direction, said in ((Direction.INGRESS, update.arriving), (Direction.EGRESS, update.leaving)):
        was, became, anew = (_outside(answer, direction) for answer in (before, update.reach, fresh))
        if became != anew:
            raise AssertionError("what passes between pods and addresses outside differs from a fresh answer")
        if {at for at, row in enumerate(became) if row != was[at]} != set(said):
            raise AssertionError("the rows of addresses that changed are not those that were said to")


def _columns(answer: Reach) -> list[dict[object, int]]:
    return [
        {(grant.must, grant.may, grant.reasons): part for grant, part in column.items()} for column in answer.columns
    ]


def _outside(answer: Reach, direction: Direction) -> list[dict[object, object]]:
    rows = answer.ingress if direction is Direction.INGRESS else answer.egress
    return [{(grant.must, grant.may, grant.reasons): part for grant, part in row.outside.items()} for row in rows]


def main(arguments: list[str]) -> int:
    """Measure the changes of one generated case."""
    name, folder, samples = arguments
    case = Case.parse(name)
    documents, _ = read(fetch([folder]).texts)
    cluster = decode(documents).cluster
    del documents
    for one in measure(cluster, Changes(plan(case.size, case.seed), 1), int(samples)):
        print(json.dumps(asdict(one)), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
