"""Whom a change of a file asks, by a CODEOWNERS file as GitHub and as GitLab read it.

GitHub (docs, "About code owners"): the last line that fits a path decides; `[`, `!` and an escaped `#` do not work, and
`#` after the owners begins a remark. GitLab (docs, "Syntax of CODEOWNERS file"): sections are judged one by one, each
by its last line that fits; `^[...]` is optional and asks nobody, and `!` takes a path out of its section.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

BEGIN = "# licet: who may consent for whom; written by `licet check --write-codeowners`"
END = "# licet: end"
_HEADER = "[Contracts]"

_WORD = re.compile(r"(?:\\.|[^\s\\])+")
_OWNER = re.compile(r"@[^\s@#]\S*|[^\s@#]+@[^\s@]+")
_SECTION = re.compile(r"(?P<optional>\^)?\[(?P<name>[^\]]*)\](?:\[\d+\])?(?P<owners>\s.*)?$")
_PATH = re.compile(r"(?:/[\w.-]+)+", re.ASCII)
_NEVER = re.compile(r"(?!)")
_NOT_ON_GITHUB = re.compile(r"[\[\]]|^!|^\\#")
_UNSAFE = frozenset("*?[]!#\\")


class Host(enum.Enum):
    """Whose reading of the file counts."""

    GITHUB = enum.auto()
    GITLAB = enum.auto()


class Rule(msgspec.Struct, frozen=True):
    """One line: whom it asks for the paths that fit; `excludes` where it takes them out instead.

    `fits` is text where it is one path, which `below` says to mean whatever is below it too.
    """

    fits: re.Pattern[str] | str
    owners: frozenset[str]
    excludes: bool = False
    below: bool = False


class _Section:
    """The lines of one section, those that are one path by that path: a file may have one for every contract."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)
        self._paths: dict[str, list[int]] = {}
        self._patterns: list[tuple[int, re.Pattern[str]]] = []
        for at, rule in enumerate(self._rules):
            if isinstance(rule.fits, str):
                self._paths.setdefault(rule.fits, []).append(at)
            else:
                self._patterns.append((at, rule.fits))

    def asked(self, path: str) -> frozenset[str]:
        """Whom the last line that fits asks; nobody where one that fits excludes."""
        asked: frozenset[str] = frozenset()
        for at in sorted(self._fitting(path)):
            if self._rules[at].excludes:
                return frozenset()
            asked = self._rules[at].owners
        return asked

    def _fitting(self, path: str) -> Iterator[int]:
        yield from (at for at, pattern in self._patterns if pattern.fullmatch(path))
        yield from self._paths.get(path, ())
        above = path.rpartition("/")[0]
        while above:
            yield from (at for at in self._paths.get(above, ()) if self._rules[at].below)
            above = above.rpartition("/")[0]


class CodeOwners:
    """A CODEOWNERS file. Where its name does not tell the host, what is asked has to be asked by either."""

    def __init__(self, file: str, text: str) -> None:
        self._readings = [[_Section(rules) for rules in _sections(text, host).values()] for host in hosts(file, text)]

    def asks(self, path: str, owner: str) -> bool:
        """Whether a change of the file at a path, from the top of the repository, asks this owner."""
        return all(any(owner.casefold() in section.asked(path) for section in sections) for sections in self._readings)


def hosts(file: str, text: str) -> tuple[Host, ...]:
    """Who may read a CODEOWNERS file of this name and text."""
    if file.startswith(".github/"):
        return (Host.GITHUB,)
    if file.startswith(".gitlab/") or any(_SECTION.match(line.strip()) for line in text.split("\n")):
        return (Host.GITLAB,)
    return (Host.GITHUB, Host.GITLAB)


def is_owner(handle: str) -> bool:
    """Whether it can be written as an owner."""
    return _OWNER.fullmatch(handle) is not None


def with_owners(file: str, text: str, owners: Mapping[str, Iterable[str]]) -> str:
    """The text with one line a path, in a block of its own at the end, where it decides; an older block is replaced."""
    lines = _without_block(text)
    asked: dict[str, set[str]] = {}
    for path, handles in owners.items():
        asked.setdefault(_pattern(path), set()).update(handles)
    # A pattern with `?` may fit others' paths, or folders that they stand in: what says more comes later and decides.
    rows = sorted(asked, key=lambda pattern: (pattern.count("/"), -pattern.count("?"), pattern))
    header = [_HEADER] if not file.startswith(".github/") and _is_gitlabs(lines) else []
    return "\n".join([*lines, BEGIN, *header, *(f"{row} {' '.join(sorted(asked[row]))}" for row in rows), END, ""])


def _without_block(text: str) -> list[str]:
    lines = text.splitlines()
    if BEGIN in lines:
        start = lines.index(BEGIN)
        end = lines.index(END, start) if END in lines[start:] else len(lines) - 1
        lines = lines[:start] + lines[end + 1 :]
    while lines and not lines[-1].strip():
        lines.pop()
    return [*lines, ""] if lines else []


def _pattern(path: str) -> str:
    """The path; what patterns cannot write alike on every host is `?`, any one character."""
    return "/" + "".join(
        "\\ " if character == " " else "?" if character in _UNSAFE or not character.isprintable() else character
        for character in path
    )


def _is_gitlabs(lines: Iterable[str]) -> bool:
    """Whether there are sections or exclusions; what a section has taken out, none of its lines brings back."""
    return any(_SECTION.match(line.strip()) or line.lstrip().startswith("!") for line in lines)


def _sections(text: str, host: Host) -> dict[str, list[Rule]]:
    """Rules by section, those of optional sections left out."""
    sections: dict[str, list[Rule]] = {}
    rules = sections.setdefault("", [])
    usual: frozenset[str] = frozenset()
    for line in (line.strip() for line in text.split("\n")):
        if not line or line.startswith("#"):
            continue
        header = _SECTION.match(line) if host is Host.GITLAB else None
        if header is None:
            rule = _github(line) if host is Host.GITHUB else _gitlab(line, usual)
            rules += [rule] if rule else []
            continue
        usual = _owners(_WORD.findall(header["owners"] or ""))
        rules = [] if header["optional"] else sections.setdefault(header["name"].strip().casefold(), [])
    return sections


def _github(line: str) -> Rule | None:
    pattern, *words = _WORD.findall(line) or [""]
    remark = next((at for at, word in enumerate(words) if word.startswith("#")), len(words))
    words = words[:remark]
    if _NOT_ON_GITHUB.search(pattern) or not all(map(_OWNER.fullmatch, words)):
        return None
    inner = pattern.strip("/")
    if not inner:
        return Rule(_NEVER, frozenset())
    if _PATH.fullmatch(pattern):
        return Rule(inner, _owners(words), below=True)
    anywhere = "" if "/" in pattern[:-1] else "(?:.*/)?"
    below = "/.*" if pattern.endswith("/") else "" if pattern.endswith("/*") else "(?:/.*)?"
    return Rule(re.compile(anywhere + _glob(inner) + below, re.DOTALL), _owners(words))


def _gitlab(line: str, usual: frozenset[str]) -> Rule | None:
    pattern, *words = _WORD.findall(line) or [""]
    excludes = pattern.startswith("!")
    pattern = pattern.removeprefix("!")
    if pattern == "*":
        return Rule(re.compile(".*", re.DOTALL), _owners(words) or usual, excludes)
    if _PATH.fullmatch(pattern):
        return Rule(pattern[1:], _owners(words) or usual, excludes)
    inner = pattern[1:] if pattern.startswith("/") else f"**/{pattern}"
    if inner.endswith("/"):
        inner += "**/*"
    try:
        return Rule(re.compile(_glob(inner), re.DOTALL), _owners(words) or usual, excludes)
    except re.error:
        return None


def _owners(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word.casefold() for word in words if _OWNER.fullmatch(word))


def _glob(pattern: str) -> str:
    """A pattern as a regular expression: `*` and `?` within one name, `**/` any folders, `[...]`, and escapes."""
    out: list[str] = []
    at = 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            at += 3
            if not out or out[-1] != "(?:.*/)?":
                out.append("(?:.*/)?")
            continue
        character = pattern[at]
        at += 1
        if character == "*":
            last = pattern.startswith("*", at) and at + 1 == len(pattern)
            at += pattern.startswith("*", at)
            out.append(".*" if last else "[^/]*")
        elif character == "?":
            out.append("[^/]")
        elif character == "\\" and at < len(pattern):
            out.append(re.escape(pattern[at]))
            at += 1
        elif character == "[" and (end := pattern.find("]", at + 1)) > 0:
            out.append(f"[{_class(pattern[at:end])}]")
            at = end + 1
        else:
            out.append(re.escape(character))
    return "".join(out)


def _class(inside: str) -> str:
    negated = inside[:1] in ("!", "^")
    return ("^/" if negated else "") + re.sub(r"([\\\[\]&~|^])", r"\\\1", inside[negated:])
