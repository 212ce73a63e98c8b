"""Issuing: a request of a node becomes a certificate or a token, once it is recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Lock
from typing import TypeVar

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection, insert

from licet.audit.event import Detail, Event
from licet.audit.ledger import Change, Ledger
from licet.identity import certificate, path, request, token
from licet.identity.authority import Authority, Kind, active
from licet.identity.domain import State, load, version
from licet.identity.entry import Entry
from licet.identity.errors import IdentityError, MalformedError, RefusedError, UnavailableError
from licet.identity.integrity import Integrity
from licet.identity.keyring import Keyring
from licet.identity.keys import KeyKind, PrivateKey, kind_of
from licet.identity.node.upstream import Ask, Issued, Refusal, Witness
from licet.identity.spiffeid import SpiffeID, TrustDomain
from licet.identity.tally import Tally
from licet.store import tables
from licet.store.database import Database
from licet.store.errors import StoreError
from licet.store.moment import text

T = TypeVar("T")

ALLOWED = frozenset(KeyKind)
"""The keys that a workload may have."""
_TRIES = 8
_ISSUED = insert(tables.issuance)


class _StaleError(Exception):
    """The domain changed while something was being signed."""


class _Signed(msgspec.Struct, frozen=True):
    leaf: bytes
    row: dict[str, str]
    event: Event


class Issuer:
    """Signs for one domain. Every method may be called from any thread.

    Nothing that it signs is handed out before its record is committed, and no record is committed by a version of the
    domain that is no longer the stored one: a revocation holds from its commit on, on every server at once.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        keyring: Keyring,
        clock: Callable[[], datetime],
        integrity: Integrity | None = None,
    ) -> None:
        self.database = database
        self.integrity = integrity
        self._ledger = ledger
        self._keyring = keyring
        self._clock = clock
        self._lock = Lock()
        self._factory: tuple[str, x509.Certificate, certificate.LeafFactory] | None = None
        self.issued = Tally()
        """What was issued: `x509` and `jwt`."""
        self.refused = Tally()
        """What was not, by `refusal`."""
        with database.read() as connection:
            self.state = self._loaded(connection)

    def refresh(self) -> State:
        """Read the stored state, where it is another than the one at hand."""
        with self.database.read() as connection:
            if version(connection) != self.state.version:
                state = self._loaded(connection)
                with self._lock:
                    if state.version > self.state.version:
                        self.state = state
        return self.state

    def guarded(self, do: Callable[[Change], T]) -> Callable[[Change], T]:
        """A change of the state, refused where somebody else than licet has changed it."""
        return self.integrity.guarded(do) if self.integrity is not None else do

    def _loaded(self, connection: Connection) -> State:
        if self.integrity is not None:
            self.integrity.require(connection)
        return load(connection)

    def mint(self, node: SpiffeID, asks: Sequence[Ask]) -> list[Issued | Refusal]:
        """One answer for each ask, in order; raises UnavailableError where nothing can be signed at all."""
        return self._settled(lambda state: self._mint(state, node, asks))

    def mint_token(self, node: SpiffeID, entry: str, audience: tuple[str, ...], witness: Witness) -> str:
        """A JWT-SVID of this entry; raises RefusedError."""
        return self._settled(lambda state: self._mint_token(state, node, entry, audience, witness))

    def directly(
        self, spiffe_id: SpiffeID, csr: bytes, lifetime: int, dns_names: tuple[str, ...], actor: dict[str, Detail]
    ) -> Issued:
        """A certificate without an entry: for a server or an agent of Licet's own, or as an administrator asks.

        `lifetime` is in seconds, 0 for the domain's. Raises RefusedError where the identity is revoked, or the request
        names another; an agent that joins does not know its name yet.
        """

        def sign(state: State) -> Issued:
            if spiffe_id.trust_domain != state.trust_domain:
                raise RefusedError(f"`{spiffe_id}` is of another trust domain", f"this one is `{state.trust_domain}`")
            if spiffe_id in state.denied:
                raise _revoked(spiffe_id)
            if not 0 <= lifetime <= state.settings.lifetimes.longest:
                raise RefusedError(
                    f"{lifetime} s is no lifetime here",
                    f"0 to {state.settings.lifetimes.longest} s, a sixth of an intermediate's",
                )
            wanted = request.read(csr, ALLOWED)
            if spiffe_id.reserved:
                _require_domain(wanted, state.trust_domain)
            else:
                _require_named(wanted, spiffe_id)
            signer = self._signer(state, Kind.INTERMEDIATE)
            signed = self._leaf(state, signer, spiffe_id, wanted, lifetime, dns_names, "", actor)
            self._commit(state, [signed.row], [signed.event])
            return Issued((signed.leaf, self._upper(signer)))

        return self._settled(sign)

    def _mint(self, state: State, node: SpiffeID, asks: Sequence[Ask]) -> list[Issued | Refusal]:
        signer = self._signer(state, Kind.INTERMEDIATE)
        self._factory_of(signer)
        answers: list[Issued | Refusal] = []
        signed: list[_Signed] = []
        refused: list[IdentityError] = []
        for ask in asks:
            try:
                made = self._signed(state, signer, node, ask)
            except IdentityError as error:
                refused.append(error)
                answers.append(Refusal(str(error), isinstance(error, UnavailableError)))
            else:
                signed.append(made)
                answers.append(Issued((made.leaf, self._upper(signer))))
        if signed:
            self._commit(state, [s.row for s in signed], [s.event for s in signed])
        elif refused:
            self._require_current(state)
        for each in refused:
            self.refused.add(refusal(each))
        return answers

    def _signed(self, state: State, signer: Authority, node: SpiffeID, ask: Ask) -> _Signed:
        entry = entitled(state, node, ask.entry, ask.witness)
        wanted = request.read(ask.request, ALLOWED)
        _require_named(wanted, entry.spiffe_id)
        return self._leaf(
            state,
            signer,
            entry.spiffe_id,
            wanted,
            entry.x509_lifetime,
            entry.dns_names,
            entry.id,
            _actor(node, ask.witness),
        )

    def _leaf(
        self,
        state: State,
        signer: Authority,
        spiffe_id: SpiffeID,
        wanted: request.Request,
        lifetime: int,
        dns_names: tuple[str, ...],
        entry: str,
        actor: dict[str, Detail],
    ) -> _Signed:
        above, factory = self._factory_of(signer)
        lifetimes = state.settings.lifetimes
        begins, ends = certificate.lifetime(self._clock(), lifetime or lifetimes.x509, lifetimes.backdate, above)
        serial = certificate.new_serial()
        leaf = factory.leaf(spiffe_id, wanted.public_key, begins, ends, serial, dns_names).public_bytes(Encoding.DER)
        facts = {
            "serial": f"{serial:x}",
            "spiffe_id": str(spiffe_id),
            "entry": entry,
            "issuer": signer.id,
            "not_after": text(ends),
        }
        more: dict[str, Detail] = {"type": "x509", "not_before": text(begins), "key": wanted.kind.value}
        return _Signed(leaf, facts, Event("svid.issued", actor, {**facts, **more}))

    def _mint_token(
        self, state: State, node: SpiffeID, entry_id: str, audience: tuple[str, ...], witness: Witness
    ) -> str:
        entry = entitled(state, node, entry_id, witness)
        signer = self._signer(state, Kind.JWT)
        key = self._key(signer)
        now = self._clock()
        lifetime = entry.jwt_lifetime or state.settings.lifetimes.jwt
        kid = signer.id[:32]
        made = token.issue(entry.spiffe_id, audience, now, lifetime, key, kid, kind_of(key.public_key()))
        facts: dict[str, Detail] = {
            "type": "jwt",
            "spiffe_id": str(entry.spiffe_id),
            "entry": entry.id,
            "issuer": signer.id,
            "audience": list(audience),
            "lifetime": lifetime,
        }
        self._commit(state, [], [Event("svid.issued", _actor(node, witness), facts)])
        return made

    def _commit(self, state: State, rows: list[dict[str, str]], events: list[Event]) -> None:
        def write(change: Change) -> None:
            if version(change.connection) != state.version:
                raise _StaleError
            if rows:
                change.connection.execute(_ISSUED, rows)
            for event in events:
                change.record(event)

        self._ledger.change(write).result()
        for event in events:
            self.issued.add(str(event.detail["type"]))

    def _settled(self, sign: Callable[[State], T]) -> T:
        """What `sign` makes of a state that is still the stored one when it refuses, or its record is committed."""
        for _ in range(_TRIES):
            state = self.state
            try:
                try:
                    return sign(state)
                except IdentityError:
                    self._require_current(state)
                    raise
            except _StaleError:
                self.refresh()
            except (IdentityError, StoreError) as error:
                self.refused.add(refusal(error))
                raise
        raise UnavailableError("the domain keeps changing", "ask again")

    def _require_current(self, state: State) -> None:
        """Nobody is refused for what was true once: a node may have heard more than this server has."""
        with self.database.read() as connection:
            if version(connection) != state.version:
                raise _StaleError

    def _signer(self, state: State, kind: Kind) -> Authority:
        signer = active(state.authorities, kind)
        if signer is None or signer.not_after <= self._clock():
            raise UnavailableError(f"no {kind.value} authority signs now", "`licet identity doctor` says why")
        return signer

    def _upper(self, signer: Authority) -> bytes:
        assert signer.certificate is not None
        return signer.certificate

    def _factory_of(self, signer: Authority) -> tuple[x509.Certificate, certificate.LeafFactory]:
        with self._lock:
            if self._factory is None or self._factory[0] != signer.id:
                key = self._key(signer)
                try:
                    [above] = path.read([self._upper(signer)])
                    self._factory = (signer.id, above, certificate.LeafFactory(above, key))
                except IdentityError as error:
                    raise UnavailableError(f"{signer!r} cannot sign: {error.message}", error.help) from error
            return self._factory[1:]

    def _key(self, signer: Authority) -> PrivateKey:
        """Its key. That it cannot be had is nothing that whoever asks can put right, nor a reason to ask no more."""
        try:
            return self._keyring.key(signer)
        except IdentityError as error:
            raise UnavailableError(error.message, error.help) from error


def refusal(error: IdentityError | StoreError) -> str:
    """Why nothing was issued, in a word: `refused`, `malformed`, `unavailable`, `store`, or `failed`."""
    match error:
        case StoreError():
            return "store"
        case RefusedError():
            return "refused"
        case MalformedError():
            return "malformed"
        case UnavailableError():
            return "unavailable"
        case _:
            return "failed"


def entitled(state: State, node: SpiffeID, entry_id: str, witness: Witness) -> Entry:
    """The entry, where this node may ask for it on behalf of a workload that shows this; raises RefusedError."""
    entry = state.entries.get(entry_id)
    if entry is None:
        raise RefusedError(f"no entry `{entry_id}`", "it may have been removed")
    if entry.nodes and node not in entry.nodes:
        raise RefusedError(f"`{node}` may not ask for `{entry.spiffe_id}`", "its entry names other nodes")
    if not entry.admits(frozenset(witness.selectors)):
        raise RefusedError(
            f"the workload does not show what `{entry.spiffe_id}` asks for", f"selectors {', '.join(entry.selectors)}"
        )
    if entry.spiffe_id in state.denied:
        raise _revoked(entry.spiffe_id)
    return entry


def _require_named(wanted: request.Request, spiffe_id: SpiffeID) -> None:
    if any(name != spiffe_id for name in wanted.spiffe_ids):
        raise RefusedError(
            f"the request names `{wanted.spiffe_ids[0]}`, and not `{spiffe_id}`", "leave the name out, or ask for it"
        )


def _require_domain(wanted: request.Request, trust_domain: TrustDomain) -> None:
    """An agent that came to a server of another domain hears so while its join token still holds."""
    if others := [name for name in wanted.spiffe_ids if name.trust_domain != trust_domain]:
        raise RefusedError(
            f"this is a server of `{trust_domain}`, not of `{others[0].trust_domain}`", "name the domain's own server"
        )


def _revoked(spiffe_id: SpiffeID) -> RefusedError:
    return RefusedError(f"`{spiffe_id}` is revoked", "`licet identity permit` takes that back")


def workload(node: SpiffeID, witness: Witness) -> dict[str, Detail]:
    """A workload as the actor of a record."""
    return {
        "type": "workload",
        "node": str(node),
        "pid": witness.pid,
        "uid": witness.uid,
        "gid": witness.gid,
        "selectors": list(witness.selectors),
    }


def _actor(node: SpiffeID, witness: Witness) -> dict[str, Detail]:
    try:
        "".join(witness.selectors).encode()
    except UnicodeEncodeError:
        raise MalformedError("the workload shows what cannot be recorded", "selectors are Unicode") from None
    return workload(node, witness)
