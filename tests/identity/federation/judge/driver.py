"""Builds the Go judge beside this file and talks to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from licet.identity.bundle import Bundle, JwtKey
from licet.identity.spiffeid import TrustDomain
from tests.built import go_program
from tests.conversation import Conversation


def build() -> Path:
    """The program, built from the pinned modules; skips the test where there is no Go."""
    return go_program(Path(__file__).parent, "federation-judge")


class Answer(msgspec.Struct):
    """What the judge says: why not, or what it found."""

    error: str
    valid: list[bool] | None
    x509: list[bytes] | None
    jwt: dict[str, bytes] | None
    sequence: int
    refresh_hint: int
    marshaled: bytes | None
    url: str

    def bundle(self, trust_domain: TrustDomain) -> Bundle:
        """The bundle that it found, with its keys in order of their names."""
        assert self.error == ""
        keys = tuple(JwtKey(kid, key) for kid, key in sorted((self.jwt or {}).items()))
        return Bundle(trust_domain, tuple(self.x509 or ()), keys, self.sequence, self.refresh_hint)


class Judge(Conversation):
    """A running judge. What it serves is served until it ends."""

    def ids(self, texts: Sequence[str]) -> list[bool]:
        """Which of these are SPIFFE IDs."""
        return self.ask("ids", ids=texts).valid or []

    def ask(self, what: str, **given: object) -> Answer:
        """The answer to one question."""
        return msgspec.json.decode(self.tell({"ask": what, **given}), type=Answer)
