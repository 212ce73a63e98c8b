"""What a sidecar lets in: streams that outlive a change of their policy, stages, and what happens without a policy."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from licet.contracts.contract import GrpcMatch
from licet.flows.envoy_verdict import ADMISSION
from licet.mesh.envoy import inbound, names, rbac
from licet.mesh.fleet import Fleet, Settings, Stage
from licet.mesh.intent import DEFAULT_DENY, From, Intent, Proof, Rule, Served, Speaks
from licet.mesh.resource import Kind, Snapshot
from licet.mesh.sidecar import Capture
from licet.model.addresses import AddressSet
from tests.mesh.envoy.http2 import GRPC
from tests.mesh.envoy.served import DOMAIN, PROBER, Caller, Workload, identity, workload
from tests.mesh.proxy import until

WEB = Rule("web", Proof(frozenset({identity("web")})), (), (GrpcMatch("shop.Cart", ("Watch",)),), None)


@pytest.fixture(scope="module")
def cart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workload]:
    """`web` may watch."""
    with workload(tmp_path_factory.mktemp("cart"), [(Speaks.HTTP, True), (Speaks.TCP, True)]) as running:
        yield running


def _ruled(cart: Workload, *rules: Rule) -> Intent:
    serves = tuple(msgspec.structs.replace(each, rules=rules) for each in cart.intent.serves)
    return msgspec.structs.replace(cart.intent, serves=serves)


def _port(cart: Workload, speaks: Speaks) -> Served:
    return next(served for served in cart.intent.serves if served.speaks is speaks)


def _grpc(path: str) -> list[tuple[str, str]]:
    return [(":path", path), *GRPC]


def _judged(entry: Any) -> str:
    metadata = entry.common_properties.metadata.filter_metadata["envoy.filters.http.rbac"]
    return str(metadata["enforced_effective_policy_id"])


def test_a_changed_policy_refuses_the_next_stream_and_leaves_the_connection_and_its_streams_alone(
    cart: Workload,
) -> None:
    served = _port(cart, Speaks.HTTP)
    cart.obey(_ruled(cart, WEB))
    with cart.streams(served.port, "/web") as client:
        watch = client.open(_grpc("/shop.Cart/Watch"))
        client.say(watch, b"one")
        assert (client.status(watch), client.said(watch)) == (200, b"one")
        begun = cart.plane.found(names.inbound(served.port), lambda one: one.request.path == "/shop.Cart/Watch")
        assert begun.common_properties.intermediate_log_entry
        assert client.refused(client.open(_grpc("/shop.Cart/Remove")))
        cart.obey(_ruled(cart))
        assert client.refused(client.open(_grpc("/shop.Cart/Watch")))
        client.say(watch, b"two", end=True)
        assert client.said(watch) == b"two"
    entry = cart.plane.found(
        names.inbound(served.port), lambda one: one.request.path == "/shop.Cart/Remove" and _judged_of(one)
    )
    assert _judged(entry) == DEFAULT_DENY
    assert set(cart.envoy.stats("listener_modified|listener_in_place_updated").values()) == {0}


def _judged_of(entry: Any) -> bool:
    return bool(entry.common_properties.metadata.filter_metadata)


def test_a_connection_of_bytes_is_told_of_when_the_program_is_reached(cart: Workload) -> None:
    served = _port(cart, Speaks.TCP)
    cart.obey(_ruled(cart, WEB))
    with cart.call(served.port, "/web") as caller:
        assert caller.admitted()
        local = caller.socket.getsockname()[1]

        def wanted(entry: Any) -> bool:
            return bool(entry.common_properties.downstream_direct_remote_address.socket_address.port_value == local)

        begun = cart.plane.found(names.inbound(served.port), wanted).common_properties
        assert begun.intermediate_log_entry
        [name] = begun.tls_properties.peer_certificate_properties.subject_alt_name
        assert name.uri == identity("web")
        assert (begun.custom_tags[ADMISSION], begun.custom_tags["connection"] != "") == ("+web", True)


def test_who_is_admitted_to_nothing_does_not_make_the_program_speak(cart: Workload) -> None:
    served = _port(cart, Speaks.TCP)
    cart.obey(_ruled(cart, WEB))
    before = cart.programs[served.port].connections
    with cart.call(served.port, "/stranger") as silent, cart.call(served.port, "/web") as caller:
        assert caller.admitted()
        assert cart.programs[served.port].connections == before + 1
        assert not silent.admitted()
    assert cart.programs[served.port].connections == before + 1


@pytest.mark.parametrize("stage", [Stage.OBSERVE, Stage.SHADOW])
def test_before_it_is_enforced_everything_passes_but_what_the_prober_has_no_right_to(
    cart: Workload, stage: Stage
) -> None:
    intent = _ruled(cart, WEB)
    known = cart.obey(intent, stage)
    for served in intent.serves:
        for path in ("", "/stranger", "/web"):
            with cart.call(served.port, path) as caller:
                passed = caller.admitted() if served.speaks is Speaks.TCP else caller.status("GET", "/x") == 200
                assert passed, (served, path)
        assert cart.alive(served, rbac.policy(served, stage, known).mark)
        assert not cart.alive(served, "0" * 16)


def test_another_mark_is_refused_to_the_prober_also_where_all_of_its_machine_are_let_in(cart: Workload) -> None:
    near = From(AddressSet.of(["127.0.0.0/8"]))
    intent = _ruled(cart, Rule("near", near, (), (), None), Rule("prober", Proof(frozenset({PROBER})), (), (), None))
    known = cart.obey(intent)
    for served in intent.serves:
        assert cart.alive(served, rbac.policy(served, Stage.ENFORCE, known).mark)
        assert not cart.alive(served, "0" * 16)


def test_without_a_policy_nothing_passes(cart: Workload) -> None:
    intent = _ruled(cart, msgspec.structs.replace(WEB, grpc=()))
    cart.obey(intent, Stage.OBSERVE)
    resources = {
        Kind.LISTENER: inbound.listeners(cart.sidecar, intent, Stage.OBSERVE, Settings()),
        Kind.ROUTES: inbound.routes(intent),
        Kind.CLUSTER: inbound.programs(cart.sidecar, intent),
    }
    cart.plane.push(Snapshot.of(resources))
    for path in ("/web", "/stranger", ""):
        until(partial(_refused, cart, path))
    before = {port: program.connections for port, program in cart.programs.items()}
    for path in ("/web", "/stranger", ""):
        assert _asked(cart, path) == 500
        assert not _heard(cart, path)
    assert {port: program.connections for port, program in cart.programs.items()} == before


def _refused(cart: Workload, path: str) -> bool | None:
    return (_asked(cart, path) == 500 and not _heard(cart, path)) or None


def _asked(cart: Workload, path: str) -> int:
    with cart.call(_port(cart, Speaks.HTTP).port, path) as caller:
        return caller.status("GET", "/")


def _heard(cart: Workload, path: str) -> bool:
    """Without a filter a connection is ended before its handshake."""
    try:
        with cart.call(_port(cart, Speaks.TCP).port, path) as caller:
            return caller.admitted()
    except OSError:
        return False


def test_a_connection_ends_at_its_age_and_no_request_on_it_fails(tmp_path: Path) -> None:
    with workload(tmp_path, [(Speaks.HTTP, True), (Speaks.TCP, True)]) as cart:
        rule = msgspec.structs.replace(WEB, grpc=())
        cart.obey(_ruled(cart, rule), settings=Settings(connection_age=timedelta(seconds=1)))
        with (
            cart.call(_port(cart, Speaks.TCP).port, "/web") as bytes,
            cart.call(_port(cart, Speaks.HTTP).port, "/web") as http,
        ):
            assert bytes.admitted()
            asked = 0
            while not http.leaving:
                assert http.status("GET", "/") == 200
                asked += 1
            assert asked > 1
            assert bytes.send(b"") == b""


def test_what_is_led_to_a_port_that_nothing_is_served_on_is_refused_and_told_of(cart: Workload) -> None:
    sidecar = msgspec.structs.replace(cart.sidecar, capture=Capture.REDIRECTED)
    intent = _ruled(cart, WEB)
    known = Fleet(DOMAIN, {intent.key: intent}, prober=PROBER)
    captured = {
        Kind.LISTENER: inbound.listeners(sidecar, intent, Stage.ENFORCE, known.settings),
        Kind.ROUTES: inbound.routes(intent),
        Kind.CLUSTER: inbound.programs(sidecar, intent),
        Kind.EXTENSION: [rbac.policy(served, Stage.ENFORCE, known).resource for served in intent.serves],
    }
    cart.plane.push(Snapshot.of(captured))
    until(lambda: names.CAPTURED_IN in cart.envoy.ports() or None, lambda: cart.envoy.log)
    with socket.create_connection(("127.0.0.1", names.PORT_IN)) as connection:
        local = connection.getsockname()[1]
        assert Caller(connection).send(b"GET / HTTP/1.1\r\n\r\n") == b""

    def wanted(entry: Any) -> bool:
        return bool(entry.common_properties.downstream_direct_remote_address.socket_address.port_value == local)

    cart.plane.found(names.REFUSED, wanted)
    assert not cart.plane.refusals
