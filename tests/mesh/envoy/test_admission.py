"""A program that speaks first is heard by who is admitted, who need not say a word, and by nobody else."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig  # type: ignore[import-untyped]
from envoy.extensions.filters.network.set_filter_state.v3.set_filter_state_pb2 import (  # type: ignore[import-untyped]
    Config,
)

from licet.contracts.contract import Mode
from licet.flows.envoy_verdict import ADMISSION, outcome
from licet.flows.record import Failure, Phase
from licet.identity.svid import View
from licet.mesh.envoy import inbound, names, rbac
from licet.mesh.envoy.bootstrap import Local, bootstrap
from licet.mesh.envoy.source import packed
from licet.mesh.fleet import Fleet, Stage
from licet.mesh.intent import DEFAULT_DENY, FOREIGN_ADDRESS, REVOKED, From, Intent, Proof, Rule, Served, Speaks
from licet.mesh.resource import Kind, Resource, Snapshot
from licet.mesh.sidecar import Capture, Sidecar
from licet.model.addresses import AddressSet
from tests.identity.workload.envoy import client
from tests.identity.workload.sources import Authority
from tests.mesh.envoy.served import DOMAIN, KEY, PLACE, PROBER, Workload, identity, workload
from tests.mesh.namespaces import Namespace
from tests.mesh.plane import Plane
from tests.mesh.proxy import until
from tests.mesh.severing.scene import envoy, pods

GREETING = b"220 ready\r\n"
WEB = Rule("web", Proof(frozenset({identity("web"), identity("stolen"), identity("gone")})), (), (), None)
OFFICE = Rule("50% of 'the office'):1%", From(AddressSet.of(["127.0.1.0/24", "127.0.2.8", "fd00::/8"])), (), (), None)
BOUND = {identity("stolen"): frozenset({"127.0.0.2", "127.0.0.3"})}
DENIED = frozenset({identity("gone")})


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workload]:
    """Programs that speak first, on a strict port and on one that is not."""
    with workload(tmp_path_factory.mktemp("queue"), [(Speaks.TCP, True), (Speaks.TCP, False)]) as running:
        for program in running.programs.values():
            program.greeting = GREETING
        yield running


def _ruled(queue: Workload, *rules: Rule) -> Intent:
    serves = tuple(msgspec.structs.replace(each, rules=rules) for each in queue.intent.serves)
    return msgspec.structs.replace(queue.intent, serves=serves)


def _heard(queue: Workload, served: Served, path: str, source: str = "127.0.0.1") -> tuple[bytes, str]:
    """What is heard by a caller that says nothing, and what is told of it; the program knows of who hears something."""
    before = queue.programs[served.port].connections
    heard = b""
    with queue.call(served.port, path, source) as caller:
        local = caller.socket.getsockname()[1]
        with suppress(ConnectionError, ssl.SSLError):
            heard = caller.socket.recv(100)
    assert queue.programs[served.port].connections == before + bool(heard)

    def wanted(entry: Any) -> bool:
        common = entry.common_properties
        port = common.downstream_direct_remote_address.socket_address.port_value
        return bool(port == local and not common.intermediate_log_entry)

    entry = queue.plane.found(names.inbound(served.port), wanted)
    return heard, str(entry.common_properties.custom_tags[ADMISSION])


@pytest.mark.parametrize(
    ("path", "source", "rule"),
    [
        ("/web", "127.0.0.1", "+web"),
        ("/stolen", "127.0.0.3", "+web"),
        ("/stolen", "127.0.0.33", f"-{FOREIGN_ADDRESS}"),
        ("/gone", "127.0.0.1", f"-{REVOKED}"),
        ("/stranger", "127.0.0.1", f"-{DEFAULT_DENY}"),
        ("/webs", "127.0.0.1", f"-{DEFAULT_DENY}"),
        ("/we", "127.0.0.1", f"-{DEFAULT_DENY}"),
    ],
)
def test_who_is_admitted_need_not_speak_and_who_is_not_hears_nothing(
    queue: Workload, path: str, source: str, rule: str
) -> None:
    intent = _ruled(queue, WEB)
    queue.obey(intent, denied=DENIED, bound=BOUND)
    for served in intent.serves:
        assert _heard(queue, served, path, source) == (GREETING if rule[0] == "+" else b"", rule)


@pytest.mark.parametrize(
    ("path", "source", "rule"),
    [
        ("/stranger", "127.0.1.200", f"+{OFFICE.name}"),
        ("/stranger", "127.0.2.8", f"+{OFFICE.name}"),
        ("/stranger", "127.0.2.9", f"-{DEFAULT_DENY}"),
        ("/web", "127.0.2.9", "+web"),
        ("/gone", "127.0.1.200", f"-{REVOKED}"),
        ("/stolen", "127.0.1.200", f"-{FOREIGN_ADDRESS}"),
        ("", "127.0.1.200", f"+{OFFICE.name}"),
        ("", "127.0.2.9", f"-{DEFAULT_DENY}"),
    ],
)
def test_an_address_admits_with_a_certificate_and_without_one(
    queue: Workload, path: str, source: str, rule: str
) -> None:
    intent = _ruled(queue, OFFICE, WEB)
    queue.obey(intent, denied=DENIED, bound=BOUND)
    served = next(each for each in intent.serves if not each.strict)
    assert _heard(queue, served, path, source) == (GREETING if rule[0] == "+" else b"", rule)


@pytest.mark.parametrize(
    ("stage", "admitted", "refused"),
    [(Stage.OBSERVE, "+observe", "+observe"), (Stage.SHADOW, "+web", f"~{DEFAULT_DENY}")],
)
def test_before_it_is_enforced_everybody_hears_but_who_is_revoked(
    queue: Workload, stage: Stage, admitted: str, refused: str
) -> None:
    intent = _ruled(queue, WEB)
    queue.obey(intent, stage, denied=DENIED)
    for served in intent.serves:
        assert _heard(queue, served, "/web") == (GREETING, admitted)
        assert _heard(queue, served, "/stranger") == (GREETING, refused)
        assert _heard(queue, served, "") == (GREETING, refused)
        assert _heard(queue, served, "/gone") == (b"", f"-{REVOKED}")


def test_a_change_of_callers_disturbs_no_connection(queue: Workload) -> None:
    served = queue.intent.serves[0]
    queue.obey(_ruled(queue, WEB))
    before = queue.envoy.stats("listener_modified|listener_in_place_updated|total_filter_chains_draining")
    with queue.call(served.port, "/web") as caller:
        assert caller.socket.recv(100) == GREETING
        queue.obey(_ruled(queue))
        assert _heard(queue, served, "/web") == (b"", f"-{DEFAULT_DENY}")
        queue.obey(_ruled(queue, WEB))
        assert _heard(queue, served, "/web") == (GREETING, "+web")
        assert caller.admitted()
    assert queue.envoy.stats("listener_modified|listener_in_place_updated|total_filter_chains_draining") == before


def test_a_thousand_callers_are_each_known(queue: Workload) -> None:
    some = frozenset(identity(f"team-{number % 7}/caller-{number}") for number in range(1000))
    intent = _ruled(queue, Rule("some", Proof(some), (), (), None), WEB)
    bound = {each: frozenset({"127.0.0.1", "127.0.0.5"}) for each in some}
    queue.obey(intent, bound=bound)
    served = intent.serves[0]
    for number in (0, 1, 499, 500, 999):
        assert _heard(queue, served, f"/team-{number % 7}/caller-{number}") == (GREETING, "+some")
    assert _heard(queue, served, "/team-0/caller-0", "127.0.0.6") == (b"", f"-{FOREIGN_ADDRESS}")
    assert _heard(queue, served, "/team-1/caller-0") == (b"", f"-{DEFAULT_DENY}")


@contextmanager
def _program(place: Namespace) -> Iterator[tuple[str, list[str]]]:
    """Where a program in there is that speaks first, and a list of who has connected to it."""
    met: list[str] = []
    with place.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def greet() -> None:
            with suppress(OSError):
                while True:
                    caller, (address, _) = listening.accept()
                    met.append(address)
                    caller.sendall(GREETING)
                    caller.close()

        thread = Thread(target=greet)
        thread.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}", met
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_who_is_admitted_nowhere_is_led_nowhere_also_where_calls_are_redirected(tmp_path: Path) -> None:
    """Not to the address that the call was for either, where the program listens as well, beside the sidecar."""
    authority = Authority(DOMAIN)
    served = Served(5432, Speaks.TCP, True, (WEB,))
    intent = Intent(KEY, identity("cart"), Mode.ENFORCE, (served,), (), PLACE)
    fleet = Fleet(DOMAIN, {KEY: intent}, prober=PROBER)
    view = View((authority.svid("/cart"),), authority.bundle(), {})
    with pods() as (pod, peer), _program(pod) as (at, met), pod.socket() as beside:
        beside.bind(("0.0.0.0", served.port))
        beside.listen()
        of = Sidecar("test", KEY, intent.identity, pod.ipv4, Capture.REDIRECTED, {served.port: at})

        def heard(path: str) -> bytes:
            context = client(tmp_path, authority.svid(path), authority)
            with peer.socket() as connection, suppress(ConnectionError, ssl.SSLError):
                connection.settimeout(20)
                connection.connect((pod.ipv4, served.port))
                with context.wrap_socket(connection, server_hostname="cart") as secured:
                    return secured.recv(100)
            return b""

        with Plane(tmp_path / "plane.sock", view).serving() as plane:
            path = str(plane.socket)
            with envoy(tmp_path, bootstrap(of, path, Local(path)), pod) as running:
                policy = rbac.policy(served, Stage.ENFORCE, fleet)
                resources = {
                    Kind.LISTENER: inbound.listeners(of, intent, Stage.ENFORCE, fleet.settings),
                    Kind.CLUSTER: inbound.programs(of, intent),
                    Kind.EXTENSION: policy.resources,
                }
                plane.push(Snapshot.of(resources))
                until(lambda: heard("/web") == GREETING or None, lambda: running.log)
                assert heard("/stranger") == b""
                nothing = TypedExtensionConfig(name=names.admission(served.port), typed_config=packed(Config()))
                plane.push(
                    Snapshot.of({**resources, Kind.EXTENSION: [policy.resource, Resource.of(nothing.name, nothing)]})
                )
                until(lambda: heard("/web") == b"" or None, lambda: running.log)
                known = len(met)
                assert heard("/web") == heard("/stranger") == b""
                told = plane.found(
                    names.inbound(served.port), lambda one: ADMISSION not in one.common_properties.custom_tags
                ).common_properties
                assert told.upstream_cluster == names.NOWHERE
                assert not plane.refusals
        assert len(met) == known
        beside.setblocking(False)
        with pytest.raises(BlockingIOError):
            beside.accept()


def test_a_program_that_cannot_be_reached_is_told_from_one_that_was(tmp_path: Path) -> None:
    """A first attempt fails of every connection; those of whom the second does not are no failures."""
    with workload(tmp_path, [(Speaks.TCP, True), (Speaks.TCP, True)]) as queue:
        reached, missed = queue.intent.serves
        apps = {**queue.sidecar.apps, missed.port: str(tmp_path / "nobody")}
        there = msgspec.structs.replace(queue, sidecar=msgspec.structs.replace(queue.sidecar, apps=apps))
        there.programs[reached.port].greeting = GREETING
        there.obey(_ruled(there, WEB))
        found = {}
        for served in (reached, missed):
            with there.call(served.port, "/web") as caller, suppress(ConnectionError, ssl.SSLError):
                assert caller.socket.recv(100) == (GREETING if served is reached else b"")

            def ended(entry: Any) -> bool:
                return not entry.common_properties.intermediate_log_entry and ADMISSION in _tags(entry)

            entry = there.plane.found(names.inbound(served.port), ended)
            found[served] = outcome(entry.common_properties, "", Phase.ENDED, "", "").failure
        assert found == {reached: None, missed: Failure.NOT_REACHED}


def _tags(entry: Any) -> dict[str, str]:
    return dict(entry.common_properties.custom_tags)
