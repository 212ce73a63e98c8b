"""Every SVID is replaced, and the intermediate with it, again and again under load; and the root once or more."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack

import msgspec
from cryptography import x509

from licet.app.identity import rotation
from licet.app.identity.domain import opened
from licet.identity.authority import Kind
from tests.identity.drills.plane import PATIENCE, signing, until
from tests.mesh.drills.contracts import CALLERS, HTTP, TCP
from tests.mesh.drills.platform import Platform
from tests.mesh.drills.traffic import Served, Tally

_PORTS = {"api": HTTP, "ledger": TCP}


class Rotated(msgspec.Struct, frozen=True):
    """What came of all calls, by caller and kind, and of the callees, meanwhile.

    `took` are the seconds from each command's start until both callees showed a certificate that they had not shown
    before; `shown` is how many each showed in handshakes, and `Served.certificates` how many of callers the one knows
    that answers requests.
    """

    seconds: float
    took: tuple[float, ...]
    shown: Mapping[str, int]
    calls: Mapping[str, Mapping[str, Tally]]
    served: Mapping[str, Served]


def rotate(platform: Platform, seconds: float, rate: float) -> Rotated:
    """A new intermediate, and an SVID of that for everybody, every second."""

    def reissue() -> None:
        rotation.rotate(platform.plane.place, Kind.INTERMEDIATE, force=False, reissue=True)

    return _under_load(platform, seconds, rate, 1.0, reissue)


def fail_over(platform: Platform, seconds: float, rate: float, settle: float) -> Rotated:
    """The root is taken for stolen and replaced, and again once that is over; workloads get `settle` s at each step."""

    def replace() -> None:
        with opened(platform.plane.place) as domain:
            root = signing(domain.state(), Kind.ROOT)
        platform.plane.taint(root, settle)

    return _under_load(platform, seconds, rate, 0.0, replace)


def _under_load(platform: Platform, seconds: float, rate: float, pause: float, replace: Callable[[], None]) -> Rotated:
    seen: dict[str, set[int]] = {name: {shown(platform, name)} for name in _PORTS}
    took: list[float] = []
    with ExitStack() as held:
        callers = {name: held.enter_context(platform.calls(name, rate=rate)) for name in CALLERS}
        began = time.monotonic()
        while (start := time.monotonic()) < began + seconds:
            replace()
            for name, known in seen.items():
                known.add(_another(platform, name, known))
            took.append(time.monotonic() - start)
            time.sleep(max(0.0, start + pause - time.monotonic()))
        calls = {name: caller.end() for name, caller in callers.items()}
    served = {name: callee.served() for name, callee in platform.callees.items()}
    return Rotated(
        time.monotonic() - began, tuple(took), {name: len(known) for name, known in seen.items()}, calls, served
    )


def _another(platform: Platform, name: str, known: Collection[int]) -> int:
    def found() -> int | None:
        number = shown(platform, name)
        return None if number in known else number

    return until(found)


def shown(platform: Platform, name: str) -> int:
    """The serial number of the certificate that a callee's sidecar shows now, to whoever asks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    address = (platform.sidecars[name].address, _PORTS[name])
    with socket.create_connection(address, timeout=PATIENCE) as plain, context.wrap_socket(plain) as secured:
        shown = secured.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown).serial_number
