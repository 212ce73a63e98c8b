"""Behind redirect rules nobody gets round a sidecar that was killed, though the program listens on every address."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from licet.contracts.contract import Mode
from licet.diag.place import Origin, Place
from licet.mesh.composition import Composer
from licet.mesh.envoy.bootstrap import Local, bootstrap, text
from licet.mesh.envoy.names import PORT_IN, PORT_OUT
from licet.mesh.fleet import Fleet
from licet.mesh.intent import Intent, Proof, Rule, Served, Speaks
from licet.mesh.redirect import Redirect, ruleset
from licet.mesh.sidecar import Capture, Sidecar
from tests.identity.drills.proxy import executable
from tests.identity.workload.sources import Authority
from tests.mesh.envoy import shop
from tests.mesh.namespaces import Namespace, namespaces
from tests.mesh.plane import Plane
from tests.mesh.proxy import until
from tests.nft import nft

APP = 1001
"""The user of programs; the sidecar's is the test's own."""
SERVED, OUTSIDE = 8080, 9000


class Program:
    """What listens on every address of a pod, and remembers nothing but whether somebody came."""

    def __init__(self, place: Namespace, port: int) -> None:
        self.socket = place.socket(uid=APP)
        self.socket.bind(("0.0.0.0", port))
        self.socket.listen()
        self.socket.settimeout(0.5)

    def reached(self) -> bool:
        """Whether somebody has come since this was last asked."""
        try:
            self.socket.accept()[0].close()
        except TimeoutError:
            return False
        return True


def called(place: Namespace, address: str, port: int) -> str:
    """What a program in there is told that calls: `taken` where the connection is, whoever takes it."""
    with place.socket(uid=APP) as calling:
        calling.settimeout(20)
        try:
            calling.connect((address, port))
        except ConnectionRefusedError:
            return "refused"
        return "taken"


def listening(place: Namespace, *ports: int) -> bool | None:
    """Whether somebody listens on these ports, or None, to be asked again."""
    rows = place.run(["cat", "/proc/net/tcp"]).stdout.splitlines()[1:]
    taken = {int(row.split()[1].rpartition(":")[2], 16) for row in rows if row.split()[3] == "0A"}
    return {*ports} <= taken or None


@contextmanager
def running(home: Path, pod: Namespace) -> Iterator[int]:
    """The sidecar of the pod, configured; the id of its process."""
    authority, key = Authority(shop.DOMAIN), shop.key("cart")
    of = Sidecar("test", key, shop.identity("cart"), pod.ipv4, Capture.REDIRECTED)
    rule = Rule("web", Proof(frozenset({shop.identity("web")})), (), (), None)
    served = (Served(SERVED, Speaks.HTTP, True, (rule,)),)
    intent = Intent(key, of.identity, Mode.ENFORCE, served, (), Place(Origin("contract.yaml")))
    with Plane(home / "plane.sock", shop.view(authority, "cart")).serving() as plane, ExitStack() as held:
        path = str(plane.socket)
        (home / "envoy.json").write_text(text(bootstrap(of, path, Local(path))))
        options = ("--disable-hot-restart", "--concurrency", "1", "--log-level", "error")
        process = pod.start([executable(), "-c", home / "envoy.json", *options])
        held.callback(process.wait)
        held.callback(process.kill)
        plane.push(Composer()(Fleet(shop.DOMAIN, {key: intent}), of))
        until(lambda: listening(pod, PORT_IN, PORT_OUT))
        yield process.pid


def test_neither_callers_nor_the_program_get_round_a_killed_sidecar(tmp_path: Path) -> None:
    with namespaces("pod", "peer") as both:
        pod, peer = both["pod"], both["peer"]
        program, outside = Program(pod, SERVED), Program(peer, OUTSIDE)
        with program.socket, outside.socket:

            def reached() -> tuple[tuple[str, bool], tuple[str, bool]]:
                inwards, outwards = called(peer, pod.ipv4, SERVED), called(pod, peer.ipv4, OUTSIDE)
                return (inwards, program.reached()), (outwards, outside.reached())

            assert reached() == (("taken", True), ("taken", True)), "nothing stands between yet"
            pod.run([nft(), "-f", "-"], input=ruleset(Redirect(uid=os.geteuid())))
            with running(tmp_path, pod) as sidecar:
                assert reached() == (("taken", False), ("taken", False)), "the sidecar takes them"
                os.kill(sidecar, signal.SIGKILL)
                until(lambda: None if listening(pod, PORT_IN) else True)
                assert reached() == (("refused", False), ("refused", False))
