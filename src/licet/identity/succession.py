"""How authorities follow each other: each step inside one change, recorded, and checked before anything hangs on it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace
from sqlalchemy import insert, select, update

from licet.audit.event import Detail, Event
from licet.audit.ledger import Change, Ledger
from licet.identity import certificate, path
from licet.identity.authority import Authority, Kind, Standing, active
from licet.identity.domain import State, load
from licet.identity.errors import IdentityError
from licet.identity.keepers.keeper import proven
from licet.identity.keyring import Keyring
from licet.identity.keys import pin, spki, supported
from licet.identity.registry import Actor, bump
from licet.identity.rotation import Activate, Prepare, Revoke, plan, reserve
from licet.identity.token import jwt_kind
from licet.store import tables
from licet.store.moment import text

_log = structlog.get_logger("licet.identity")

_MOST_STEPS = 32


class Succession:
    """The authorities of a domain within one change; every step leaves the stored state consistent."""

    def __init__(self, change: Change, keyring: Keyring, now: datetime, actor: Actor) -> None:
        self._change = change
        self._keyring = keyring
        self._now = now
        self._actor = actor
        self.state: State = load(change.connection)
        self.over: list[Authority] = []
        """Revoked authorities, whose keys the caller has to destroy once the change is committed."""

    def reconcile(self, kinds: Collection[Kind] = tuple(Kind)) -> None:
        """Do whatever is due, of these kinds."""
        for _ in range(_MOST_STEPS + len(self.state.authorities)):
            steps = plan(self.state.authorities, self._now, self.state.settings.lifetimes, kinds)
            if not steps:
                return
            match steps[0]:
                case Prepare(kind):
                    self.prepare(kind)
                case Activate(authority):
                    self.activate(authority)
                case Revoke(authority):
                    self.revoke(authority, "nothing that it signed is valid any more")
        raise AssertionError("rotation does not come to rest")

    def prepare(self, kind: Kind) -> Authority:
        """Make a new authority and publish it; nothing is signed by it yet."""
        settings = self.state.settings
        self._keyring.require_seal(self._change.connection.execute(select(tables.domain.c.seal)).scalar_one())
        kept = self._keyring.generate(
            settings.keeper, kind, jwt_kind(settings.key_kind) if kind is Kind.JWT else settings.key_kind
        )
        second = self._now.replace(microsecond=0)  # certificates state no less
        lives = settings.lifetimes.root if kind is Kind.ROOT else settings.lifetimes.intermediate
        made = Authority(
            id=pin(kept.public_key),
            kind=kind,
            standing=Standing.PREPARED,
            issuer=None,
            certificate=None,
            public_key=spki(kept.public_key),
            keeper=settings.keeper,
            handle=kept.handle,
            not_before=second - timedelta(seconds=settings.lifetimes.backdate),
            not_after=second + timedelta(seconds=lives),
            changed_at=self._now,
        )
        made = self._certified(made)
        self._change.connection.execute(insert(tables.authority).values(_row(made)))
        self._settle("authority.prepared", made, bundle=kind is not Kind.INTERMEDIATE)
        return made

    def activate(self, authority: Authority, *, tainting: bool = False) -> None:
        """Let a prepared authority sign in place of the one that does, which retires or, `tainting`, is tainted.

        With a root its forerunner's intermediates go the same way, and one of the new root's takes their place.
        Intermediates that retired before are tainted too: what they signed may be in use for a lifetime yet.
        """
        if authority.standing is not Standing.PREPARED:
            raise IdentityError(f"{authority!r} is not prepared", "`licet identity status` shows which are")
        self._probe(authority)
        left = Standing.TAINTED if tainting else Standing.RETIRED
        before = active(self.state.authorities, authority.kind)
        if before is not None:
            self._move(before, left)
        self._move(authority, Standing.ACTIVE)
        if authority.kind is Kind.ROOT:
            self._follow_root(left)
        elif authority.kind is Kind.INTERMEDIATE and tainting:
            self._taint_retired()

    def taint(self, authority: Authority) -> None:
        """Stop believing in a key's secrecy: another one signs from now on, and what this one signed is replaced.

        An intermediate takes its root with it: whoever holds its key has a valid certificate for it until the root
        is believed no more. Raises IdentityError for what is revoked already.
        """
        if authority.kind is Kind.INTERMEDIATE:
            authority = next(a for a in self.state.authorities if a.id == authority.issuer)
        match authority.standing:
            case Standing.ACTIVE:
                lifetimes = self.state.settings.lifetimes
                waiting = reserve(self.state.authorities, authority.kind, self._now, lifetimes)
                self.activate(waiting or self.prepare(authority.kind), tainting=True)
            case Standing.PREPARED | Standing.RETIRED:
                self._move(authority, Standing.TAINTED)
                if authority.kind is Kind.ROOT:
                    self._taint_below(authority)
            case Standing.TAINTED:
                return
            case Standing.REVOKED:
                raise IdentityError(f"{authority!r} is revoked already", "nothing believes it any more")

    def revoke(self, authority: Authority, reason: str) -> None:
        """Take the authority out of the bundle and give up its key, with its intermediates; not while it signs."""
        if authority.standing is Standing.ACTIVE:
            raise IdentityError(
                f"{authority!r} signs",
                "rotate first (`licet identity rotate`), or `licet identity taint` if it is stolen",
            )
        below = [a for a in self.state.authorities if a.issuer == authority.id and a.believed]
        for each in (*below, authority):
            self._move(each, Standing.REVOKED, reason=reason)
            self.over.append(each)

    def _certified(self, made: Authority) -> Authority:
        name = self.state.trust_domain
        match made.kind:
            case Kind.ROOT:
                root = certificate.root(name, self._keyring.key(made), made.not_before, made.not_after)
                return replace(made, certificate=root.public_bytes(Encoding.DER))
            case Kind.INTERMEDIATE:
                above = active(self.state.authorities, Kind.ROOT)
                if above is None or above.certificate is None:
                    raise IdentityError("no root signs", "`licet identity doctor` says why")
                ends = min(made.not_after, above.not_after)
                signed = certificate.intermediate(
                    name,
                    self._keyring.key(made).public_key(),
                    path.read([above.certificate])[0],
                    self._keyring.key(above),
                    max(made.not_before, above.not_before),
                    ends,
                )
                return replace(made, certificate=signed.public_bytes(Encoding.DER), issuer=above.id, not_after=ends)
            case Kind.JWT:
                return made

    def _follow_root(self, left: Standing) -> None:
        for each in self.state.authorities:
            if each.kind is Kind.INTERMEDIATE and each.standing is Standing.ACTIVE:
                self._move(each, left)
            elif each.kind is Kind.INTERMEDIATE and each.standing is Standing.PREPARED:
                self.revoke(each, "its root signs no more")
        if left is Standing.TAINTED:
            self._taint_retired()
        self.activate(self.prepare(Kind.INTERMEDIATE))

    def _taint_retired(self) -> None:
        for each in self.state.authorities:
            if each.kind is Kind.INTERMEDIATE and each.standing is Standing.RETIRED:
                self._move(each, Standing.TAINTED)

    def _taint_below(self, root: Authority) -> None:
        for each in self.state.authorities:
            if each.issuer == root.id and each.standing in (Standing.PREPARED, Standing.RETIRED):
                self._move(each, Standing.TAINTED)

    def _probe(self, authority: Authority) -> None:
        """Have the key sign something and verify it, before everything hangs on it."""
        proven(self._keyring.key(authority))
        if authority.not_after - self._now < timedelta(seconds=self.state.settings.lifetimes.x509):
            raise IdentityError(f"{authority!r} is about to expire", "prepare another: `licet identity rotate`")
        if authority.certificate is not None:
            above = next((a for a in self.state.authorities if a.id == authority.issuer), authority)
            assert above.certificate is not None
            own, upper = path.read([authority.certificate, above.certificate])
            if not _genuine(own, upper) or pin(supported(own.public_key())) != authority.id:
                raise IdentityError(
                    f"the certificate of {authority!r} is another one",
                    "the store was altered: restore the domain from a backup",
                )

    def _move(self, authority: Authority, standing: Standing, *, reason: str = "") -> None:
        values: dict[str, str | None] = {"state": standing.value, "changed_at": text(self._now)}
        if standing is Standing.REVOKED:
            values["handle"] = None
        row = tables.authority.c.id == authority.id
        self._change.connection.execute(update(tables.authority).where(row).values(values))
        published = standing is Standing.REVOKED and authority.kind is not Kind.INTERMEDIATE
        self._settle(f"authority.{_VERBS[standing]}", authority, bundle=published, reason=reason)

    def _settle(self, kind: str, authority: Authority, *, bundle: bool, reason: str = "") -> None:
        facts: dict[str, Detail] = {
            "id": authority.id,
            "kind": authority.kind.value,
            "issuer": authority.issuer,
            "not_before": text(authority.not_before),
            "not_after": text(authority.not_after),
        }
        self._change.record(Event(kind, self._actor, {**facts, "reason": reason} if reason else facts))
        bump(self._change, bundle=bundle)
        self.state = load(self._change.connection)


def give_up(ledger: Ledger, keyring: Keyring, over: Sequence[Authority], actor: Actor) -> None:
    """Have keys destroyed, once nothing hangs on them any more: after the commit that revoked them.

    What a keeper cannot destroy now is recorded, since the database has forgotten where it is: somebody has to.
    """
    for authority in over:
        try:
            keyring.destroy(authority)
        except IdentityError as error:
            _log.warning("a key is not destroyed", id=authority.id, keeper=authority.keeper, reason=str(error))
            left: dict[str, Detail] = {"id": authority.id, "keeper": authority.keeper, "reason": str(error)}
            if authority.handle is not None:
                left["handle"] = authority.handle.hex()
            _record(ledger, Event("authority.left", actor, left))


def _record(ledger: Ledger, event: Event) -> None:
    ledger.change(lambda change: change.record(event)).result()


def _genuine(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


_VERBS = {
    Standing.PREPARED: "prepared",
    Standing.ACTIVE: "activated",
    Standing.RETIRED: "retired",
    Standing.TAINTED: "tainted",
    Standing.REVOKED: "revoked",
}


def _row(authority: Authority) -> dict[str, str | bytes | None]:
    return {
        "id": authority.id,
        "kind": authority.kind.value,
        "state": authority.standing.value,
        "issuer": authority.issuer,
        "certificate": authority.certificate,
        "public_key": authority.public_key,
        "keeper": authority.keeper,
        "handle": authority.handle,
        "not_before": text(authority.not_before),
        "not_after": text(authority.not_after),
        "changed_at": text(authority.changed_at),
    }
