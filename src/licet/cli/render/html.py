"""The map as one self-contained page: it asks nothing of any network, and what it shows cannot run."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files

import msgspec

from licet.cli.render.matrix import matrix
from licet.cli.render.names import Names
from licet.diag.diagnostic import Diagnostic
from licet.diag.render.terminal import counted
from licet.diag.render.visible import visible
from licet.diag.report import span_of
from licet.model.edge import Edge, EndpointType, ReachMap

_INLINE = 200
"""Members of a folded group that the page holds as text; bigger groups are written out when opened."""
_WRITTEN = re.compile(r"`([^`]*)`")
_SLOT = re.compile(r"\{([a-z-]+)\}")


def render(answer: ReachMap, names: Names, findings: Sequence[Diagnostic]) -> Iterator[str]:
    """One HTML document."""
    page = files("licet.cli.render").joinpath("page")
    style, script, frame = (page.joinpath(f"page.{kind}").read_text("utf-8") for kind in ("css", "js", "html"))
    rows = _Rows(answer, names)
    slots: dict[str, Iterator[str]] = {
        "title": iter([f"Licet: who can reach whom ({escape(answer.profile)})"]),
        "style": iter([style]),
        "script": iter([script]),
        "style-hash": iter([_hash(style)]),
        "script-hash": iter([_hash(script)]),
        "facts": _facts(answer),
        "notes": _notes(answer, findings),
        "matrix": matrix(answer, names),
        "status": iter([escape(_status(answer))]),
        "rows": rows.bodies(),
        "names": iter([_json([visible(endpoint.id) for endpoint in answer.endpoints])]),
    }
    yield from _fill(frame, slots)


def _fill(frame: str, slots: Mapping[str, Iterator[str]]) -> Iterator[str]:
    last = 0
    for match in _SLOT.finditer(frame):
        yield frame[last : match.start()]
        yield from slots[match[1]]
        last = match.end()
    yield frame[last:]


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(value: object) -> str:
    """JSON in which nothing can end the element that holds it."""
    text = msgspec.json.encode(value).decode("utf-8", "replace")
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _facts(answer: ReachMap) -> Iterator[str]:
    workloads = [e for e in answer.endpoints if e.type is EndpointType.WORKLOAD]
    namespaces = {endpoint.key.namespace for endpoint in workloads if endpoint.key is not None}
    for number, noun in ((len(workloads), "workload"), (len(namespaces), "namespace"), (len(answer.edges), "edge")):
        figure, _, word = counted(number, noun).partition(" ")
        yield f"<li><b>{figure}</b> {word}</li>"
    if answer.undetermined:
        yield f'<li class="open"><b>{len(answer.undetermined):,}</b> undetermined</li>'
    yield f"<li>profile <b>{escape(answer.profile)}</b></li>"


def _status(answer: ReachMap) -> str:
    beside = f", {len(answer.undetermined):,} undetermined" if answer.undetermined else ""
    return counted(len(answer.edges), "edge") + beside


def _notes(answer: ReachMap, findings: Sequence[Diagnostic]) -> Iterator[str]:
    if answer.assumptions:
        yield '<section class="notes"><h2>Assumed</h2><ul>'
        yield from (f"<li>{_prose(text)}</li>" for text in answer.assumptions)
        yield "</ul></section>"
    if findings:
        yield f'<section class="notes"><h2>{escape(counted(len(findings), "finding"))}</h2><ul>'
        yield from map(_finding, findings)
        yield "</ul></section>"


def _finding(finding: Diagnostic) -> str:
    span = span_of(finding)
    place = f" at {visible(span.source)}:{span.line}:{span.column}" if span else ""
    word, said = finding.severity.word, _prose(finding.message)
    return f'<li><b class="{word}">{word}[{escape(finding.code)}]</b>{escape(place)}: {said}</li>'


def _prose(text: str) -> str:
    """A sentence; what stands in backticks is what the user wrote."""
    return _WRITTEN.sub(r"<code>\1</code>", escape(visible(text)))


class _Rows:
    """The table's body: edges by the namespace that they come from."""

    def __init__(self, answer: ReachMap, names: Names) -> None:
        self._answer = answer
        self._names = names
        self._number = {endpoint.id: number for number, endpoint in enumerate(answer.endpoints)}

    def bodies(self) -> Iterator[str]:
        """A `tbody` a group, in the order of the map."""
        groups: dict[str, list[Edge]] = {}
        for edge in (*self._answer.edges, *self._answer.undetermined):
            groups.setdefault(self._heading(edge), []).append(edge)
        if not groups:
            yield '<tbody><tr><td class="none" colspan="3">Nothing can reach anything.</td></tr></tbody>'
        for heading, edges in groups.items():
            yield f'<tbody><tr><th scope="rowgroup" colspan="3">{escape(heading)}</th></tr>\n'
            yield from (self._row(edge) for edge in edges)
            yield "</tbody>\n"

    def _heading(self, edge: Edge) -> str:
        places = {self._names.place(id) for id in edge.src}
        if len(places) > 1:
            return "From several namespaces"
        place = places.pop() if places else ""
        return f"From {place}" if place else "From outside"

    def _row(self, edge: Edge) -> str:
        src, dst = self._runs(edge.src), self._runs(edge.dst)
        ports = "".join(f'<span class="port">{escape(part)}</span>' for part in str(edge.ports).split(", "))
        if edge.assumptions:
            ports += f'<span class="if">if {_prose("; ".join(edge.assumptions))}</span>'
        kind = ' class="undetermined"' if edge.assumptions else ""
        cells = f"<td>{self._side(edge.src, src)}</td><td>{self._side(edge.dst, dst)}</td><td>{ports}</td>"
        return f'<tr{kind} data-s="{src}" data-d="{dst}">{cells}</tr>\n'

    def _runs(self, ids: Sequence[str]) -> str:
        """The endpoints' numbers as runs, such as `0 3 5-9`."""
        out: list[list[int]] = []
        for number in sorted(self._number[id] for id in ids):
            if out and out[-1][1] == number - 1:
                out[-1][1] = number
            else:
                out.append([number, number])
        return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in out)

    def _side(self, ids: Sequence[str], runs: str) -> str:
        labels = self._names.fold(ids)
        if len(labels) == len(ids):
            return f'<span class="list">{"".join(map(self._name, ids))}</span>'
        if len(ids) > _INLINE:
            inside = f'<ul data-m="{runs}"></ul>'
        else:
            inside = f"<ul>{''.join(f'<li>{self._name(id)}</li>' for id in ids)}</ul>"
        return f"<details><summary>{escape(', '.join(labels))}</summary>{inside}</details>"

    def _name(self, id: str) -> str:
        label, place = self._names.short(id), self._names.place(id)
        rest = label.removeprefix(f"{place}/") if place else label
        before = f'<span class="place">{escape(place)}/</span>' if rest != label else ""
        target = f'data-n="{self._number[id]}" title="{escape(visible(id))}"'
        return f'<button type="button" class="name" {target}>{before}{escape(rest)}</button>'
