"""Hosts that a text names, as far as its form alone shows: URLs, connection strings, `host:port`, single names."""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Iterator

import msgspec

from licet.discover import schemes
from licet.model.ports import Protocol, port_number


class Form(enum.Enum):
    """How a host stands there."""

    URL = "url"
    """In a URL or a connection string: nothing else looks like that."""
    PAIR = "host:port"
    """With a port, which an image's tag or a time may look like."""
    BARE = "name"
    """Alone: any word looks like that."""


class Mention(msgspec.Struct, frozen=True):
    """A host, and the port beside it or the scheme's own. `host` is in lower case, without a closing dot."""

    host: str
    form: Form
    port: int | None = None
    scheme: str = ""
    protocol: Protocol = Protocol.TCP
    implied: bool = False
    """Whether the port is the scheme's own rather than written."""

    def __str__(self) -> str:
        """What was read, without user, password, path and query."""
        front = f"{self.scheme}://" if self.scheme else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return front + host + (f":{self.port}" if self.port is not None and not self.implied else "")


_URL = re.compile(
    r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.:_-]{0,40}):(?://|(?=@))(?P<rest>(?:(?!,[A-Za-z][\w+.-]*://)[^\s\"'`<>|\\^])*)"
)
_WEB = frozenset({"http", "https", "ws", "wss"})
_DRIVER = re.compile(r"(?:^|[\s@=\"'])(?P<net>tcp|udp)[46]?\((?P<hosts>[^()\s]+)\)")
_KEYWORD = re.compile(
    r"(?:^|[;,\s\"'])(?P<key>[A-Za-z][A-Za-z ]*?)\s*=\s*(?P<value>'[^']*'|\"[^\"]*\"|[^;\s\"']*)", re.ASCII
)
_HOST_KEYS = frozenset(
    {"host", "hostaddr", "server", "data source", "datasource", "address", "addr", "network address"}
)
_BESIDE = frozenset(
    {
        "port",
        "dbname",
        "database",
        "user",
        "user id",
        "uid",
        "username",
        "password",
        "pwd",
        "initial catalog",
        "sslmode",
    }
)
_LONGEST_DSN = 2048
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=[^:]*[A-Za-z]){_LABEL}(?:\.{_LABEL})*\.?")
_NUMBERED = re.compile(r"(?:\d+@|server\.\d+=)")
_SERIES = re.compile(r"\{(\d+)\.{2,3}\d+\}")
_WORDS = re.compile(r"[^,;\s]\s+[^,;\s]")
_SEPARATORS = re.compile(r"[,;\s]+")


def mentions(value: str) -> list[Mention]:
    """The hosts that the whole value of a setting names, each form tried from the plainest to the least certain."""
    value = _SERIES.sub(r"\1", value.strip())
    for found in (_urls(value), _drivers(value), _keywords(value), _listed(value)):
        if hosts := list(dict.fromkeys(found)):
            return hosts
    return []


def urls(text: str) -> list[Mention]:
    """The hosts of URLs and connection strings anywhere in a text."""
    return list(dict.fromkeys((*_urls(text), *_drivers(text))))


def authority(text: str) -> Mention | None:
    """A `host`, `host:port` or `[v6]:port`, or None where the text is nothing of the kind."""
    host, port = text, None
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            return None
        port = rest[1:] or None
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    number = port_number(port) if port is not None else None
    if port is not None and number is None:
        return None
    host = _host(host)
    if not host:
        return None
    return Mention(host, Form.BARE if number is None else Form.PAIR, number)


def is_address(host: str) -> bool:
    """Whether a host is an IP address."""
    if not host[:1].isdigit() and ":" not in host:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _host(text: str) -> str:
    if is_address(text):
        return text
    return text.rstrip(".").lower() if _NAME.fullmatch(text) and len(text) <= 254 else ""


def _urls(text: str) -> Iterator[Mention]:
    for match in _URL.finditer(text):
        scheme = match["scheme"].lower().strip(":")
        if not schemes.is_network(scheme):
            continue
        for part in _authorities(scheme, match["rest"]):
            found = authority(part)
            if found is None:
                continue
            port = found.port if found.port is not None else schemes.default_port(scheme)
            implied = found.port is None and port is not None
            yield Mention(found.host, Form.URL, port, scheme, schemes.transport(scheme), implied)


def _authorities(scheme: str, rest: str) -> list[str]:
    """The `host:port` of what follows `scheme://`, several where a comma stands between them.

    A password may hold what only a path should: where an `@` follows, all before it is left alone.
    """
    rest = rest.lstrip("/@") if scheme.startswith("jdbc:oracle") else rest
    if rest.startswith("/"):  # dns:///name:port, with nobody named to ask
        rest = rest.lstrip("/") if scheme in ("dns", "xds", "passthrough") else ""
    head = rest.partition(";")[0] if "sqlserver" in scheme else rest
    head, *query = re.split(r"[?#]", head, maxsplit=1)
    if query and "@" in query[0] and not {"@", "/"} & set(head):
        return []  # perhaps a password with a question mark in it
    if "@" in head and (scheme not in _WEB or "@" in head.split("/", 1)[0]):
        head = head.rsplit("@", 1)[1]
    head = head.split("/", 1)[0].strip("()[]{},.") if not head.startswith("[") else head.split("/", 1)[0]
    if scheme.startswith("jdbc:oracle") and head.count(":") == 2:  # @host:port:SID
        head = head.rpartition(":")[0]
    return head.split(",")


def _drivers(text: str) -> Iterator[Mention]:
    """`user:password@tcp(db:3306)/name`, as Go's MySQL driver has it."""
    for match in _DRIVER.finditer(text):
        protocol = Protocol.UDP if match["net"] == "udp" else Protocol.TCP
        for part in match["hosts"].split(","):
            if (found := authority(part)) is not None:
                yield Mention(found.host, Form.URL, found.port or 3306, "", protocol, found.port is None)


def _keywords(text: str) -> Iterator[Mention]:
    """`host=db port=5432 dbname=x`, as libpq, and `Server=db,1433;Database=x`, as ADO.NET have it."""
    if len(text) > _LONGEST_DSN or "=" not in text:
        return
    pairs = {match["key"].strip().lower(): match["value"].strip("'\"") for match in _KEYWORD.finditer(text)}
    hosts = next((pairs[key] for key in pairs if key in _HOST_KEYS), None)
    if hosts is None or not _BESIDE & pairs.keys():
        return
    named = pairs.get("port", "").split(",")
    hosts = re.sub(r"^tcp:", "", re.sub(r",(\d+)$", r":\1", hosts))
    for at, part in enumerate(hosts.split(",")):
        beside = named[at] if at < len(named) else named[0]
        found = authority(f"{part}:{beside}" if beside.isdigit() and ":" not in part else part)
        if found is not None:
            yield Mention(found.host, Form.URL, found.port)


def _listed(text: str) -> Iterator[Mention]:
    """`host`, `host:port/path`, or several of them between commas, semicolons or spaces; options may follow."""
    found: list[Mention] = []
    for part in filter(None, _SEPARATORS.split(text)):
        part = _NUMBERED.sub("", part, count=1) if _NUMBERED.match(part) else part
        if "=" in part and found:
            continue
        head, _, path = part.partition("/")
        mention = authority(head)
        if mention is None or (path and mention.port is None):
            return
        found.append(mention)
    if not _WORDS.search(text) or all(mention.port is not None for mention in found):
        yield from found
