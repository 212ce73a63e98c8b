"""The policies of an answer under numbers that stay, so that what is known of one survives changes to others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from itertools import count

import msgspec

from licet.analysis.pages import Pages
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.policy import ClusterPolicy, NetworkPolicy

Policy = NetworkPolicy | ClusterPolicy

_SLOTS = (1 << 8) - 1
"""Keys are looked up in small tables by this part of their hash, so that few are copied for a change."""


class Swap(msgspec.Struct, frozen=True):
    """Numbers of the policies that left and of those that came."""

    gone: tuple[int, ...]
    come: tuple[int, ...]


class Shelf:
    """Policies by number. A number is given once, also across the shelves that came from one another."""

    def __init__(self, network: dict[int, NetworkPolicy], cluster: dict[int, ClusterPolicy], numbers: Iterator[int]):
        self.network = Pages.of(network.items())
        self.cluster = Pages.of(cluster.items())
        self._numbers = numbers
        self._number_of = Pages.of(_by_slot((*network.items(), *cluster.items())).items())

    @classmethod
    def of(cls, cluster: Cluster) -> Shelf:
        """The policies of a cluster, in its order."""
        numbers = count()
        return cls(
            {next(numbers): policy for policy in cluster.network_policies},
            {next(numbers): policy for policy in cluster.cluster_policies},
            numbers,
        )

    def swapped(self, gone: Iterable[Key], come: Iterable[Policy]) -> tuple[Shelf, Swap]:
        """Another shelf without the policies in `gone` and with those in `come`, which replace their namesakes.

        Raises KeyError for a key in `gone` that is not here.
        """
        arriving = {next(self._numbers): policy for policy in come}
        known: dict[Key, int | None] = {key: self._number(key) for key in gone}
        for key, number in known.items():
            if number is None:
                raise KeyError(key)
        known.update((policy.key, self._number(policy.key)) for policy in arriving.values())
        leaving = [number for number in known.values() if number is not None]
        found = copy(self)
        found.network = self.network.changed(
            {number: policy for number, policy in arriving.items() if isinstance(policy, NetworkPolicy)},
            [number for number in leaving if number in self.network],
        )
        found.cluster = self.cluster.changed(
            {number: policy for number, policy in arriving.items() if isinstance(policy, ClusterPolicy)},
            [number for number in leaving if number in self.cluster],
        )
        slots = {slot: dict(self._number_of.get(slot) or {}) for slot in map(_slot, known)}
        for key in known:
            slots[_slot(key)].pop(key, None)
        for number, policy in arriving.items():
            slots[_slot(policy.key)][policy.key] = number
        found._number_of = self._number_of.changed(slots)
        return found, Swap(tuple(leaving), tuple(arriving))

    def _number(self, key: Key) -> int | None:
        return (self._number_of.get(_slot(key)) or {}).get(key)


def _slot(key: Key) -> int:
    return hash(key) & _SLOTS


def _by_slot(policies: Iterable[tuple[int, Policy]]) -> dict[int, dict[Key, int]]:
    found: dict[int, dict[Key, int]] = {}
    for number, policy in policies:
        found.setdefault(_slot(policy.key), {})[policy.key] = number
    return found
