"""The private keys of authorities, opened once and checked before they are used."""

from __future__ import annotations

from collections.abc import Mapping

from licet.identity.authority import Authority, Kind
from licet.identity.errors import IdentityError, UnavailableError
from licet.identity.keepers.keeper import Keeper, Kept
from licet.identity.keys import KeyKind, PrivateKey, pin
from licet.identity.spiffeid import TrustDomain


class Keyring:
    """Opens and makes keys by the keepers it is given."""

    def __init__(self, trust_domain: TrustDomain, keepers: Mapping[str, Keeper], sealed_by: str = "") -> None:
        self._trust_domain = trust_domain
        self._keepers = keepers
        self._sealed_by = sealed_by
        self._open: dict[str, PrivateKey] = {}

    def generate(self, keeper: str, kind: Kind, key_kind: KeyKind) -> Kept:
        """A new key for an authority of this kind; raises IdentityError where the keeper cannot."""
        return self._keeper(keeper).generate(key_kind, self.label(kind))

    def require_seal(self, stored: str) -> None:
        """Raise UnavailableError where this is not what new keys would be sealed with: nobody could open them."""
        if self._sealed_by and stored != self._sealed_by:
            raise UnavailableError("the sealing secret was changed", "start this process again with the new one")

    def key(self, authority: Authority) -> PrivateKey:
        """The authority's private key; raises IdentityError where it cannot be had or is another one."""
        known = self._open.get(authority.id)
        if known is not None:
            return known
        if authority.handle is None:
            raise IdentityError(f"the key of {authority!r} is destroyed", "rotate to another authority")
        key = self._keeper(authority.keeper).load(authority.handle, self.label(authority.kind))
        if pin(key.public_key()) != authority.id:
            raise IdentityError(
                f"the key that `{authority.keeper}` gives for {authority!r} is another one",
                "the store or the keeper was altered: restore the domain from a backup",
            )
        self._open[authority.id] = key
        return key

    def destroy(self, authority: Authority) -> None:
        """Have the key forgotten, here and by its keeper."""
        self._open.pop(authority.id, None)
        if authority.handle is not None:
            self._keeper(authority.keeper).destroy(authority.handle)

    def forget(self, kept: frozenset[str]) -> None:
        """Close every key but those of these authorities."""
        for id in self._open.keys() - kept:
            self._open.pop(id, None)

    def _keeper(self, name: str) -> Keeper:
        keeper = self._keepers.get(name)
        if keeper is None:
            raise IdentityError(f"nothing here keeps keys by `{name}`", f"there are {', '.join(sorted(self._keepers))}")
        return keeper

    def label(self, kind: Kind) -> str:
        """What keepers know a key of this kind by."""
        return f"{self._trust_domain}/{kind.value}"
