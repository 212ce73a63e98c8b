"""What an administrator does, one command after the other, and what it is to have been told that it is done."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from pathlib import Path
from random import Random

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.identity.crashes.clients import serial
from tests.identity.crashes.plane import DOMAIN, IDENTITIES, Faults, Plane
from tests.identity.crashes.victims import COMMAND, REPLACING, ROTATING, Calls, Moment

FOUND = ("identity", "init", "--trust-domain", DOMAIN, "-o", "json")
_SELECTOR = "unix:uid:"
_ROTATIONS = (("svids",), ("intermediate",), ("root", "--force"), ("jwt", "--force"), ("root", "--prepare"))
_END = "-----END CERTIFICATE-----\n"
_WEIGHTS = {"add": 5, "remove": 3, "revoke": 3, "permit": 3, "rotate": 5, "taint": 2, "issue": 4}


class Operation(msgspec.Struct, frozen=True):
    """A command, what is not known while it runs, and what is known once it has ended well."""

    name: str
    arguments: tuple[str, ...]
    begin: Callable[[], None]
    done: Callable[[str], None]
    well: tuple[int, ...] = (0,)
    calls: Calls = COMMAND


def chosen(plane: Plane, chance: Random, uid: int) -> Operation:
    """What the administrator thinks of next, given what is known."""
    known = plane.acknowledged
    name = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
    present = sorted(entry for entry, there in known.entries.items() if there and entry != "anchor")
    denied = sorted(each for each, there in known.denied.items() if there)
    match name:
        case "remove" if present:
            return _known("remove", ("entries", "rm"), known.entries, chance.choice(present), False)
        case "revoke" if len(denied) < len(IDENTITIES):
            free = [each for each in IDENTITIES if each not in denied]
            return _known("revoke", ("revoke",), known.denied, chance.choice(free), True)
        case "permit" if denied:
            return _known("permit", ("permit",), known.denied, chance.choice(denied), False)
        case "rotate":
            what = chance.choice(_ROTATIONS)
            return Operation(
                name, ("identity", name, *what, "-o", "json"), _nothing, _authorities(plane), (0,), ROTATING
            )
        case "taint":
            replace = ("identity", name, "--settle", "0", "--wait", "0.2", "-o", "json")
            return Operation(name, replace, _nothing, _authorities(plane), (0, 1), REPLACING)
        case "issue":
            request = plane.home / "request.pem"
            _request(request)
            said = ("identity", name, "--spiffe-id", f"spiffe://{DOMAIN}/by-hand", "--csr", str(request))
            return Operation(name, said, _nothing, lambda out: known.serial(_first(out)))
        case _:
            return addition(plane, chance.choice(IDENTITIES), uid)


def addition(plane: Plane, identity: str, uid: int) -> Operation:
    """Register an identity."""
    id = identity.rpartition("/")[2]
    said = ("identity", "entries", "add", "--spiffe-id", identity, "--selector", f"{_SELECTOR}{uid}", "--id", id)
    entries = plane.acknowledged.entries

    def done(_: str) -> None:
        entries[id] = True

    return Operation("add", said, lambda: _unknown(entries, id, keep=True), done)


def perform(plane: Plane, operation: Operation, at: Moment | None = None) -> bool:
    """Have it done, unless it is killed at a moment: whether that happened. Raises Faults where it is refused."""
    operation.begin()
    outcome = plane.command(operation.arguments, at)
    if outcome.killed:
        return True
    if outcome.code not in operation.well:
        raise Faults(f"{' '.join(operation.arguments)} ended with {outcome.code}: {outcome.err}")
    operation.done(outcome.out)
    return False


def founded(plane: Plane, out: str) -> None:
    """Founding was acknowledged."""
    _authorities(plane)(out)


def _known(name: str, command: tuple[str, ...], known: dict[str, bool | None], what: str, then: bool) -> Operation:
    def done(_: str) -> None:
        known[what] = then

    return Operation(name, ("identity", *command, what), lambda: _unknown(known, what), done)


def _unknown(known: dict[str, bool | None], what: str, *, keep: bool = False) -> None:
    """While it runs nobody knows; adding what is there already takes nothing away."""
    if not (keep and known.get(what)):
        known[what] = None


def _authorities(plane: Plane) -> Callable[[str], None]:
    def done(out: str) -> None:
        said = json.loads(out)
        plane.acknowledged.state(frozenset(each["id"] for each in said["authorities"]), said["version"])

    return done


def _first(chain: str) -> str:
    return serial(ssl.PEM_cert_to_DER_cert(chain.partition(_END)[0] + _END))


def _request(path: Path) -> None:
    if not path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        made = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(key, hashes.SHA256())
        path.write_bytes(made.public_bytes(Encoding.PEM))


def _nothing() -> None:
    """Nothing is in doubt."""
