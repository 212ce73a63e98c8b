"""What sidecars say of themselves beyond their identities, and what of it others are told."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

import msgspec
import pytest

from licet.contracts.contract import Mode
from licet.diag.place import Origin, Place
from licet.mesh.assembly import Known
from licet.mesh.claims import has_address
from licet.mesh.composition import Composer
from licet.mesh.control import Control
from licet.mesh.envoy.node import write
from licet.mesh.errors import SidecarError
from licet.mesh.intent import Intent, Proof, Rule, Served, Speaks
from licet.mesh.resource import Kind, Snapshot
from licet.mesh.sidecar import Capture, Instance, Sidecar
from licet.mesh.verdict import Request, decide
from licet.mesh.withdrawn import kept
from licet.mesh.xds.source import Caller
from licet.model.key import Key

PLACE = Place(Origin("contracts.yaml"))


def key(name: str) -> Key:
    return Key("", "apps", "Deployment", "shop", name)


def identity(name: str) -> str:
    return f"spiffe://shop.example/ns/shop/sa/{name}"


def intent(name: str, mode: Mode = Mode.ENFORCE) -> Intent:
    rule = Rule("any", Proof(frozenset({identity("web")})), (), (), PLACE)
    return Intent(key(name), identity(name), mode, (Served(8080, Speaks.TCP, True, (rule,)),), (), PLACE)


INTENTS: Mapping[Key, Intent] = {key(name): intent(name) for name in ("cart", "stock", "web")}


def sidecar(name: str, number: int, address: str) -> Sidecar:
    return Sidecar(f"{key(name)}/{number}", key(name), identity(name), address, Capture.EXPLICIT)


def remote(of: Sidecar) -> Caller:
    return Caller(frozenset({of.identity}), address=of.address)


async def come(control: Control, of: Sidecar, caller: Caller) -> Snapshot:
    async with asyncio.timeout(10):
        return await anext(control.snapshots(write(of), caller))


def control() -> Control:
    return Control(Known("shop.example", "spiffe://shop.example/licet/mesh", INTENTS), Composer())


@pytest.mark.parametrize(
    ("late", "said"),
    [
        (sidecar("cart", 1, "10.0.0.2"), "is connected from 10.0.0.1"),
        (sidecar("cart", 2, "10.0.0.1"), "at 10.0.0.1, and so does `shop/cart"),
        (sidecar("stock", 1, "10.0.0.1"), "at 10.0.0.1, and so does `shop/cart"),
    ],
    ids=["an id", "the address of an instance", "the address of another workload"],
)
def test_what_is_of_one_that_is_connected_nobody_takes(late: Sidecar, said: str) -> None:
    async def run() -> None:
        mesh, first = control(), sidecar("cart", 1, "10.0.0.1")
        told = mesh.snapshots(write(first), remote(first))
        await anext(told)
        with pytest.raises(SidecarError, match=said):
            await come(mesh, late, remote(late))
        assert list(mesh.attended) == [first.id]
        await told.aclose()
        await come(mesh, late, remote(late))

    asyncio.run(run())


def test_a_process_is_at_the_addresses_of_its_own_network_alone() -> None:
    own = os.getpid()
    assert has_address(own, "127.0.0.1")
    assert has_address(own, "127.77.3.4")
    assert not has_address(own, "198.51.100.1")
    assert not has_address(own, "2001:db8::1")
    assert not has_address(1 << 30, "127.0.0.1")

    async def run() -> None:
        mesh, away = control(), sidecar("cart", 1, "198.51.100.1")
        with pytest.raises(SidecarError, match="which its network namespace does not have"):
            await come(mesh, away, Caller(frozenset({away.identity}), pid=own))
        here = sidecar("cart", 1, "127.0.0.1")
        await come(mesh, here, Caller(frozenset({here.identity}), pid=own))

    asyncio.run(run())


def test_one_that_is_revoked_is_told_nothing_more() -> None:
    async def run() -> None:
        mesh, cart = control(), sidecar("cart", 1, "10.0.0.1")
        told = mesh.snapshots(write(cart), remote(cart))
        await anext(told)
        mesh.learn(msgspec.structs.replace(mesh.known, denied=frozenset({cart.identity})))
        with pytest.raises(SidecarError, match="is revoked"):
            await anext(told)
        with pytest.raises(SidecarError, match="is revoked"):
            await come(mesh, cart, remote(cart))

    asyncio.run(run())


def test_an_instance_reports_for_itself_while_another_is_connected() -> None:
    async def run() -> None:
        mesh, one, other = control(), sidecar("cart", 1, "10.0.0.1"), sidecar("cart", 2, "10.0.0.2")
        streams = [mesh.snapshots(write(each), remote(each)) for each in (one, other)]
        for each in streams:
            await anext(each)
        assert mesh.nodes(remote(one)) == {one.id}
        await streams[1].aclose()
        assert mesh.nodes(remote(one)) == {one.id, other.id}
        assert not mesh.nodes(Caller(frozenset({identity("web")}), address="10.0.0.1"))

    asyncio.run(run())


def test_a_contract_that_is_gone_lets_nobody_in_while_its_sidecars_are_there() -> None:
    async def run() -> None:
        mesh, cart = control(), sidecar("cart", 1, "10.0.0.1")
        told = mesh.snapshots(write(cart), remote(cart))
        before = await anext(told)
        request = Request(8080, identity("web"), "10.0.0.9")
        assert decide(mesh.fleet, key("cart"), request).allowed
        left = {each: found for each, found in INTENTS.items() if each != key("cart")}
        mesh.learn(msgspec.structs.replace(mesh.known, intents=kept(mesh.known, left)))
        after = await anext(told)
        assert not decide(mesh.fleet, key("cart"), request).allowed
        assert after.versions[Kind.EXTENSION] != before.versions[Kind.EXTENSION]
        assert after.versions[Kind.LISTENER] == before.versions[Kind.LISTENER]
        await told.aclose()
        await come(mesh, cart, remote(cart))
        assert key("cart") in kept(mesh.known, left)
        assert key("cart") not in kept(msgspec.structs.replace(mesh.known, instances={}), left)

    asyncio.run(run())


def test_a_contract_that_was_only_watched_and_is_gone_goes_on_letting_pass() -> None:
    watched = {key("cart"): intent("cart", Mode.SHADOW)}
    known = Known("shop.example", "", watched, {str(key("cart")): (Instance("any", "10.0.0.1"),)})
    assert kept(known, {})[key("cart")].mode is Mode.SHADOW
