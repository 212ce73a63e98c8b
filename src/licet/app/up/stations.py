"""Where each workload stands on one machine: an address of its own, and ports for whatever it calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import assert_never

from licet.mesh.intent import Callee, Intent, Named, Outside
from licet.mesh.sidecar import Capture, Sidecar
from licet.model.addresses import address_text
from licet.model.key import Key

_FIRST_EXIT = 20000
"""Exits stand from here on, on the workload's own address."""


def stations(intents: Mapping[Key, Intent], addresses: Sequence[str], folder: Path) -> Mapping[Key, Sidecar]:
    """A sidecar for each workload, one instance each, the same for the same intents.

    There have to be as many addresses as workloads. The sockets of the programs are `folder/NUMBER-PORT`, short since a
    path of one has 107 bytes at most.
    """
    return {
        key: Sidecar(
            f"{key}/0",
            key,
            intent.identity,
            address,
            Capture.EXPLICIT,
            {served.port: str(folder / f"{number}-{served.port}") for served in intent.serves},
            _exits(intent, address),
        )
        for number, ((key, intent), address) in enumerate(
            zip(sorted(intents.items(), key=_key), addresses, strict=True)
        )
    }


def _key(item: tuple[Key, Intent]) -> Key:
    return item[0]


def _exits(intent: Intent, address: str) -> Mapping[str, str]:
    taken = {served.port for served in intent.serves}
    free = (port for port in count(_FIRST_EXIT) if port not in taken)
    return {name: f"{address}:{next(free)}" for name in dict.fromkeys(_destinations(intent))}


def _destinations(intent: Intent) -> Iterator[str]:
    """What has one address or name; a range of addresses has none to lead to."""
    for call in intent.calls:
        match call.to:
            case Callee(key=key):
                names = [str(key)]
            case Named(name=name):
                names = [] if name.startswith("*.") else [name]
            case Outside(addresses=addresses):
                names = [address_text(first) for first, last in addresses.ranges() if first == last]
            case _:
                assert_never(call.to)
        for name in names:
            for span in call.ports.ranges():
                yield from (f"{name}:{port}" for port in range(span.first, span.last + 1))
