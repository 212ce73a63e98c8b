"""The policies of an answer under numbers that stay, so that what is known of one survives changes to others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

import msgspec

from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.policy import ClusterPolicy, NetworkPolicy

Policy = NetworkPolicy | ClusterPolicy


class Swap(msgspec.Struct, frozen=True):
    """Numbers of the policies that left and of those that came."""

    gone: tuple[int, ...]
    come: tuple[int, ...]


class Shelf:
    """Policies by number. A number is given once, also across the shelves that came from one another."""

    def __init__(self, network: dict[int, NetworkPolicy], cluster: dict[int, ClusterPolicy], numbers: Iterator[int]):
        self.network = network
        self.cluster = cluster
        self._numbers = numbers
        self._number_of: dict[Key, int] = {
            **{policy.key: number for number, policy in network.items()},
            **{policy.key: number for number, policy in cluster.items()},
        }

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
        arriving = list(come)
        leaving = [self._number_of[key] for key in dict.fromkeys(gone)]
        leaving += [self._number_of[p.key] for p in arriving if p.key in self._number_of]
        found = object.__new__(Shelf)
        found.network, found.cluster = dict(self.network), dict(self.cluster)
        found._numbers, found._number_of = self._numbers, dict(self._number_of)
        out = tuple(dict.fromkeys(leaving))
        for number in out:
            policy = found.network.pop(number, None) or found.cluster.pop(number)
            del found._number_of[policy.key]
        numbers: list[int] = []
        for policy in arriving:
            number = next(self._numbers)
            numbers.append(number)
            found._number_of[policy.key] = number
            if isinstance(policy, NetworkPolicy):
                found.network[number] = policy
            else:
                found.cluster[number] = policy
        return found, Swap(out, tuple(numbers))
