"""Hosts that commands and arguments name: flags, URLs, and the words of a shell."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

import msgspec

from licet.diag.place import Place
from licet.discover.mention import Form, Mention, authority, mentions
from licet.discover.variables import Variables, shown
from licet.discover.weigh import Reading
from licet.discover.wording import Sense, sense

_WORD = re.compile(r"""(?:[^\s"';|&<>`]|"[^"]*"|'[^']*')+""")
_COMMAND = re.compile(r"""(?:[^;|&"']|"[^"]*"|'[^']*')+""")
_FLAG = re.compile(r"-{1,2}(?P<name>[A-Za-z][\w.-]*)(?:=(?P<value>.*))?", re.DOTALL)
_ASSIGNED = re.compile(r"(?P<name>[A-Za-z_][\w.]*)=(?P<value>.*)", re.DOTALL)
_DEVICE = re.compile(r"/dev/(?:tcp|udp)/(?P<host>[^/\s]+)/(?P<port>\d+)")
_CONNECT = frozenset({"nc", "ncat", "netcat", "telnet", "tcping"})
_LOOK_UP = frozenset({"nslookup", "dig", "host", "getent", "ping", "ping6"})
_FETCH = frozenset(
    {"curl", "wget", "grpcurl", "grpc_health_probe", "wait-for-it", "wait-for-it.sh", "wait-for", "wait4x"}
)
_CLIENTS = frozenset(
    [
        "psql",
        "pg_isready",
        "pg_dump",
        "mysql",
        "mysqladmin",
        "mysqldump",
        "mariadb",
        "redis-cli",
        "mongo",
        "mongosh",
        "clickhouse-client",
        "vault",
    ]
)
_CLIENT_PORTS = frozenset({"p", "P", "port"})
_PRINT = frozenset({"echo", "printf"})
_OPENING = frozenset({"do", "then", "else", "if", "while", "until", "!", "exec", "time", "{"})
_DEEPEST = 4
_LONGEST = 32_768
"""How much of one argument is read: beyond that it is data."""


class Word(msgspec.Struct, frozen=True):
    """One word of a command, and where it stands."""

    text: str
    place: Place
    below: int | None = None


def readings(words: Sequence[Word], known: Variables) -> Iterator[Reading]:
    """The hosts in a list of arguments, each of which may be a script of its own."""
    expanded = [msgspec.structs.replace(word, text=known.expand(word.text)) for word in words]
    yield from _arguments(expanded, known, 0)


def script(lines: Sequence[Word], known: Variables) -> Iterator[Reading]:
    """The hosts in lines of a shell script."""
    for line in lines:
        yield from _script(line, known, 0)


def _script(text: Word, known: Variables, depth: int) -> Iterator[Reading]:
    """A script's words, line by line and command by command."""
    for at, line in enumerate(text.text.split("\n")):
        line = known.expand(re.sub(r"(^|\s)#.*", "", line), shell=True)
        below = text.below if "\n" not in text.text else (text.below or 0) + at
        for match in _DEVICE.finditer(line):
            mention = authority(f"{match['host']}:{match['port']}")
            if mention is not None:
                yield Reading(mention, Sense.ADDRESS, text.place, match[0], below)
        for command in _COMMAND.findall(line):
            words = [Word(_unquoted(word), text.place, below) for word in _WORD.findall(command)]
            words = [word for word in words if word.text]
            while words and words[0].text in _OPENING:
                words = words[1:]
            if words and words[0].text not in _PRINT:
                yield from _arguments(words, known, depth + 1)


def _unquoted(word: str) -> str:
    word = word.strip("()") if word.count("(") != word.count(")") or word.startswith("(") else word
    return word.replace('"', "") if word.count('"') == 2 else word.strip("\"'")


def _arguments(words: Sequence[Word], known: Variables, depth: int) -> Iterator[Reading]:
    program = ""
    taken: set[int] = set()
    for at, word in enumerate(words):
        if at in taken:
            continue
        name = word.text.rpartition("/")[2]
        if name in _CONNECT | _LOOK_UP | _FETCH | _CLIENTS and not word.text.startswith("-"):
            program = name
            if (pair := _operands(words, at)) is not None:
                taken.update(pair[1])
                yield pair[0]
            continue
        flag = _FLAG.fullmatch(word.text)
        if flag is not None:
            value, after = flag["value"], words[at + 1] if at + 1 < len(words) else None
            if value is None and after is not None and not after.text.startswith("-"):
                value = after.text
                taken.add(at + 1)
            if value is not None:
                yield from _flag(word, flag["name"], value, program, words, known, depth)
            continue
        assigned = _ASSIGNED.fullmatch(word.text)
        if assigned is not None and not mentions(word.text):
            yield from _value(word, assigned["name"], assigned["value"], sense(assigned["name"]), known, depth)
        else:
            likely = Sense.ADDRESS if program in _FETCH and "." not in word.text.partition(":")[0] else Sense.SILENT
            yield from _value(word, "", word.text, likely, known, depth)


def _flag(
    word: Word, name: str, value: str, program: str, words: Sequence[Word], known: Variables, depth: int
) -> Iterator[Reading]:
    meaning = sense(name)
    if program in _CLIENTS and name in ("h", "host"):
        port = _client_port(words)
        mention = authority(value if port is None else f"{value}:{port}")
        if mention is not None:
            beside = f" -p {port}" if port is not None else ""
            yield Reading(mention, Sense.HOST, word.place, f"{program} -h {mention.host}{beside}", word.below)
        return
    yield from _value(word, f"--{name}" if word.text.startswith("--") else f"-{name}", value, meaning, known, depth)


def _client_port(words: Sequence[Word]) -> str | None:
    for at, word in enumerate(words):
        flag = _FLAG.fullmatch(word.text)
        if flag is not None and flag["name"] in _CLIENT_PORTS:
            value = flag["value"] or (words[at + 1].text if at + 1 < len(words) else "")
            return value if value.isdigit() else None
    return None


def _value(word: Word, name: str, value: str, meaning: Sense, known: Variables, depth: int) -> Iterator[Reading]:
    value = value[:_LONGEST].strip("\"'")
    if meaning is Sense.NEVER or (value.startswith("/") and not value.startswith("/dev/")):
        return
    found = mentions(value)
    if len(value.split()) > 1 and not (found and found[0].form is Form.URL and "://" not in value):
        if depth < _DEEPEST:
            yield from _script(Word(value, word.place, word.below), known, depth)
        return
    for mention in found:
        if name or mention.form is not Form.BARE or ".svc" in mention.host:
            yield Reading(mention, meaning, word.place, shown(name, mention), word.below)


def _operands(words: Sequence[Word], at: int) -> tuple[Reading, set[int]] | None:
    """`nc -z host port` and `nslookup host`: the operands of programs that take a host."""
    program = words[at].text.rpartition("/")[2]
    operands = [n for n in range(at + 1, len(words)) if not words[n].text.startswith("-")]
    if program in _CONNECT:
        for first, second in itertools.pairwise(operands):
            host, port = words[first].text, words[second].text
            mention: Mention | None = authority(f"{host}:{port}") if port.isdigit() else None
            if mention is not None and not host.isdigit():
                word = words[first]
                text = f"{program} {mention.host} {mention.port}"
                return Reading(mention, Sense.ADDRESS, word.place, text, word.below), {first, second}
    if program in _LOOK_UP and operands:
        chosen = operands[1] if program == "getent" and len(operands) > 1 else operands[0]
        mention = authority(words[chosen].text)
        if mention is not None:
            word = words[chosen]
            return Reading(mention, Sense.WEAK, word.place, f"{program} {mention.host}", word.below), {chosen}
    return None
