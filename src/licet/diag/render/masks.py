"""Passwords, tokens and keys in a line of a source, put out of sight before the line is shown."""

from __future__ import annotations

import re

_WORD = r"(?:(?<![a-z])pw|pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|(?:api|access|account|private)[_-]?key)"
_VALUE = r"""(?!(?:true|false|null)\b|[\[{$|>&*])(?:\\"[^"]*|''.*?''|"[^"]*"?|'[^']*'?|[^\s,;&"'})\]]+)"""
_SECRET = (
    # scheme://user:password@host, scheme://token@host; the `@` before the host is the last one
    re.compile(r"""://((?:(?!://)[^\s"'`]){1,500})@"""),
    # user:password@host, user:password@tcp(host); not the digest of an image
    re.compile(r"""(?<![\w.+%-])([\w.+%-]{0,100}:[^\s"'`@/][^\s"'`]{0,500})@(?!sha\d+:)"""),
    # jdbc:oracle:thin:user/password@host
    re.compile(r""":thin:[^\s"'/@]{0,100}/([^\s"'@]{1,500})@"""),
    # token@host:port, user/password@host:port
    re.compile(r"""(?<![^\s"'=,])([^\s"'`@:=,]{1,500})@(?=[\w.-]{1,253}:\d)"""),
    re.compile(r"""[?&](?:auth|key|sig|signature|code)=([^\s&"']+)"""),
    # password=..., api_key: ..., --token ..., -u user:..., {name: DB_PASSWORD, value: ...}
    re.compile(rf"""{_WORD}(?:\\?["'])?\s{{0,9}}(?!:\d+\b)[=:]\s*({_VALUE})""", re.IGNORECASE),
    re.compile(rf"""-{_WORD}\s+({_VALUE})""", re.IGNORECASE),
    re.compile(
        rf"""name:\s{{0,9}}["']?[\w.-]*{_WORD}["']?\s{{0,9}},\s{{0,9}}value:\s{{0,9}}({_VALUE})""", re.IGNORECASE
    ),
    re.compile(r"""(?<!\S)-u\s+([^\s"']+)"""),
    re.compile(r"""\b(?:bearer|basic)\s+([\w.~+/=-]{6,})""", re.IGNORECASE),
)
_NAME = rf"[\w.-]*{_WORD}"
_BELOW = (
    (re.compile(rf"""^[\s-]*name:\s*["']?{_NAME}["']?\s*$""", re.IGNORECASE), re.compile(r"^\s*value:\s+(\S.*)$")),
    (re.compile(rf"""^\s*-\s+["']?--?{_NAME}["']?\s*$""", re.IGNORECASE), re.compile(r"^\s*-\s+(\S.*)$")),
)


def masked(line: str, before: str = "") -> str:
    """The line, as long as it is, with `*` for whatever looks like a password, a token or a key.

    `before` is the line above: what a variable or an option is called stands there, and its value here. It is
    a matter of form, not of meaning, and rather hides too much than too little: places stay where they are.
    """
    for name, value in _BELOW:
        if name.match(before) and (given := value.match(line)):
            line = _starred(given)
    for pattern in _SECRET:
        line = pattern.sub(lambda found: _starred(found, found.start()), line)
    return line


def _starred(found: re.Match[str], since: int = 0) -> str:
    """What matched, with stars for the group; `since` is where in the line the match begins."""
    start, end = (at - since for at in found.span(1))
    return found[0][:start] + "*" * (end - start) + found[0][end:]
