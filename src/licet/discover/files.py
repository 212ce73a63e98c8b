"""Hosts that a configuration file names, whatever its language: keys with values, directives, and plain URLs."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from licet.discover.mention import Form, authority, mentions, urls
from licet.discover.pods import Told
from licet.discover.variables import shown
from licet.discover.weigh import Nearness, Reading
from licet.discover.wording import Sense, sense
from licet.model.ports import port_number

_COMMENT = re.compile(r"^\s*(?:#|//|;|<!--|\*|--\s).*|\s#(?:\s|$).*")
_PAIR = re.compile(r"""^\s*(?:-\s+)?(?P<key>[A-Za-z_][\w.\-/]*|"[^"]+"|'[^']+')\s*(?:=>|[:=])\s*(?P<value>\S.*)$""")
_INNER = re.compile(
    r"""(?P<key>[A-Za-z_][\w.\-]*|"[^"]+"|'[^']+')\s*[:=]\s*(?P<value>"[^"]*"|'[^']*'|[^\s,{}\[\]"']+)"""
)
_DIRECTIVE = re.compile(r"^\s*(?P<key>[A-Za-z_][\w-]*)\s+(?P<value>[^\s{};]+)(?P<rest>[^{]*)$")
_OPENED = re.compile(r"""^\s*(?:-\s+)?["']?(?P<key>[A-Za-z_][\w.\-]*)["']?\s*[:=]?\s*[\[{|>]?[-+]?\s*$""")
_UPSTREAM = re.compile(r"^\s*(?:upstream|backend)\s+(?P<name>[\w.-]+)\s*\{?", re.MULTILINE)
_PASSES = frozenset({"proxy_pass", "grpc_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "memcached_pass"})
_TOKENS = re.compile(r"""[\s"'`,;()\[\]{}=<>|]+""")
_DASHBOARD = ('"panels"', '"schemaVersion"')
"""What dashboards of Grafana hold, whose links are for people."""
_HOST_ENDING = re.compile(r"(?i)(?:hostname|host|address|addr|server)$")
_NEAR = 3
_MOST_PORTS = 64
_LONGEST_LINE = 20_000


class Line(msgspec.Struct, frozen=True):
    """One line without its comment, the pairs of key and value in it, and how far it is set in."""

    number: int
    text: str
    pairs: tuple[tuple[str, str], ...]
    indent: int


def readings(name: str, told: Told) -> Iterator[Reading]:
    """The hosts in the text of one file."""
    if all(word in told.text for word in _DASHBOARD):
        return
    lines = [_line(number, text) for number, text in enumerate(told.text.split("\n"))]
    ports = _ports(lines)
    groups = {match["name"].lower() for match in _UPSTREAM.finditer(told.text)}
    above: list[tuple[int, Sense]] = []
    single = len(lines) == 1
    for line in lines:
        if not line.text.strip():
            continue
        while above and above[-1][0] >= line.indent and not line.text.lstrip().startswith(("-", "]", "}")):
            above.pop()
        for reading in _readings(line, above[-1][1] if above else Sense.SILENT, ports, told):
            if reading.mention.host not in groups or reading.mention.form is Form.PAIR:
                text = f"{name}: {reading.text}"
                yield msgspec.structs.replace(reading, text=text, below=None if single else line.number)
        if (opened := _OPENED.match(line.text)) is not None:
            above.append((line.indent, sense(opened["key"])))


def _line(number: int, text: str) -> Line:
    text = _COMMENT.sub("", text[:_LONGEST_LINE])
    pairs: list[tuple[str, str]] = []
    match = _PAIR.match(text)
    if match is not None and not match["value"].startswith(("{", "[")):
        pairs.append((match["key"].strip("\"'"), match["value"].rstrip(" \t\r,;").strip("\"'")))
    elif match is not None and match["value"].startswith("[") and "{" not in text:
        pairs += [(match["key"].strip("\"'"), item) for item in _TOKENS.split(match["value"]) if item]
    elif "{" in text or "[" in text:
        pairs += [(m["key"].strip("\"'"), m["value"].strip("\"'")) for m in _INNER.finditer(text) if m["value"] != ":"]
    elif (directive := _DIRECTIVE.match(text)) is not None:
        key = directive["key"]
        if key in _PASSES or key in ("server", "port") or sense(key) >= Sense.ADDRESS:
            pairs.append((key, directive["value"]))
        elif key in ("replicaof", "slaveof"):
            pairs.append(("host", f"{directive['value']}:{directive['rest'].strip()}"))
    return Line(number, text, tuple(pairs), len(text) - len(text.lstrip()))


def _readings(
    line: Line, inherited: Sense, ports: Mapping[str, list[tuple[Line, int]]], told: Told
) -> Iterator[Reading]:
    met: set[str] = set()
    for key, value in line.pairs:
        meaning = Sense.ADDRESS if key in _PASSES else sense(key)
        if meaning is Sense.NEVER:
            met.update(mention.host for mention in (*mentions(value), *urls(value)))
            continue
        for mention in mentions(value):
            met.add(mention.host)
            beside = _port_beside(key, line, ports) if mention.form is Form.BARE else None
            text = shown(key, mention)
            if beside is not None:
                mention = msgspec.structs.replace(mention, port=beside)
                text = f"{text}, port {beside}"
            yield Reading(mention, meaning, told.place, text, nearness=Nearness.FILE)
    if inherited is Sense.NEVER:
        return
    for mention in urls(line.text):
        if mention.host not in met:
            met.add(mention.host)
            yield Reading(mention, inherited, told.place, str(mention), nearness=Nearness.TEXT)
    for token in _TOKENS.split(line.text):
        found = authority(token.partition("/")[0]) if "://" not in token else None
        if found is not None and found.form is Form.PAIR and found.host not in met:
            met.add(found.host)
            yield Reading(found, inherited, told.place, str(found), nearness=Nearness.TEXT)


def _ports(lines: Iterable[Line]) -> dict[str, list[tuple[Line, int]]]:
    """The ports of a file by their keys in lower case, with the line of each."""
    found: dict[str, list[tuple[Line, int]]] = {}
    for line in lines:
        for key, value in line.pairs:
            if (number := port_number(value)) is not None:
                found.setdefault(key.lower(), []).append((line, number))
    return found


def _port_beside(key: str, line: Line, ports: Mapping[str, list[tuple[Line, int]]]) -> int | None:
    """The port whose key belongs to a host's: `db.port` to `db.host`, and a plain `port` where it stands close by."""
    front = _HOST_ENDING.sub("", key).lower()
    own = bool(front.strip("._-"))
    near = [
        (abs(other.number - line.number), port)
        for name in (f"{front}port", f"{front}port_value")
        for other, port in (ports.get(name, [])[:_MOST_PORTS] if own else _around(ports.get(name, []), line))
    ]
    return min(near)[1] if near else None


def _around(ports: list[tuple[Line, int]], line: Line) -> list[tuple[Line, int]]:
    """Those a few lines away, of the same depth unless they are next to it."""
    first = bisect_left(ports, line.number - _NEAR, key=lambda port: port[0].number)
    last = bisect_right(ports, line.number + _NEAR, key=lambda port: port[0].number)
    return [
        (other, port)
        for other, port in ports[first:last]
        if other.indent == line.indent or abs(other.number - line.number) <= 1
    ]
