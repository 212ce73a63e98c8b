"""Parts that objects of more than one target have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from licet.compile.compiled import Remark
from licet.compile.plan import Plan, Whole
from licet.compile.rules import Rule
from licet.compile.selectors import Labels
from licet.contracts.agreement import Agreements, end_text
from licet.model.key import Key
from licet.model.policy import Direction
from licet.model.selector import Operator, Selector
from licet.model.workload import METADATA_NAME

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "licet"
TARGET = "licet.dev/target"
OWNER = "licet.dev/owner"
PEERS = {Direction.INGRESS: "from", Direction.EGRESS: "to"}
"""The field of a rule that names the other side."""
TITLE = "Compiled by licet from the contracts: change those, not this file."
"""The first line of every generated file."""


def labels(target: str) -> dict[str, str]:
    """What `kubectl apply --prune -l` finds the objects of one target by."""
    return {MANAGED_BY: MANAGER, TARGET: target}


def metadata(name: str, target: str, owner: str, namespace: str = "") -> dict[str, Any]:
    """Name, labels, and who answers for the contract, where it says so."""
    written: dict[str, Any] = {"name": name} | ({"namespace": namespace} if namespace else {})
    written["labels"] = labels(target)
    return written | ({"annotations": {OWNER: owner}} if owner else {})


def owner(agreements: Agreements, key: Key) -> str:
    """Who answers for the contract of a workload; empty where nobody is named."""
    contract = agreements.contracts.get(key)
    return contract.owner if contract is not None else ""


def match_labels(chosen: Labels) -> dict[str, Any]:
    """A LabelSelector for exactly these labels."""
    return {"matchLabels": dict(chosen)}


def selector(value: Selector) -> dict[str, Any]:
    """A LabelSelector; one In of one value is written as matchLabels."""
    equal: dict[str, str] = {}
    expressions: list[dict[str, Any]] = []
    for requirement in value.requirements:
        if requirement.operator is Operator.IN and len(requirement.values) == 1 and requirement.key not in equal:
            equal[requirement.key] = requirement.values[0]
            continue
        expression: dict[str, Any] = {"key": requirement.key, "operator": requirement.operator.value}
        if requirement.values:
            expression["values"] = list(requirement.values)
        expressions.append(expression)
    written: dict[str, Any] = {"matchLabels": equal} if equal else {}
    return written | ({"matchExpressions": expressions} if expressions else {})


def namespace(name: str) -> dict[str, Any]:
    """A LabelSelector for one namespace, by the label that every namespace has."""
    return match_labels({METADATA_NAME: name})


def head_of_namespace(whole: Whole) -> tuple[Remark, ...]:
    """What stands above a policy for every pod of a namespace."""
    return Remark(TITLE), Remark(f"Every pod of namespace {whole.namespace} is closed.", (whole.place,))


def head_of_workload(each: Plan) -> tuple[Remark, ...]:
    """What stands first above the policy of a workload."""
    isolated = each.isolated
    return Remark(TITLE), Remark(f"{isolated.key} is closed, but for what follows.", (isolated.place,))


def remarks(agreements: Agreements, direction: Direction, found: Iterable[Rule]) -> Iterator[Remark]:
    """A line for each agreement that was written, with the places of both sides."""
    for at in sorted({at for rule in found for at in rule.agreements}):
        agreement = agreements.agreements[at]
        places = tuple(place for place in (agreement.caller, agreement.callee) if place is not None)
        other = f"from {end_text(agreement.src)}" if direction is Direction.INGRESS else f"to {end_text(agreement.dst)}"
        yield Remark(f"{other}, {agreement.ports}", places)
