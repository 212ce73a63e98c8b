"""A trust domain to measure on: founded anew, with as many entries as there are workloads."""

from __future__ import annotations

import shutil
from pathlib import Path

from licet.app.identity import domain, registration
from licet.app.identity.place import Place
from licet.identity.domain import Settings
from licet.identity.entry import Entry
from licet.identity.spiffeid import TrustDomain

DOMAIN = TrustDomain("bench.example")


def founded(folder: Path, entries: int, database: str = "") -> Place:
    """A trust domain in this folder, or in the database at this address, whatever was in the folder before."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    place = Place(folder, database)
    domain.found(place, DOMAIN, Settings(), passphrase=False)
    registration.add(place, [entry(number) for number in range(entries)])
    return place


def entry(number: int) -> Entry:
    """Of the workload of this number, which shows a selector of its own."""
    return Entry(
        id=f"workload-{number}",
        spiffe_id=DOMAIN.member(f"/ns/shop/sa/workload-{number}"),
        selectors=(selector(number),),
    )


def selector(number: int) -> str:
    """What the workload of this number shows."""
    return f"bench:workload:{number}"
