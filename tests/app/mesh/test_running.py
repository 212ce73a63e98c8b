"""What a control plane makes of contracts that change while it runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from licet.app.identity.domain import found, opened
from licet.app.identity.place import Place, now
from licet.app.load import Setting
from licet.app.mesh.declared import Declared, read
from licet.app.mesh.running import Mesh, Wanted
from licet.identity.domain import Settings
from licet.identity.issuer import Issuer
from licet.identity.spiffeid import TrustDomain
from licet.mesh.fleet import Front
from licet.mesh.sidecar import Capture, Instance, Sidecar
from licet.sources.settings import settings
from tests.cli.mesh.standing import DOMAIN, contracts, identity

SERVICE = """---
apiVersion: v1
kind: Service
metadata: {name: stock, namespace: shop}
spec: {clusterIP: 10.96.0.7, selector: {app: stock}, ports: [{port: 80, targetPort: 8080}]}
"""


def declared(folder: Path, text: str) -> Declared:
    (folder / "shop.yaml").write_text(text)
    return read([str(folder)], Setting(settings(None), "shop"), DOMAIN)


def test_services_come_and_go_with_the_contracts(tmp_path: Path) -> None:
    place, folder = Place(tmp_path / "data"), tmp_path / "declared"
    folder.mkdir()
    found(place, TrustDomain(DOMAIN), Settings(), passphrase=False)
    without, with_it = declared(folder, contracts(8080)), declared(folder, contracts(8080) + SERVICE)

    async def story() -> list[set[Front]]:
        with opened(place) as domain:
            issuer = Issuer(domain.database, domain.ledger, domain.keyring, now, domain.integrity)
            mesh = Mesh(domain, issuer, without, Wanted(server="one"))
            seen = []
            for each in (with_it, without):
                mesh.apply(each)
                seen.append({front for held in mesh.control.fleet.services.values() for front in held})
            return seen

    assert asyncio.run(story()) == [{Front("10.96.0.7", 80, 8080)}, set()]


def test_what_was_made_for_a_sidecar_is_let_go_of_with_it(tmp_path: Path) -> None:
    place, folder = Place(tmp_path / "data"), tmp_path / "declared"
    folder.mkdir()
    found(place, TrustDomain(DOMAIN), Settings(), passphrase=False)
    first = declared(folder, contracts(8080))
    key = next(each for each in first.intents.by_workload if each.name == "stock")
    sidecar = Sidecar(f"{key}/1", key, identity("stock"), "10.0.0.1", Capture.REDIRECTED)

    async def story() -> list[bool]:
        with opened(place) as domain:
            issuer = Issuer(domain.database, domain.ledger, domain.keyring, now, domain.integrity)
            mesh = Mesh(domain, issuer, first, Wanted(server="one"))
            made = mesh.composer(mesh.control.fleet, sidecar)
            kept = []
            for there in ({str(key): (Instance(sidecar.id, sidecar.address),)}, {}):
                mesh.control.learn(msgspec.structs.replace(mesh.control.known, instances=there))
                mesh.forget()
                kept.append(mesh.composer(mesh.control.fleet, sidecar) is made)
            return kept

    assert asyncio.run(story()) == [True, False]
