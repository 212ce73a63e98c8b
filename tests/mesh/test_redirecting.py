"""Rules applied and looked at as pods and nodes do: by commands that run in, or are pointed at, a network namespace."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from licet.app.mesh.redirecting import resolvers
from licet.mesh.envoy.names import PORT_OUT
from licet.mesh.redirect import UID, Redirect, ruleset
from tests.mesh.namespaces import Namespace, namespaces
from tests.nft import nft

_CALL = "import sys; from licet.cli.run import run; sys.exit(run(sys.argv[1:]))"


@pytest.fixture
def pod() -> Iterator[Namespace]:
    """A network namespace with a way out."""
    with namespaces("pod", "peer") as both:
        nft()
        yield both["pod"]


def redirect(*arguments: object, place: Namespace | None = None) -> subprocess.CompletedProcess[str]:
    """The command to its end, in there or where the test runs."""
    words = [sys.executable, "-c", _CALL, "mesh", "redirect", *map(str, arguments)]
    folders = os.pathsep.join([str(nft().parent), os.environ["PATH"]])
    return subprocess.run(
        words if place is None else place.inside(words),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": folders},
    )


def rules(place: Namespace) -> str:
    """Those that hold there."""
    return place.run([nft(), "list", "ruleset"]).stdout


@contextmanager
def routed(place: Namespace) -> Iterator[None]:
    """With a way to everywhere, as pods have."""
    place.run(["ip", "route", "add", "default", "via", "10.99.0.2"])
    place.run(["ip", "-6", "route", "add", "default", "via", "fd99::2"])
    yield


def test_applied_in_a_pod_or_by_its_node_they_are_the_same_and_go_again(pod: Namespace) -> None:
    assert redirect("--apply", "--resolver", "10.96.0.10", place=pod).returncode == 0
    inside = rules(pod)
    assert f"skuid {UID}" in inside
    assert "ip daddr 10.96.0.10 tcp dport 53 accept" in inside
    for place in (("--pid", pod.pid), ("--netns", pod.path)):
        assert redirect("--remove", *place).returncode == 0
        assert rules(pod) == ""
        assert redirect("--apply", "--resolver", "10.96.0.10", *place).returncode == 0
        assert rules(pod) == inside


def test_who_waits_for_rules_sees_them_once_they_hold_and_not_before(pod: Namespace) -> None:
    with routed(pod):
        assert redirect("--check", place=pod).returncode == 1
        waiting = pod.start([sys.executable, "-c", _CALL, "mesh", "redirect", "--check", "--wait", "60"])
        redirect("--apply", "--pid", pod.pid, "--uid", UID)
        assert waiting.wait(90) == 0


def test_rules_hold_where_there_is_one_kind_of_address_alone(pod: Namespace) -> None:
    pod.run([nft(), "-f", "-"], input=ruleset(Redirect()))
    assert redirect("--check", place=pod).returncode == 1, "no way out, and nothing seen"
    pod.run(["ip", "-6", "route", "add", "default", "via", "fd99::2"])
    assert redirect("--check", "--wait", "20", place=pod).returncode == 0


def test_rules_that_lead_nothing_of_ipv6_do_not_hold(pod: Namespace) -> None:
    half = ruleset(Redirect()).replace("meta l4proto tcp redirect", "meta nfproto ipv4 meta l4proto tcp redirect")
    with routed(pod):
        pod.run([nft(), "-f", "-"], input=half)
        assert redirect("--check", place=pod).returncode == 1


def test_a_sidecar_that_runs_already_is_not_looked_behind(pod: Namespace) -> None:
    with routed(pod), pod.socket() as listening:
        listening.bind(("", PORT_OUT))
        listening.listen()
        done = redirect("--check", place=pod)
    assert (done.returncode, done.stderr) == (
        2,
        f"licet: port {PORT_OUT} is taken: look before the sidecar is started\n",
    )


WRONG = {
    ("--apply", "--netns", "/nowhere"): "there is no network namespace `/nowhere`",
    ("--apply", "--netns", "/x", "--pid", "1"): "two places",
    ("--apply", "--resolver", "dns.example"): "`--resolver` is no address",
    ("--print", "--beyond", "10.0.0.0/8; drop"): "`--beyond` is no address or network",
    ("--print", "--uid", "root"): "not a valid integer",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_what_is_wrong_is_said_in_one_line(arguments: tuple[str, ...]) -> None:
    done = redirect(*arguments)
    assert done.returncode == 2
    assert WRONG[arguments] in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_the_privilege_nothing_is_applied_and_that_is_said(pod: Namespace) -> None:
    words = [sys.executable, "-c", _CALL, "mesh", "redirect", "--apply"]
    done = pod.run(["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", *words], check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("licet: the rules are not applied: ")
    assert rules(pod) == ""


def test_resolvers_are_those_that_a_process_has() -> None:
    assert all(socket.getaddrinfo(each, 53, flags=socket.AI_NUMERICHOST) for each in resolvers())
    assert resolvers(os.getpid()) == resolvers()
    assert resolvers(1 << 30) == ()
