"""What one direction of a policy lets through: each peer once, peers with equal ports together."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from licet.compile.peers import AddressPeer, PodsPeer
from licet.compile.sides import Sides
from licet.contracts.agreement import Agreements
from licet.model.addresses import AddressSet
from licet.model.policy import Direction
from licet.model.ports import NO_PORTS, PortSet


class Rule(msgspec.Struct, frozen=True):
    """Whoever of `pods` and `addresses` may use `ports`; `agreements` are the positions of those behind it."""

    ports: PortSet
    pods: tuple[PodsPeer, ...]
    addresses: AddressSet
    agreements: tuple[int, ...]


def rules(agreements: Agreements, positions: Iterable[int], direction: Direction, sides: Sides) -> tuple[Rule, ...]:
    """The rules for the agreements at these positions, in the order of their ports."""
    ports: dict[PodsPeer | AddressSet, PortSet] = {}
    behind: dict[PodsPeer | AddressSet, list[int]] = {}
    for at in positions:
        side = sides.of(at, direction)
        if side is None or side.peer is None:
            continue
        who = side.peer.addresses if isinstance(side.peer, AddressPeer) else side.peer
        ports[who] = ports.get(who, NO_PORTS) | agreements.agreements[at].ports
        behind.setdefault(who, []).append(at)
    alike: dict[PortSet, list[PodsPeer | AddressSet]] = {}
    for who, own in ports.items():
        alike.setdefault(own, []).append(who)
    return tuple(
        Rule(
            own,
            tuple(sorted((one for one in whos if isinstance(one, PodsPeer)), key=_order)),
            AddressSet(_spans(one for one in whos if isinstance(one, AddressSet))),
            tuple(sorted({at for one in whos for at in behind[one]})),
        )
        for own, whos in sorted(alike.items(), key=lambda item: item[0].spans)
        if own
    )


def _spans(found: Iterable[AddressSet]) -> tuple[tuple[int, int], ...]:
    together = AddressSet()
    for one in found:
        together |= one
    return together.spans


def _order(peer: PodsPeer) -> tuple[str, tuple[tuple[str, str, tuple[str, ...]], ...]]:
    return peer.namespace, tuple((r.key, r.operator.value, r.values) for r in peer.pods.requirements)
