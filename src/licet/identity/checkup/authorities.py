"""Are the authorities what they should be, and is somebody there to follow each?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from cryptography import x509

from licet.diag.diagnostic import Diagnostic
from licet.identity import certificate, findings, path
from licet.identity.authority import Authority, Kind, active, prepared
from licet.identity.domain import State
from licet.identity.errors import IdentityError
from licet.identity.keepers.keeper import proven
from licet.identity.keyring import Keyring
from licet.identity.keys import pin, supported
from licet.identity.lifetimes import RATIO

_LAST = 1 - 1 / RATIO
_LATE = 1 - 1 / RATIO / 2


def examine_keys(state: State, keyring: Keyring) -> Iterator[Diagnostic]:
    """Every key that may still be needed is there, opens, is the right one, and signs."""
    for authority in state.authorities:
        if authority.believed:
            try:
                proven(keyring.key(authority))
            except IdentityError as error:
                yield findings.bad_key(authority, error)


def examine_certificates(state: State, now: datetime) -> Iterator[Diagnostic]:
    """Every certificate is that of its authority, is an authority's, and leads to a root that is believed."""
    known = {authority.id: authority for authority in state.authorities}
    for authority in state.authorities:
        if authority.believed and (reason := _fault(authority, known, state, now)):
            yield findings.bad_certificate(authority, reason)


def examine_succession(state: State, now: datetime) -> Iterator[Diagnostic]:
    """Somebody signs, for long enough or until somebody follows; a root is in reserve; the settings can rotate."""
    try:
        state.settings.lifetimes.check()
    except IdentityError as error:
        yield findings.bad_lifetimes(error)
    for kind in Kind:
        signing, waiting = active(state.authorities, kind), prepared(state.authorities, kind)
        ready = waiting is not None and waiting.not_after > now
        if signing is None:
            yield findings.nobody_signs(kind)
        elif signing.not_after <= now:
            yield findings.ended(signing, now)
        elif signing.age(now) >= _LAST and not ready:
            yield findings.without_successor(signing, now)
        elif signing.age(now) >= _LATE:
            yield findings.overdue(signing, now)
        if kind is Kind.ROOT and not ready:
            yield findings.no_reserve()


def _fault(authority: Authority, known: dict[str, Authority], state: State, now: datetime) -> str:
    """What is wrong with its certificate, or with its public key where it has none; empty for nothing."""
    if pin(authority.public_key) != authority.id:
        return "the stored public key is another one"
    if authority.kind is Kind.JWT:
        return ""
    above = authority if authority.kind is Kind.ROOT else known.get(authority.issuer or "")
    if authority.certificate is None or above is None or above.certificate is None or not above.believed:
        return "its root is not believed" if above is not None and not above.believed else "there is none"
    try:
        own, upper = path.read([authority.certificate, above.certificate])
        if pin(supported(own.public_key())) != authority.id:
            return "it is of another key"
        path.validate([own], [upper], max(now, authority.not_before))
    except IdentityError as error:
        return f"{error.message}, {error.help}"
    return _unlike(own, authority, state)


def _unlike(own: x509.Certificate, authority: Authority, state: State) -> str:
    constraints, usage = path.extension(own, x509.BasicConstraints), path.extension(own, x509.KeyUsage)
    if constraints is None or not constraints.value.ca or usage is None or not usage.value.key_cert_sign:
        return "it is not that of an authority"
    if own.not_valid_after_utc != authority.not_after:
        return "it ends at another time than is stored"
    try:
        named = certificate.spiffe_id_of(own)
    except IdentityError as error:
        return error.message
    return "" if str(named) == state.trust_domain.id else f"it is of `{named}`"
