"""The page and the drawings: what a name may do to them, which is nothing."""

import base64
import hashlib
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from licet.cli.render import csv, dot, html, mermaid
from licet.cli.render.names import Names
from licet.diag.diagnostic import Diagnostic, Severity
from licet.model.edge import Edge, Endpoint, EndpointType, ReachMap
from licet.model.key import Key
from licet.model.ports import ALL_PORTS, PortRange, PortSet, Protocol
from tests.diag.reports import HOSTILE

_HTTP = PortSet.of(PortRange(Protocol.TCP, 8080, 8080))


def _map(namespace: str = "shop", name: str = "web", many: int = 0, assumption: str = "a label is set") -> ReachMap:
    keys = [Key("", "apps", "Deployment", namespace, name), Key("", "apps", "Deployment", "shop", "cart")]
    keys += [Key("", "apps", "Deployment", "bulk", f"w{number}") for number in range(many)]
    ids = [str(key) for key in keys]
    endpoints = [Endpoint(id, EndpointType.WORKLOAD, key) for id, key in zip(ids, keys, strict=True)]
    endpoints += [
        Endpoint("{ingress-controller}", EndpointType.INGRESS),
        Endpoint("1.2.3.4-1.2.3.9", EndpointType.ADDRESSES),
    ]
    edges = [Edge((ids[0],), (ids[1],), _HTTP), Edge(("{ingress-controller}",), (ids[0],), _HTTP)]
    if many:
        edges.append(Edge(tuple(ids[2:]), tuple(ids[2:]), ALL_PORTS))
    open_ = [Edge((ids[1],), ("1.2.3.4-1.2.3.9",), ALL_PORTS, (assumption,))]
    return ReachMap("kubernetes", tuple(endpoints), tuple(edges), tuple(open_), (assumption,))


class _Page(HTMLParser):
    """Collects a page's elements and the texts of its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data: str) -> None:
        if self._open in self.texts:
            self.texts[self._open].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == self._open:
            self._open = ""


def _page(answer: ReachMap, *findings: Diagnostic) -> str:
    return "".join(html.render(answer, Names(answer.endpoints), findings))


def test_the_page_allows_its_own_script_and_style_and_nothing_else() -> None:
    page = _Page(_page(_map()))
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    names, script = page.texts["script"]
    for kind, text in (("script", script), ("style", page.texts["style"][0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert names.startswith('["shop/web[Deployment]"')


def test_the_page_asks_nothing_of_any_network() -> None:
    text = _page(_map(many=5))
    page = _Page(text)
    for tag, attrs in page.tags:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base"}
        assert not {"src", "srcset", "action", "style", "background"} & set(attrs)
        assert not [name for name in attrs if name.startswith("on")]
        assert (attrs.get("href") or "#").startswith("#")
    assert not re.search(r"url\(|@import|https?:", text)


@pytest.mark.parametrize("hostile", [HOSTILE, "</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_names_cannot_become_elements(hostile: str) -> None:
    finding = Diagnostic("L0100", Severity.ERROR, hostile, help=hostile)
    tame, wild = _Page(_page(_map(), finding)), _Page(_page(_map(hostile, hostile, assumption=hostile), finding))
    assert {tag for tag, _ in wild.tags} - {"code"} == {tag for tag, _ in tame.tags} - {"code"}
    assert len(wild.texts["script"]) == 2
    assert wild.texts["script"][1] == tame.texts["script"][1]
    assert "<" not in wild.texts["script"][0]


def test_small_maps_are_drawn_as_a_square_and_large_ones_listed_only() -> None:
    small, large = _page(_map(many=20)), _page(_map(many=70))
    assert 'role="grid"' in small
    assert 'aria-label="shop/web → shop/cart: allowed on TCP 8080"' in small
    assert 'role="grid"' not in large
    assert "all 72 workloads but shop/web and shop/cart" in large


def test_a_very_large_group_is_written_when_it_is_opened() -> None:
    page = _page(_map(many=400))
    assert page.count('<ul data-m="2-401"></ul>') == 2
    assert "bulk/w399[Deployment]" in page


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
@pytest.mark.parametrize("name", ["web", HOSTILE, '"\\', "<b>&amp;</b>"])
def test_graphviz_reads_the_drawing(name: str) -> None:
    answer = _map(name, name, many=9)
    text = "".join(dot.render(answer, Names(answer.endpoints)))
    ran = subprocess.run(["dot", "-Tcanon"], input=text, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_dot_groups_namespaces_and_dashes_what_is_open() -> None:
    answer = _map()
    text = "".join(dot.render(answer, Names(answer.endpoints)))
    assert 'subgraph cluster_0 {\n    label="shop"\n    n0 [label="web"' in text
    assert 'n0 -> n1 [label="TCP 8080"]' in text
    assert 'n1 -> n3 [label="all ports", style=dashed]' in text


def test_big_groups_meet_in_a_junction_instead_of_in_a_thicket() -> None:
    answer = _map(many=30)
    text = "".join(dot.render(answer, Names(answer.endpoints)))
    assert text.count(" -> ") == 2 + 1 + 60


def test_mermaid_leaves_a_name_no_character_that_it_could_read() -> None:
    answer = _map(HOSTILE, HOSTILE)
    lines = "".join(mermaid.render(answer, Names(answer.endpoints))).splitlines()
    assert lines[0] == "flowchart LR"
    for label in re.findall(r'"([^"]*)"', "\n".join(lines)):
        assert re.fullmatch(r"(?:[A-Za-z0-9 ./:,_\-\u00a1-\U0010ffff]|#\d+;)*", label)
    assert '  n0 -->|"TCP 8080"| n1' in lines
    assert '  n1 -.->|"all ports"| n3' in lines


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "-2", "+3"])
def test_a_spreadsheet_takes_no_name_for_a_formula(name: str) -> None:
    text = "".join(csv.render(_map(name, "x")))
    assert f",'{name}/x[Deployment]," in text
