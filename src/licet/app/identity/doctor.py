"""What is wrong with a trust domain, or will be: every check, in the order in which to put things right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import Connection, select

from licet.app.identity.domain import LOG_KEY
from licet.app.identity.keeping import keepers
from licet.app.identity.place import Place, now
from licet.audit import log, witness
from licet.audit.checkpoint import Verifier, origin
from licet.audit.errors import AuditError
from licet.audit.verify import verify
from licet.diag.diagnostic import Diagnostic
from licet.identity import findings, recorded
from licet.identity.checkup import authorities, clocks, entries, machine, others, reach
from licet.identity.domain import State, load
from licet.identity.errors import IdentityError, MalformedError
from licet.identity.integrity import Integrity
from licet.identity.keyring import Keyring
from licet.identity.sealing import Seal
from licet.identity.watch.subject import read
from licet.identity.workload.limits import Limits
from licet.store import tables
from licet.store.database import Database
from licet.store.errors import MissingError, StoreError


class Wanted(msgspec.Struct, frozen=True):
    """What to look at beside the domain itself: a socket, the whole log; and whether the secret is at hand."""

    socket: Path | None = None
    deep: bool = False
    keys: bool = True


def examine(place: Place, wanted: Wanted) -> tuple[Diagnostic, ...]:
    """Everything that is wrong, the worst first. Changes nothing; raises MissingError where there is no domain."""
    found = [*_of_domain(place, wanted), *_of_machine(place, wanted)]
    return tuple(sorted(found, key=lambda each: -each.severity))


def _of_machine(place: Place, wanted: Wanted) -> Iterator[Diagnostic]:
    yield from machine.examine_folder(place.data, place.sealing_key, database_inside=not place.database)
    yield from machine.examine_limits(Limits())
    if wanted.socket is not None:
        yield from machine.examine_socket_folder(wanted.socket)
        yield from reach.examine(wanted.socket, now())


def _of_domain(place: Place, wanted: Wanted) -> Iterator[Diagnostic]:
    try:
        database = Database.open(place.address)
    except MissingError:
        raise
    except StoreError as error:
        yield findings.unusable_database(error)
        return
    try:
        with database.read() as connection:
            yield from _of_stored(place, wanted, connection)
    except StoreError as error:
        yield findings.unusable_database(error)
    except (ValueError, msgspec.MsgspecError, MalformedError) as error:
        told = StoreError(f"what {database} holds cannot be read, {error}", "restore the domain from a backup")
        yield findings.unusable_database(told)
    finally:
        database.close()


def _of_stored(place: Place, wanted: Wanted, connection: Connection) -> Iterator[Diagnostic]:
    at = now()
    state, stored = load(connection), read(connection)
    if wanted.keys:
        yield from _of_secret(place, state, connection)
    yield from authorities.examine_certificates(state, at)
    yield from authorities.examine_succession(state, at)
    yield from clocks.examine_server(connection, state, now)
    yield from clocks.examine_past(connection, state, stored, at)
    yield from _of_log(place, wanted, state, connection)
    yield from others.examine_federation(state, at)
    yield from others.examine_nodes(state, stored.nodes, at)
    yield from entries.examine(state, stored.nodes)


def _of_secret(place: Place, state: State, connection: Connection) -> Iterator[Diagnostic]:
    row = connection.execute(select(tables.domain)).one()
    try:
        seal = Seal.reopen(row.seal, place.secret(row.seal))
        log_key = Ed25519PrivateKey.from_private_bytes(seal.open(row.log_key, LOG_KEY))
    except (IdentityError, msgspec.DecodeError) as error:
        yield findings.unopened(str(error))
        return
    try:
        Integrity(seal).require(connection)
    except IdentityError as error:
        yield findings.altered(error)
    if log_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) != row.log_public_key:
        told = AuditError("the key that signs the log is not the one that verifies it", "restore the domain's database")
        yield findings.broken_log(told)
    try:
        with keepers(seal, place) as there:
            yield from authorities.examine_keys(state, Keyring(state.trust_domain, there))
    except IdentityError as error:
        yield findings.unopened(str(error))


def _of_log(place: Place, wanted: Wanted, state: State, connection: Connection) -> Iterator[Diagnostic]:
    key = connection.execute(select(tables.domain.c.log_public_key)).scalar_one()
    try:
        known = Verifier(origin(str(state.trust_domain)), key)
        if wanted.deep:
            remembered = [witness.recall(place.witness)] if place.witness.exists() else []
            faults = [*verify(connection, known, remembered).faults, *recorded.examine(connection)]
            if faults:
                yield findings.faulty_log([f"{fault.wrong.value}: {fault.message}" for fault in faults])
            return
        log.intact(connection, known)
        witness.require_kept(connection, place.witness, known)
    except AuditError as error:
        yield findings.broken_log(error)
