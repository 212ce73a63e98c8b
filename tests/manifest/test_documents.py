"""From texts to documents and findings, through every way there is."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Origin, Path, Place, Span
from licet.diag.text import Text
from licet.manifest.bounds import BYTES
from licet.manifest.documents import Document, read
from licet.manifest.locate import locate


def values(data: bytes) -> list[dict[str, Any]]:
    documents, diagnostics = read([Text("m", data)])
    assert not diagnostics
    return [document.value for document in documents]


def findings(data: bytes) -> list[tuple[str, int | None]]:
    """The codes and lines of what is found."""
    return [(finding.code, shown(data, finding)) for finding in read([Text("m", data)])[1]]


def shown(data: bytes, finding: Diagnostic) -> int | None:
    where = finding.where
    assert finding.help
    assert not finding.message.endswith(".")
    assert not finding.message[0].isupper()
    if isinstance(where, Place):
        where = locate(Text("m", data), where)
    return None if where is None else where.line


def test_documents_know_where_they_are() -> None:
    data = b"# c\n---\nkind: A\napiVersion: v1\n---\n---\nkind: B\napiVersion: v2\n"
    documents, diagnostics = read([Text("m", data), Text("n", b'{"kind": "C", "apiVersion": "v3"}\n')])
    assert diagnostics == []
    assert documents == [
        Document(Origin("m", 8, 23), {"kind": "A", "apiVersion": "v1"}),
        Document(Origin("m", 35, 27), {"kind": "B", "apiVersion": "v2"}),
        Document(Origin("n", 0, 33), {"kind": "C", "apiVersion": "v3"}),
    ]
    assert data[35 : 35 + 27] == b"---\nkind: B\napiVersion: v2\n"


@pytest.mark.parametrize("data", [b"", b"\n", b"---\n", b"# c\n", b"---\n# c\n---\n---\nnull\n", b"~\n", b"\r\n"])
def test_empty_documents_are_silent(data: bytes) -> None:
    assert values(data) == []


def test_lists_become_their_items() -> None:
    data = b"""\
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Pod, metadata: {name: a}}
- apiVersion: v1
  kind: ServiceList
  items:
  - metadata: {name: b}
  - {apiVersion: v1, kind: Service, metadata: {name: c}}
- {apiVersion: v1, kind: List}
- {apiVersion: v1, kind: List, items: null}
"""
    documents, diagnostics = read([Text("m", data)])
    assert diagnostics == []
    assert [(document.value, document.origin.path) for document in documents] == [
        ({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}, ("items", 0)),
        ({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "b"}}, ("items", 1, "items", 0)),
        ({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "c"}}, ("items", 1, "items", 1)),
    ]
    assert {(document.origin.offset, document.origin.length) for document in documents} == {(0, len(data))}


def test_items_without_a_kind_take_it_from_a_typed_list_only() -> None:
    assert findings(b"apiVersion: v1\nkind: List\nitems:\n- metadata: {name: a}\n") == [("L0059", 4)]
    data = b"apiVersion: v1\nkind: PodList\nitems:\n- kind: Pod\n- 3\n- null\n"
    assert findings(data) == [("L0060", 4), ("L0067", 5), ("L0067", 6)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a: [\n", [("L0050", 1)]),
        (b"\n\nfoo: bar: baz\n", [("L0050", 3)]),
        (b"a: &x [*x]\n", [("L0056", 1)]),
        (b"- a\n", [("L0058", 1)]),
        (b"# c\n\nfoo\n", [("L0058", 3)]),
        (b"a: 1\n", [("L0059", 1)]),
        (b"metadata: {}\nkind: A\n", [("L0060", 1)]),
        (b"metadata: {}\nkind: A\napiVersion: 1\n", [("L0060", 3)]),
        (b"apiVersion: v1\nkind: yes\n", [("L0060", 2)]),
        (b"apiVersion: v1\nkind: A\n...\n# c\nmore\n", [("L0061", 5)]),
        (b"apiVersion: v1\nkind: A\n--- # c\n--- more\nkind: [\n", [("L0062", 4)]),
        (b"apiVersion: v1\nkind: A\nitems: {}\n", [("L0067", 3)]),
        (b"a: \xff\n", [("L0065", 1)]),
        (b"kind: A\r\napiVersion: v1\r\na: 1\r\na: 2\r\n", [("L0057", 4)]),
        (b"a: 1\n---\nkind: A\napiVersion: v1\nx: {a: 1,\n  a: 2}\n", [("L0059", 1), ("L0057", 6)]),
        (b'{"kind": "A", "apiVersion": "v1",\n "a": 1,\n\t"a": 2}', [("L0057", 3)]),
        (b'{"kind": "A", "apiVersion": "v1", "a": 1e999}', [("L0068", 1)]),
        (b'{"kind": "A", "apiVersion": "v1"}{"a": 1}\n{"a": ]}\n', [("L0059", 1), ("L0066", 2)]),
        (b"[" * 600, [("L0053", 1)]),
        (b'{"a": ' * 600 + b"1" + b"}" * 600, [("L0053", 1)]),
        ("a: 1\n".encode("utf-16"), [("L0064", 1)]),
        ("\ufeffa: 1\n".encode("utf-16-be"), [("L0064", 1)]),
        (b"\x7fELF\x02\x00\x00---\n---\n" * 99, [("L0063", 1)]),
    ],
)
def test_findings(data: bytes, expected: list[tuple[str, int]]) -> None:
    assert findings(data) == expected


def test_a_finding_says_what_is_wrong_where_and_what_to_do() -> None:
    _, diagnostics = read([Text("m", b"kind: A\napiVersion: v1\nspec:\n  a: 1\n  b: 2\n  a: 3\n")])
    assert diagnostics == [
        Diagnostic(
            "L0057",
            Severity.WARNING,
            "`a` stands twice in one mapping, and only the last one counts",
            Span("m", 6, 3, 6, 4),
            label="this one counts",
            help="remove the one that is not meant",
            notes=("the first one is in line 4",),
        )
    ]
    _, diagnostics = read([Text("m", b"---\nkind: A\nspec:\n  a: 1\n b: 2\n")])
    assert diagnostics == [
        Diagnostic(
            "L0050",
            Severity.ERROR,
            "this is not valid YAML: did not find expected key",
            Span("m", 5, 2, 5, 3),
            label="cannot be read from here on",
            help="correct the indentation: a mapping's keys stand in one column",
            notes=("while parsing a block mapping that began in line 2",),
        )
    ]


def test_a_broken_document_never_hides_the_others() -> None:
    good = b"kind: A\napiVersion: v1\nmetadata: {name: n%d}\n"
    broken = [
        b"a: [\n",
        b"\tx\n",
        b"a: \xff\n",
        b"a: &x [*x]\n",
        b"{{ if }}\n",
        b"[" * 1000 + b"\n",
        b"3\n",
        b"a: \x00\n",
    ]
    data = b"---\n".join(part for n, bad in enumerate(broken) for part in (good % n, bad))
    documents, diagnostics = read([Text("m", b"# " + b"x" * 9000 + b"\n" + data)])
    assert [document.value["metadata"]["name"] for document in documents] == [f"n{n}" for n in range(len(broken))]
    assert len(diagnostics) == len(broken)


def test_a_json_stream_goes_on_as_yaml_after_one_value() -> None:
    """As kubectl 1.35 does; older ones stop at what is no JSON."""
    data = b'{"kind": "A", "apiVersion": "v1"}\n---\nkind: B\napiVersion: v1\n---\n{kind: C, apiVersion: v1}\n'
    assert [value["kind"] for value in values(data)] == ["A", "B", "C"]
    assert values(b"{kind: A, apiVersion: v1}\n---\nkind: B\napiVersion: v1\n") == [
        {"kind": "A", "apiVersion": "v1"},
        {"kind": "B", "apiVersion": "v1"},
    ]


TEMPLATE = (
    b"{{- if .Values.on }}\nkind: A\n---\nkind: {{ .Values.kind }}\n---\nkind: B\napiVersion: v1\n---\n{{- end }}\n"
)


def test_templates_are_told_once_a_file() -> None:
    documents, diagnostics = read([Text("m", TEMPLATE)])
    assert [document.value["kind"] for document in documents] == ["B"]
    (finding,) = diagnostics
    assert (finding.code, finding.message) == ("L0051", "this is a template, not YAML")
    assert finding.notes == ("2 more documents of this file cannot be read for the same reason",)
    assert finding.where == Span("m", 1, 2, 1, 3)


def test_braces_in_a_string_are_no_template() -> None:
    assert len(values(b'kind: A\napiVersion: v1\na: "{{ $labels.pod }}"\nb: |\n  {{ x }}\n')) == 1


LAUGHS = b"a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 10)
)


def test_a_document_that_explodes_costs_nothing() -> None:
    assert findings(LAUGHS) == [("L0055", 4)]


def test_a_large_document_is_told_and_costs_no_memory() -> None:
    data = b"a: 1\n---\nb: " + b"x" * BYTES + b"\n---\nkind: A\napiVersion: v1\n"
    tracemalloc.start()
    try:
        documents, diagnostics = read([Text("m", data)])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [document.value["kind"] for document in documents] == ["A"]
    assert [finding.code for finding in diagnostics] == ["L0059", "L0052"]
    assert diagnostics[1].message == "this document has 64 MiB, more than the 64 MiB that licet reads"
    assert peak < 2**20


def test_a_hundred_repeated_keys_are_told_and_no_more() -> None:
    data = b"kind: A\napiVersion: v1\n" + b"".join(b"k%d: 1\nk%d: 2\n" % (n, n) for n in range(3000))
    _, diagnostics = read([Text("m", data)])
    assert len(diagnostics) == 100
    assert diagnostics[-1].where == Span("m", 202, 1, 202, 4)
    assert diagnostics[-1].notes == ("the first one is in line 201",)


PIECES = [
    *(
        b"a: ",
        b"- ",
        b"! ",
        b"\xff",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\x00",
        b"\n",
        b"\n---\n",
        b"...\n",
        b'{"a": ',
        b"}",
        b"]",
        b"[",
    ),
    *(
        b"&x ",
        b"*x",
        b"<<: ",
        b'"\\/"',
        b"'",
        b"?",
        b"|",
        b"\t",
        b"\r",
        b"\xc2\x85",
        b"\xe2\x80\xa8",
        b"kind: A\n",
        b"items:\n",
    ),
    *(
        b'"apiVersion": "v1", "kind": "A"',
        b"!!int ",
        b"!!binary ",
        b"{{ x }}",
        b"\xed\xa0\x80",
        b"%YAML 1.1\n",
        b"1e999",
        b"`",
        b"#",
    ),
]


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=12).map(b"".join))
@settings(max_examples=400)
def test_whatever_comes_is_documents_and_findings_with_places(data: bytes) -> None:
    text = Text("m", data)
    documents, diagnostics = read([text])
    places = [finding.where for finding in diagnostics] + [Place(document.origin, ("a", "b")) for document in documents]
    for place in places:
        span = locate(text, place) if isinstance(place, Place) else place
        assert span is not None
        assert 1 <= span.line == span.end_line <= data.count(b"\n") + 1
        assert 1 <= span.column <= span.end_column <= len(data) + 2


@pytest.mark.parametrize("path", [(), ("items", 3)])
def test_origins_are_no_work_for_the_collector(path: Path) -> None:
    assert not gc.is_tracked(Origin("m", 0, 1, path))


@pytest.mark.parametrize("text", ["a: 1\n", "kind: A\n", "- 1\n", "{kind: A}\n"])
def test_many_documents_that_are_no_objects_are_counted_rather_than_listed(text: str) -> None:
    documents, diagnostics = read([Text("m", ("---\n" + text).encode() * 5000), Text("n", text.encode())])
    assert documents == []
    assert len(diagnostics) == 102
    assert diagnostics[100].message == "4900 more documents of `m` are no Kubernetes object either"
    assert {(finding.code, finding.severity) for finding in diagnostics} == {
        (diagnostics[0].code, diagnostics[0].severity)
    }


def test_tiny_objects_take_little_more_than_their_text() -> None:
    text = "".join(f"---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c{i}\n" for i in range(20000)).encode()
    gc.collect()
    tracemalloc.start()
    documents, _ = read([Text("m", text)])
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(documents) == 20000
    assert held < 8 * len(text)
