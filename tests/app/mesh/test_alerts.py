"""Alerts of the mesh are about metrics that there are."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path

import yaml

from licet.app.identity.domain import found, opened
from licet.app.identity.place import Place, now
from licet.app.load import Setting
from licet.app.mesh.declared import read
from licet.app.mesh.health import Health
from licet.app.mesh.running import Mesh, Wanted
from licet.contracts.contract import Mode
from licet.flows.record import Verdict
from licet.identity.domain import Settings
from licet.identity.issuer import Issuer
from licet.identity.spiffeid import TrustDomain
from licet.mesh.fleet import Stage
from licet.sources.settings import Settings as Chosen

ROOT = Path(__file__).parents[3]
ALERTS = ROOT / "deploy" / "prometheus" / "mesh-alerts.yaml"
PAGE = ROOT / "docs" / "mesh.md"
VALUES = {
    "code": {f"L{number:04}" for number in range(550, 580)},
    "verdict": {each.value for each in Verdict},
    "stage": {each.value for each in Stage},
    "mode": {each.value for each in Mode},
    "what": {"dropped", "unplaced", "probes"},
}


def exposition(tmp_path: Path) -> str:
    """What a control plane without sidecars measures."""
    place = Place(tmp_path / "data")
    found(place, TrustDomain("shop.example"), Settings(), passphrase=False)
    declared = read([str(ROOT / "examples" / "shop")], Setting(Chosen(), "default", None), "shop.example")

    async def story() -> str:
        with opened(place) as domain:
            issuer = Issuer(domain.database, domain.ledger, domain.keyring, now, domain.integrity)
            mesh = Mesh(domain, issuer, declared, Wanted(server="one"))
            async with AsyncExitStack() as stack:
                await mesh.start(stack)
                return (await Health(mesh, domain.ledger).exposition()).decode()

    return asyncio.run(story())


def test_every_metric_of_the_alerts_and_of_the_page_is_one_of_a_control_plane(tmp_path: Path) -> None:
    there = set(re.findall(r"^# TYPE (licet_mesh_\w+) ", exposition(tmp_path), re.MULTILINE))
    expressions = [rule["expr"] for rule in yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]]
    wanted = {name.removesuffix("_bucket") for each in expressions for name in re.findall(r"licet_mesh_\w+", each)}
    assert len(wanted) > 8
    assert wanted <= there
    page = PAGE.read_text(encoding="utf-8")
    table = page.partition("| metric (`licet_mesh_`) |")[2].partition("\n\n")[0]
    told = {f"licet_mesh_{name}" for row in table.splitlines() for name in re.findall(r"`([a-z_]+)", row.split("|")[1])}
    assert told == there


def test_every_value_of_a_label_that_the_alerts_ask_for_is_one() -> None:
    for label, value in re.findall(r"(\w+)=\"([^\"]+)\"", ALERTS.read_text()):
        assert value in VALUES[label]
