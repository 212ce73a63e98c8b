"""Canonical JSON (RFC 8785): one text for one value, so that its hash says the value."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import rfc8785

from licet.audit.errors import NotCanonicalError
from licet.audit.event import Detail

_EXACT = 2**53 - 1
"""The largest integer that every reader of JSON holds exactly (RFC 8785, 3.2.2.3 and appendix D)."""
_DEEPEST = 64
_encoder = msgspec.json.Encoder(order="sorted")


def canonical(value: Mapping[str, Detail]) -> bytes:
    """The value's one text in UTF-8; raises NotCanonicalError where it has none.

    The fast encoder sorts keys by code point, RFC 8785 by UTF-16 code unit. The two orders differ only where a
    character lies outside the basic plane, so whatever is not ASCII goes the slow way.
    """
    _require_exact(value, 0)
    try:
        text = _encoder.encode(value)
        return text if text.isascii() else rfc8785.dumps(dict(value))
    except (UnicodeEncodeError, rfc8785.CanonicalizationError):
        raise NotCanonicalError("text that is not Unicode cannot be recorded", "replace what is not UTF-8") from None


def _require_exact(value: object, depth: int) -> None:
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return
    if kind is int:
        if not -_EXACT <= value <= _EXACT:  # type: ignore[operator]  # an int, as was just seen
            raise NotCanonicalError("an integer beyond 2^53 cannot be recorded", "record it as text")
        return
    if depth == _DEEPEST:
        raise NotCanonicalError("a value nested too deep cannot be recorded", f"{_DEEPEST} levels at most")
    if isinstance(value, dict):
        for key, held in value.items():
            if type(key) is not str:
                raise NotCanonicalError("a key that is not text cannot be recorded", "record it as text")
            if type(held) is not str:
                _require_exact(held, depth + 1)
    elif isinstance(value, list):
        for held in value:
            if type(held) is not str:
                _require_exact(held, depth + 1)
    else:
        raise NotCanonicalError(f"a value of type `{kind.__name__}` cannot be recorded", "record it as text")
