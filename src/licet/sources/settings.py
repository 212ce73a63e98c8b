"""The settings of the tool itself: `licet.toml`, or `[tool.licet]` of a `pyproject.toml`."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from licet.diag.diagnostic import Severity
from licet.manifest.decode import PodTemplateKind
from licet.sources import limits, names
from licet.sources.errors import SourceError

_OWN: Final = "licet.toml"
_PROJECT: Final = "pyproject.toml"


class Settings(msgspec.Struct, frozen=True):
    """What the user has settled for a project; None and empty where nothing is said.

    `file` is where it is said, as shown to people. `root` is the folder that `exclude` counts from; `platform` is a
    path from the current folder. `owners` are the handles of contracts' owners in CODEOWNERS.
    """

    file: str = ""
    root: str = "."
    namespace: str | None = None
    enforcer: str | None = None
    templates: tuple[PodTemplateKind, ...] = ()
    fail_on: Severity | None = None
    exclude: tuple[str, ...] = ()
    platform: str | None = None
    owners: Mapping[str, str] = {}


def settings(file: str | None = None) -> Settings:
    """The settings in a file, or in the nearest one from the current folder up to the top of the git repository.

    In a folder with both files `licet.toml` wins; a `pyproject.toml` without `[tool.licet]` is passed by. Raises
    `SourceError`, with file and line, for what is not TOML, an unknown key or a value of the wrong form.
    """
    folder = names.current()
    if file is not None:
        return _read(file, named=True) or Settings(file=names.shown(file), root=os.path.dirname(file) or ".")
    while True:
        for name in (_OWN, _PROJECT):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and (found := _read(path, named=False)):
                return found
        above = os.path.dirname(folder)
        if above == folder or os.path.exists(os.path.join(folder, ".git")):
            return Settings()
        folder = above


def _read(path: str, *, named: bool) -> Settings | None:
    shown = names.shown(path)
    try:
        with open(path, "rb") as stream:
            data = stream.read(limits.INPUT + 1)
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise SourceError(f"the settings `{shown}` cannot be read: {reason}", "name a file with `--config`") from error
    if len(data) > limits.INPUT:
        raise SourceError(f"the settings `{shown}` are too large", f"keep them below {limits.size(limits.INPUT)}")
    try:
        text = data.decode("utf-8")
        document = tomllib.loads(text)
    except ValueError as error:  # not UTF-8, not TOML, or a number of thousands of digits
        if os.path.basename(path) == _PROJECT and not named:
            return None
        raise SourceError(f"{shown}: not TOML: {_lower(str(error))}", "see `licet --help` for the settings") from error
    table: Any = document
    if os.path.basename(path) == _PROJECT:
        tool = document.get("tool")
        table = tool.get("licet") if isinstance(tool, dict) else None
        if table is None:
            return None
    if not isinstance(table, dict):
        raise SourceError(f"{shown}: `tool.licet` has to be a table", "write `[tool.licet]`")
    return _Reader(shown, text).settings(table, os.path.dirname(path) or ".")


class _Reader:
    """Checks a table key by key; every complaint names the line that the key stands in, where it is found."""

    def __init__(self, shown: str, text: str) -> None:
        self._shown, self._lines = shown, text.splitlines()

    def settings(self, table: Mapping[str, Any], root: str) -> Settings:
        kinds: dict[str, Callable[[str, Any], Any]] = {
            "namespace": self._word,
            "enforcer": self._word,
            "templates": self._templates,
            "fail-on": self._severity,
            "exclude": self._words,
            "owners": self._owners,
            "platform": lambda key, value: os.path.normpath(os.path.join(root, self._word(key, value))),
        }
        values = {}
        for key, value in table.items():
            if key not in kinds:
                raise self._unknown(key, list(kinds))
            values[key.replace("-", "_")] = kinds[key](key, value)
        return Settings(file=self._shown, root=root, **values)

    def _word(self, key: str, value: Any) -> str:
        if not isinstance(value, str) or not value:
            raise self._wrong(key, "a string", f'{key} = "..."')
        return value

    def _words(self, key: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(word, str) and word for word in value):
            raise self._wrong(key, "a list of strings", f'{key} = ["..."]')
        return tuple(value)

    def _owners(self, key: str, value: Any) -> dict[str, str]:
        if not isinstance(value, dict) or not all(isinstance(handle, str) and handle for handle in value.values()):
            raise self._wrong(key, "a table of handles", 'owners = {team-web = "@example/web"}')
        return dict(value)

    def _severity(self, key: str, value: Any) -> Severity:
        for severity in Severity:
            if value == severity.word:
                return severity
        words = ", ".join(f"`{severity.word}`" for severity in Severity)
        raise self._wrong(key, f"one of {words}", f'{key} = "warning"')

    def _templates(self, key: str, value: Any) -> tuple[PodTemplateKind, ...]:
        example = 'templates = [{group = "example.com", kind = "Runner", path = "spec.template"}]'
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self._wrong(key, "a list of tables", example)
        return tuple(self._template(entry, example) for entry in value)

    def _template(self, entry: Mapping[str, Any], example: str) -> PodTemplateKind:
        keys = ["group", "kind", "path"]
        for key in entry:
            if key not in keys:
                raise self._unknown(key, keys)
        entry = {"path": "spec.template", **entry}
        for key in keys:
            if not isinstance(entry.get(key), str) or (key != "group" and not entry[key]):
                raise self._wrong(f"templates.{key}", "a string", example)
        path = tuple(entry["path"].removeprefix(".").split("."))
        if not all(path):
            raise self._wrong("templates.path", "names joined by dots", example)
        return PodTemplateKind(entry["group"], entry["kind"], path)

    def _unknown(self, key: str, known: list[str]) -> SourceError:
        close = difflib.get_close_matches(key.replace("_", "-"), known, n=1)
        advice = f"did you mean `{close[0]}`?" if close else "known are " + ", ".join(f"`{name}`" for name in known)
        return SourceError(f"{self._at(key)}: unknown setting `{names.printable(key)}`", advice)

    def _wrong(self, key: str, form: str, example: str) -> SourceError:
        return SourceError(f"{self._at(key.rpartition('.')[2])}: `{key}` has to be {form}", f"write `{example}`")

    def _at(self, key: str) -> str:
        """The file, and the line of the first mention of a key where there is one: TOML's reader keeps no lines."""
        mention = re.compile(rf"""^[^#]*(?<![\w-])["']?{re.escape(key)}["']?\s*[=\]}}.]""")
        for number, line in enumerate(self._lines, 1):
            if mention.match(line):
                return f"{self._shown}:{number}"
        return self._shown


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
