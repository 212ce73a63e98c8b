"""A control plane as a process of its own: `python -m tests.mesh.drills.control DATA MANIFESTS SOCKET AGE`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig  # type: ignore[import-untyped]
from google.protobuf.any_pb2 import Any

from licet.app.identity import logs
from licet.app.identity.domain import opened
from licet.app.identity.place import Place, now
from licet.app.identity.running import begin, until_told
from licet.app.load import Setting
from licet.app.mesh.declared import follow, read
from licet.app.mesh.running import Mesh, Wanted
from licet.identity.attest.attestor import Attestor
from licet.identity.attest.unix import Unix
from licet.identity.issuer import Issuer
from licet.identity.workload.source import Peer
from licet.mesh.fleet import Fleet, Settings
from licet.mesh.resource import Kind, Resource, Snapshot
from licet.mesh.sidecar import Sidecar
from licet.mesh.xds.server import Local
from licet.sources import settings
from tests.mesh.drills.platform import SPOIL


async def serve(data: Path, manifests: Path, socket: Path, age: timedelta) -> None:
    """Serve until told to stop, and say when sidecars are; connections end at this age."""
    paths, setting, attestor = [str(manifests)], Setting(settings.Settings()), Attestor([Unix()])

    def local(identities: Callable[[Peer], frozenset[str]]) -> Local:
        return Local(socket, attestor.attest, identities)

    with opened(Place(data)) as domain:
        async with contextlib.AsyncExitStack() as stack:
            issuer = Issuer(domain.database, domain.ledger, domain.keyring, now, domain.integrity)
            declared = read(paths, setting, str(issuer.state.trust_domain))
            assert not declared.errors, declared.errors
            wanted = Wanted(server="drill", local=local, settings=Settings(connection_age=age))
            mesh = Mesh(domain, issuer, declared, wanted)
            mesh.control._compose = partial(_spoiled, mesh.composer)
            work = await mesh.start(stack)
            work.append(begin(stack, follow(paths, setting, declared, mesh.apply), "contracts"))
            print("sidecars are served", file=sys.stderr, flush=True)
            await until_told(work)


def _spoiled(compose: Callable[[Fleet, Sidecar], Snapshot], fleet: Fleet, sidecar: Sidecar) -> Snapshot:
    """The same, with policies of a callee's that are none if there are to be some."""
    made, file = compose(fleet, sidecar), Path(os.environ[SPOIL])
    if sidecar.workload.name != "api" or not file.exists() or file.read_text() != "policy":
        return made
    kept = {kind: held.values() for kind, held in made.resources.items()}
    rbac = Any(type_url="type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC", value=b"garbage")
    garbage = [
        Resource.of(each.name, TypedExtensionConfig(name=each.name, typed_config=rbac)) for each in kept[Kind.EXTENSION]
    ]
    return Snapshot.of({**kept, Kind.EXTENSION: garbage})


if __name__ == "__main__":
    logs.configure("json")
    data, manifests, socket, seconds = sys.argv[1:]
    asyncio.run(serve(Path(data), Path(manifests), Path(socket), timedelta(seconds=float(seconds))))
