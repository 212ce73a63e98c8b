"""What the name of a setting says of its value: an address to call, perhaps one, or certainly none."""

from __future__ import annotations

import enum
import itertools
import re
from functools import lru_cache


class Sense(enum.IntEnum):
    """How much the name of a setting makes an address of its value."""

    NEVER = 0
    """An address at which nobody is called, or no address at all."""
    SILENT = 1
    WEAK = 2
    ADDRESS = 3
    HOST = 4
    """The name of a host, whatever it looks like."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_HOSTS = frozenset({"host", "hosts", "hostname", "hostnames"})
_ADDRESSES = _words("""
addr addrs address addresses url urls uri uris endpoint endpoints server servers broker brokers upstream
upstreams backend backends dsn target targets peer peers seed seeds proxy collector datasource routes remote
""")
_PHRASES = frozenset(
    {("connection", "string"), ("conn", "string"), ("conn", "str"), ("proxy", "pass"), ("host", "port")}
)
_WEAK = frozenset({"service", "svc", "master", "primary", "replica", "sentinel", "sentinels", "connection", "nodes"})
_ENDINGS = ("host", "url", "uri", "addr", "hostname", "endpoint")
_NEVER = _words("""
listen listener listeners bind advertise advertised allowed allowlist whitelist cors noproxy redirect callback trusted
cookie public xmlns homepage docs documentation referer audience
""")
_NEVER_LAST = _words("""
image tag version password passwd secret token key credential credentials username user namespace schema license origin
origins path
""")
_NEVER_PHRASES = frozenset(
    {("no", "proxy"), ("external", "url"), ("root", "url"), ("server", "name"), ("virtual", "host"), ("self", "url")}
)
_INDEX = frozenset({"list", "default"})


@lru_cache(maxsize=4096)
def sense(name: str) -> Sense:
    """What the name of a variable, a flag or a key says; SILENT where there is none."""
    if name.startswith("$"):
        return Sense.NEVER
    words = [word.lower() for word in _WORDS.findall(name)]
    pairs = set(itertools.pairwise(words))
    if _NEVER & set(words) or _NEVER_PHRASES & pairs or words == ["hostname"]:
        return Sense.NEVER
    while len(words) > 1 and (words[-1].isdigit() or words[-1] in _INDEX):
        words.pop()
    if not words:
        return Sense.SILENT
    last = words[-1]
    if last in _NEVER_LAST:
        return Sense.NEVER
    if last in _HOSTS or last.endswith(("host", "hostname")):
        return Sense.HOST
    if last in _ADDRESSES or tuple(words[-2:]) in _PHRASES or last.endswith(_ENDINGS):
        return Sense.ADDRESS
    return Sense.WEAK if last in _WEAK else Sense.SILENT


def sibling(name: str) -> list[str]:
    """The names that the port beside a host's setting may have, `DB_PORT` beside `DB_HOST`, the likeliest first."""
    found: list[str] = []
    for ending in ("HOSTNAME", "HOST", "ADDRESS", "ADDR", "SERVER", "ENDPOINT", "URL", "SERVICE"):
        if name.upper().endswith(ending):
            front = name[: -len(ending)]
            port = "port" if name[-1].islower() else "PORT"
            found.append(
                front + (port.capitalize() if front and name[len(front)].isupper() and port == "port" else port)
            )
            break
    found.append(f"{name}_PORT" if name.isupper() else f"{name}Port")
    return found
