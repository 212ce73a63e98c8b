"""Which sidecar is told what, and in which order they hear of each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping

import msgspec
import pytest

from licet.contracts.contract import Mode
from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Origin, Place
from licet.mesh.assembly import Known
from licet.mesh.control import Control
from licet.mesh.envoy.node import write
from licet.mesh.errors import SidecarError
from licet.mesh.fleet import Fleet
from licet.mesh.intent import Intent
from licet.mesh.resource import Kind, Resource, Snapshot
from licet.mesh.sidecar import Capture, Sidecar
from licet.mesh.xds.source import Caller
from licet.model.key import Key

PLACE = Place(Origin("contracts.yaml", 0, 1, ()), ())


def key(name: str) -> Key:
    return Key("", "apps", "Deployment", "shop", name)


def intent(name: str) -> Intent:
    return Intent(key(name), f"spiffe://shop.example/ns/shop/sa/{name}", Mode.ENFORCE, (), (), PLACE)


def sidecar(name: str, number: int = 1, **other: str) -> Sidecar:
    address = other.get("address", f"10.0.0.{number}")
    identity = other.get("identity", intent(name).identity)
    return Sidecar(other.get("id", f"{key(name)}/{number}"), key(name), identity, address, Capture.EXPLICIT)


def compose(fleet: Fleet, of: Sidecar) -> Snapshot:
    """What it is told is which addresses there are, and its own stage, which is enough to see what it was told."""
    said = repr(sorted((identity, sorted(from_)) for identity, from_ in fleet.bound.items())) + fleet.stage(of.id).value
    return Snapshot.of({Kind.EXTENSION: [Resource("policy", said, said.encode())]})


def said(snapshot: Snapshot) -> str:
    return snapshot.resources[Kind.EXTENSION]["policy"].version


def control(*names: str) -> Control:
    intents: Mapping[Key, Intent] = {key(name): intent(name) for name in names}
    return Control(Known("shop.example", "spiffe://shop.example/licet/mesh", intents), compose)


def attend(control: Control, of: Sidecar) -> AsyncGenerator[Snapshot, None]:
    return control.snapshots(write(of), Caller(frozenset({of.identity}), address=of.address))


def accept(control: Control, of: Sidecar, snapshot: Snapshot) -> None:
    control.acknowledged(of.id, Kind.EXTENSION, snapshot.versions[Kind.EXTENSION])


async def first(snapshots: AsyncGenerator[Snapshot, None]) -> Snapshot:
    async with asyncio.timeout(10):
        return await anext(snapshots)


def test_whoever_comes_is_told_once_the_others_hold_what_lets_it_in() -> None:
    async def run() -> None:
        mesh = control("cart", "stock")
        cart, stock = sidecar("cart"), sidecar("stock", 2)
        of_cart = attend(mesh, cart)
        accept(mesh, cart, await first(of_cart))
        coming = asyncio.ensure_future(first(attend(mesh, stock)))
        news = await first(of_cart)
        assert "10.0.0.2" in said(news)
        waiting, _ = await asyncio.wait((coming,), timeout=0.2)
        assert not waiting, "cart would refuse it, from an address that it does not know"
        accept(mesh, cart, news)
        assert "10.0.0.2" in said(await coming)

    asyncio.run(run())


def test_one_that_never_answers_keeps_others_waiting_for_a_while_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("licet.mesh.control._PATIENCE", 0.05)

    async def run() -> None:
        mesh = control("cart", "stock")
        silent = attend(mesh, sidecar("cart"))
        await first(silent)
        await first(attend(mesh, sidecar("stock", 2)))

    asyncio.run(run())


def test_what_changes_nothing_for_a_sidecar_is_not_said_to_it() -> None:
    async def run() -> None:
        mesh = control("cart", "stock")
        cart = sidecar("cart")
        snapshots = attend(mesh, cart)
        accept(mesh, cart, await first(snapshots))
        waiting = asyncio.ensure_future(anext(snapshots))
        mesh.learn(msgspec.structs.replace(mesh.known, denied=frozenset({"spiffe://shop.example/somebody"})))
        assert await mesh.settled(5), "who has nothing new to hold follows at once"
        assert not waiting.done()
        waiting.cancel()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        (sidecar("wallet"), "no contract binds"),
        (sidecar("cart", identity="spiffe://shop.example/ns/shop/sa/stock"), "is not the identity"),
        (sidecar("cart", id="shop/stock[Deployment]/1"), "is no instance"),
    ],
)
def test_who_is_not_what_it_says_is_told_nothing(claim: Sidecar, reason: str) -> None:
    async def run() -> None:
        mesh = control("cart", "stock")
        with pytest.raises(SidecarError, match=reason):
            await first(attend(mesh, claim))
        assert not mesh.attended
        assert not any(mesh.fleet.instances.values()), "nothing is kept of it"

    asyncio.run(run())


def test_a_sidecar_calls_from_the_address_that_it_says_it_is_at() -> None:
    async def run() -> None:
        mesh = control("cart")
        caller = Caller(frozenset({intent("cart").identity}), address="10.0.0.66")
        with pytest.raises(SidecarError, match=r"says that it is at 10\.0\.0\.1 and calls from 10\.0\.0\.66"):
            await first(mesh.snapshots(write(sidecar("cart")), caller))

    asyncio.run(run())


def test_a_contract_that_is_taken_away_ends_what_its_sidecars_are_told() -> None:
    async def run() -> None:
        mesh = control("cart", "stock")
        snapshots = attend(mesh, sidecar("cart"))
        await first(snapshots)
        mesh.learn(msgspec.structs.replace(mesh.known, intents={key("stock"): intent("stock")}))
        with pytest.raises(SidecarError):
            await first(snapshots)

    asyncio.run(run())


def test_a_refusal_is_known_until_something_newer_is_taken() -> None:
    async def run() -> None:
        mesh = control("cart")
        cart = sidecar("cart")
        snapshots = attend(mesh, cart)
        snapshot = await first(snapshots)
        finding = Diagnostic("L0553", Severity.ERROR, "it does not take it")
        mesh.refused(cart.id, Kind.EXTENSION, snapshot.versions[Kind.EXTENSION], finding)
        assert not await mesh.settled(0.01)
        assert list(mesh.faults.values()) == [finding]
        accept(mesh, cart, snapshot)
        assert await mesh.settled(5)
        assert not mesh.faults

    asyncio.run(run())


def test_a_connection_that_is_replaced_takes_nothing_with_it() -> None:
    async def run() -> None:
        mesh = control("cart")
        cart = sidecar("cart")
        old, new = attend(mesh, cart), attend(mesh, cart)
        await first(old)
        accept(mesh, cart, await first(new))
        await old.aclose()
        assert mesh.attended.keys() == {cart.id}
        await new.aclose()
        assert not mesh.attended
        assert mesh.known.instances[str(cart.workload)], "it may be back any moment"

    asyncio.run(run())
