"""The rules of a network namespace: put there, taken away, and seen to hold."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from ipaddress import ip_address

from licet.mesh.envoy.names import PORT_OUT
from licet.mesh.errors import MeshError

_SEARCHED = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
_NOWHERE = (("192.0.2.1", 9), ("2001:db8::1", 9))
"""Addresses of documentation (RFC 5737, RFC 3849), which nobody has."""
_PAUSE = 0.25


def apply(rules: str, namespace: str = "") -> None:
    """Have nft apply the rules, here or in the network namespace that the kernel shows at this path.

    All are applied or none. Raises MeshError.
    """
    nft = shutil.which("nft", path=_SEARCHED)
    if nft is None:
        raise MeshError("there is no `nft` to apply rules with", "install nftables")
    command = [nft, "-f", "-"]
    if namespace:
        if not os.path.exists(namespace):
            raise MeshError(f"there is no network namespace `{namespace}`", "name one that runs, as /proc/PID/ns/net")
        command = ["nsenter", f"--net={namespace}", "--", *command]
    try:
        done = subprocess.run(command, input=rules, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise MeshError(f"the rules are not applied: {problem}", "see that nft and nsenter run here") from problem
    if done.returncode != 0:
        said = next(iter(done.stderr.strip().splitlines()), "") or f"nft ended with {done.returncode}"
        raise MeshError(
            f"the rules are not applied: {said}", "it takes the capability NET_ADMIN, and a kernel with nf_tables"
        )


def resolvers(process: int | None = None) -> tuple[str, ...]:
    """The addresses of the resolvers that this process, or another one, asks for names."""
    root = "" if process is None else f"/proc/{process}/root"
    try:
        with open(f"{root}/etc/resolv.conf", encoding="utf-8", errors="replace") as lines:
            words = [line.split() for line in lines]
    except OSError:
        return ()
    found = [each[1].partition("%")[0] for each in words if len(each) > 1 and each[0] == "nameserver"]
    return tuple(dict.fromkeys(each for each in found if _is_address(each)))


def hold(seconds: float) -> bool:
    """Whether the rules hold here, or do so within that time: whoever calls nobody ends at the sidecar's own port.

    The sidecar does not run yet, and this is not its user. Raises MeshError where something listens in its place.
    """
    deadline = time.monotonic() + seconds
    while True:
        spoken = [_is_led(address, port) for address, port in _NOWHERE if _has_way(address)]
        if spoken and all(spoken):
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(_PAUSE)


def _is_led(address: str, port: int) -> bool:
    """Whether a connection to there comes to the port that everything which leaves is led to."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as listening, socket.socket(family) as caller:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("", PORT_OUT))
        except OSError as problem:
            raise MeshError(f"port {PORT_OUT} is taken", "look before the sidecar is started") from problem
        listening.listen()
        listening.settimeout(_PAUSE)
        caller.settimeout(_PAUSE)
        with contextlib.suppress(OSError):
            caller.connect((address, port))
            met = listening.accept()[0]
            met.close()
            return bool(met)
    return False


def _has_way(address: str) -> bool:
    """Whether there is a route to such addresses: rules are not asked where no packet leaves."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((address, 9))
    except OSError:
        return False
    return True


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
