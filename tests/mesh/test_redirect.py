"""What the rules of a pod's network namespace do to real connections, with a real Envoy behind them."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from licet.mesh.envoy.names import PORT_IN, PORT_OUT, PORT_PROBES
from licet.mesh.redirect import Redirect, removal, ruleset
from tests.identity.drills.proxy import executable
from tests.mesh.namespaces import Namespace, namespaces
from tests.nft import nft

ENVOY, APP, OTHER = 0, 1001, 1002
"""Users that sockets belong to: the sidecar's, the program's, and one of another pod."""
RULES = Redirect(uid=ENVOY)
BOTH = pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
_TYPE = "type.googleapis.com/envoy.extensions."


def apply(place: Namespace, rules: str) -> None:
    """Apply the rules in there."""
    place.run([nft(), "-f", "-"], input=rules)


@contextmanager
def pods() -> Iterator[tuple[Namespace, Namespace]]:
    """The pod with the rules and another one."""
    with namespaces("pod", "peer") as both:
        apply(both["pod"], ruleset(RULES))
        yield both["pod"], both["peer"]


@contextmanager
def program(place: Namespace, family: int, port: int, *, name: str, uid: int = APP) -> Iterator[None]:
    """A program that says its name to whoever connects, on every address."""
    with place.socket(family, uid=uid) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("", port))
        listening.listen()

        def answer() -> None:
            with suppress(OSError):
                while True:
                    with listening.accept()[0] as met:
                        met.sendall(name.encode())

        thread = Thread(target=answer)
        thread.start()
        try:
            yield
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def ask(place: Namespace, target: Namespace, family: int, port: int, *, uid: int = APP, address: str = "") -> str:
    """What is answered, nothing where it was closed at once; raises ConnectionError where it was refused."""
    with place.socket(family, uid=uid) as caller:
        caller.settimeout(20)
        caller.connect((address or _address(target, family), port))
        return caller.recv(100).decode()


def _address(place: Namespace, family: int) -> str:
    return place.ipv4 if family == socket.AF_INET else place.ipv6


@contextmanager
def envoy(place: Namespace, home: Path, app: Mapping[int, str]) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """An Envoy that passes on what is led to it, and the log that says which way each connection was to go."""
    path, log = executable(), home / "access.log"
    config = json.dumps(_config(log, app))
    with (home / "envoy.log").open("wb") as told:
        process = place.start(
            [path, "--config-yaml", config, "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"],
            stdout=told,
            stderr=told,
        )
    try:
        deadline = time.monotonic() + 30
        while not {PORT_IN, PORT_OUT} <= _listening(place):
            assert process.poll() is None, (home / "envoy.log").read_text()
            assert time.monotonic() < deadline
        yield process, log
    finally:
        process.terminate()
        process.wait()


def _listening(place: Namespace) -> set[int]:
    """Ports in there: asked of the kernel, as a connection to them would be led on to themselves."""
    rows = Path(f"/proc/{place.pid}/net/tcp6").read_text().splitlines()[1:]
    return {int(row.split()[1].split(":")[1], 16) for row in rows if row.split()[3] == "0A"}


def _config(log: Path, app: Mapping[int, str]) -> dict[str, object]:
    inside = [_chain(f"app/{port}", "in", log, {"destination_port": port}) for port in app]
    outside = [_chain("outside", "out", log, {})]
    return {
        "static_resources": {
            "listeners": [_listener(PORT_IN, inside), _listener(PORT_OUT, outside)],
            "clusters": [
                {"name": "outside", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "5s"},
                *(_app(f"app/{port}", address, port) for port, address in app.items()),
            ],
        },
    }


def _listener(port: int, chains: list[dict[str, object]]) -> dict[str, object]:
    original = {
        "name": "original",
        "typed_config": {"@type": f"{_TYPE}filters.listener.original_dst.v3.OriginalDst"},
    }
    address = {"socket_address": {"address": "::", "port_value": port, "ipv4_compat": True}}
    return {"name": str(port), "address": address, "listener_filters": [original], "filter_chains": chains}


def _chain(cluster: str, way: str, log: Path, match: dict[str, object]) -> dict[str, object]:
    line = {"text_format_source": {"inline_string": f"{way} %DOWNSTREAM_LOCAL_ADDRESS%\n"}}
    access = {
        "name": "log",
        "typed_config": {
            "@type": f"{_TYPE}access_loggers.file.v3.FileAccessLog",
            "path": str(log),
            "log_format": line,
        },
    }
    proxy = {
        "@type": f"{_TYPE}filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": way,
        "cluster": cluster,
        "access_log": [access],
        "access_log_options": {"flush_access_log_on_connected": True},
    }
    return {"filter_chain_match": match, "filters": [{"name": "tcp", "typed_config": proxy}]}


def _app(name: str, address: str, port: int) -> dict[str, object]:
    place = {"endpoint": {"address": {"socket_address": {"address": address, "port_value": port}}}}
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": [place]}]}
    return {"name": name, "type": "STATIC", "connect_timeout": "5s", "load_assignment": assignment}


def _said(log: Path, *lines: str) -> None:
    """Wait until the log holds exactly these lines, each once or more."""
    deadline = time.monotonic() + 20
    while not log.exists() or set(log.read_text().splitlines()) != set(lines):
        assert time.monotonic() < deadline, log.read_text() if log.exists() else "nothing is logged"
        time.sleep(0.05)


@BOTH
def test_what_arrives_goes_through_the_sidecar_with_its_destination_known(family: int, tmp_path: Path) -> None:
    local = "127.0.0.1" if family == socket.AF_INET else "::1"
    with pods() as (pod, peer), program(pod, family, 8080, name="app"), envoy(pod, tmp_path, {8080: local}) as (_, log):
        assert ask(peer, pod, family, 8080) == "app"
        assert ask(peer, pod, family, 8081) == ""
        _said(log, f"in {_shown(pod, family, 8080)}")


@BOTH
def test_what_leaves_goes_through_the_sidecar_which_goes_past_itself(family: int, tmp_path: Path) -> None:
    with (
        pods() as (pod, peer),
        program(peer, family, 9090, name="peer"),
        envoy(pod, tmp_path, {8080: "127.0.0.1"}) as (_, log),
    ):
        assert ask(pod, peer, family, 9090) == "peer"
        _said(log, f"out {_shown(peer, family, 9090)}")


@BOTH
def test_the_program_is_reached_on_loopback_and_the_sidecars_own_calls_to_the_pod_come_in(
    family: int, tmp_path: Path
) -> None:
    local = "127.0.0.1" if family == socket.AF_INET else "::1"
    with pods() as (pod, _), program(pod, family, 8080, name="app"), envoy(pod, tmp_path, {8080: local}) as (_, log):
        assert ask(pod, pod, family, 8080, address=local) == "app"
        assert ask(pod, pod, family, 8080) == "app"
        assert not log.exists() or not log.read_text()
        assert ask(pod, pod, family, 8080, uid=ENVOY) == "app"
        _said(log, f"in {_shown(pod, family, 8080)}")


def _shown(place: Namespace, family: int, port: int) -> str:
    return f"{place.ipv4}:{port}" if family == socket.AF_INET else f"[{place.ipv6}]:{port}"


@BOTH
def test_without_a_sidecar_everything_is_refused_and_nothing_goes_past(family: int, tmp_path: Path) -> None:
    with (
        pods() as (pod, peer),
        program(pod, family, 8080, name="app"),
        program(peer, family, 9090, name="peer"),
        envoy(pod, tmp_path, {8080: "127.0.0.1" if family == socket.AF_INET else "::1"}) as (process, _),
    ):
        assert (ask(peer, pod, family, 8080), ask(pod, peer, family, 9090)) == ("app", "peer")
        process.kill()
        process.wait()
        for _ in range(20):
            with pytest.raises(ConnectionRefusedError):
                ask(peer, pod, family, 8080)
            with pytest.raises(ConnectionRefusedError):
                ask(pod, peer, family, 9090)


@BOTH
def test_ports_that_are_exempt_and_networks_beyond_are_reached_without_it(family: int) -> None:
    with namespaces("pod", "peer") as both:
        pod, peer = both["pod"], both["peer"]
        apply(pod, ruleset(Redirect(uid=ENVOY, beyond=(f"{peer.ipv4}/32", f"{peer.ipv6}/128"))))
        with program(pod, family, PORT_PROBES, name="well"), program(peer, family, 9090, name="peer"):
            assert ask(peer, pod, family, PORT_PROBES) == "well"
            assert ask(pod, peer, family, 9090) == "peer"


@BOTH
def test_rules_twice_are_rules_once_and_gone_they_leave_everything_open(family: int) -> None:
    with pods() as (pod, peer), program(pod, family, 8080, name="app"), program(peer, family, 9090, name="peer"):
        once = pod.run([nft(), "list", "ruleset"]).stdout
        apply(pod, ruleset(RULES))
        assert pod.run([nft(), "list", "ruleset"]).stdout == once
        with pytest.raises(ConnectionRefusedError):
            ask(peer, pod, family, 8080)
        for _ in range(2):
            apply(pod, removal())
            assert (ask(peer, pod, family, 8080), ask(pod, peer, family, 9090)) == ("app", "peer")


_TRACKING = """table inet tracking {
    chain out { type filter hook output priority 0; ct state invalid drop; }
    chain in { type filter hook input priority 0; ct state invalid drop; }
}
"""


@pytest.mark.parametrize("tracked", [False, True], ids=["unknown", "tracked"])
def test_connections_from_before_the_rules_are_ended(tracked: bool) -> None:
    """Those that the kernel has tracked already are led nowhere anew: what is left of them is refused."""
    with namespaces("pod", "peer") as both:
        pod, peer = both["pod"], both["peer"]
        if tracked:
            apply(pod, _TRACKING)
        for here, there in ((pod, peer), (peer, pod)):
            with there.socket(uid=OTHER) as listening, here.socket(uid=APP) as caller:
                listening.bind(("", 7000))
                listening.listen()
                caller.connect((there.ipv4, 7000))
                with closing(listening.accept()[0]) as met:
                    met.sendall(b"before")
                    assert caller.recv(10) == b"before"
                    apply(pod, ruleset(RULES))
                    caller.settimeout(20)
                    with pytest.raises(ConnectionError):
                        _talk(caller, met)
            apply(pod, removal())


def _talk(caller: socket.socket, met: socket.socket) -> None:
    for _ in range(100):
        caller.sendall(b"after")
        met.settimeout(0.1)
        with suppress(TimeoutError):
            assert met.recv(10) == b""


def test_datagrams_pass() -> None:
    with pods() as (pod, peer):
        for here, there in ((pod, peer), (peer, pod)):
            with there.socket(kind=socket.SOCK_DGRAM) as listening, here.socket(kind=socket.SOCK_DGRAM) as caller:
                listening.bind(("", 443))
                listening.settimeout(20)
                caller.sendto(b"quic", (there.ipv4, 443))
                assert listening.recv(10) == b"quic"
