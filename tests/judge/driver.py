"""Builds the Go judge beside this file and talks to it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from licet.model.addresses import address_text
from licet.model.cluster import Cluster
from licet.model.selector import Selector
from licet.model.workload import Workload
from tests.built import go_program
from tests.clusters import Question
from tests.conversation import Conversation
from tests.judge import encode
from tests.oracle import Side


def build() -> Path:
    """The program, built from the pinned modules; skips the test where there is no Go."""
    return go_program(Path(__file__).parent, "judge")


class Answer(msgspec.Struct):
    """What the judge says: one truth a packet and one a selection."""

    allowed: list[bool]
    matches: list[bool]


class Judge(Conversation):
    """A running judge; one at a time is enough for a whole test run."""

    def packets(self, cluster: Cluster, asked: Iterable[Question]) -> list[bool]:
        """Which packets arrive. Only NetworkPolicies are looked at."""
        case = {
            "namespaces": [encode.namespace(one) for one in cluster.namespaces.values()],
            "pods": [encode.workload(one) for one in cluster.workloads],
            "policies": [encode.network_policy(one) for one in cluster.network_policies],
            "packets": [
                {"src": _end(q.src), "dst": _end(q.dst), "protocol": q.protocol.name, "port": q.port} for q in asked
            ],
        }
        return self._ask(case).allowed

    def selectors(self, asked: Iterable[tuple[Selector, dict[str, str]]]) -> list[bool]:
        """Which selectors hold for which labels, by the library that the API server itself uses."""
        case = {"selectors": [{"selector": encode.selector(one), "labels": labels} for one, labels in asked]}
        return self._ask(case).matches

    def _ask(self, case: encode.Json) -> Answer:
        return msgspec.json.decode(self.tell(case), type=Answer)


def _end(side: Side) -> str:
    if isinstance(side, Workload):
        return f"{side.key.namespace}/{side.key.name}"
    assert isinstance(side, int), "the judge knows no ingress controller"
    return address_text(side)
