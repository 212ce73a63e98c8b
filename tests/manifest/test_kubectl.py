"""Documents mean what kubectl makes of them: the same text through both.

`kubectl annotate --local` reads objects of any kind without a server and prints them as JSON.
"""

from __future__ import annotations

import json
import subprocess
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licet.diag.diagnostic import Severity
from licet.diag.text import Text
from licet.manifest.documents import read
from tests.kubectl import kubectl
from tests.manifest.manuscripts import FLOW, PLAIN, QUOTED, RESOLVED, manuscript
from tests.shared import shared

JSON = b'{"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x"}, %s}'
HEAD = "apiVersion: v1\nkind: Thing\nmetadata: {name: x}\n"


def asked(data: bytes) -> tuple[list[Any], str]:
    """The objects that kubectl has of a text, without the annotation that it was told to add, and its complaint."""
    program = [str(kubectl()), "annotate", "--local", "-f", "-", "q=r", "-o", "json"]
    run = subprocess.run(program, input=data, capture_output=True, timeout=60, check=False)
    objects, text = [], run.stdout.decode().lstrip()
    while text:
        value, end = json.JSONDecoder().raw_decode(text)
        annotations = value["metadata"]["annotations"]
        del annotations["q"]
        if not annotations:
            del value["metadata"]["annotations"]
        objects.append(value)
        text = text[end:].lstrip()
    return objects, run.stderr.decode()


def ours(data: bytes) -> tuple[list[Any], list[str]]:
    documents, diagnostics = read([Text("m", data)])
    codes = [diagnostic.code for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR]
    return [document.value for document in documents], codes


def exactly(value: Any) -> object:
    """A value in which `True`, `1` and `"1"` differ; how kubectl prints a float says nothing about its type."""
    if isinstance(value, dict):
        return {key: exactly(item) for key, item in value.items()}
    if isinstance(value, list):
        return [exactly(item) for item in value]
    return ("number", float(value)) if type(value) in (int, float) else (type(value).__name__, value)


def assert_agreed(data: bytes) -> None:
    theirs, complaint = asked(data)
    assert not complaint
    mine, codes = ours(data)
    assert codes == []
    assert exactly(mine) == exactly(theirs)


LAUGHS = b"a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 8)
)
PLAIN_WORDS = """
y Y yes Yes YES yEs n N no No NO true True TRUE tRUE false on On ON off Off OFF null Null NULL ~ nUll = <<
017 0o17 0O17 08 0x1F -0X1f 0b101 0b-1 1_000 1__0_ _1 +5 -0 00 0x 1e3 1.0 1. .5 -.5 ._5 .5_5 .5_ 1e400 .5e400
9223372036854775807 9223372036854775808 18446744073709551615 18446744073709551616 -9223372036854775809
4611686018427387904.0 1e20 1e21 1e-7 -0.0 0.1 1e22 123456789012345678 0xFFFFFFFFFFFFFFFF 12e03
1:20 190:20:30 2001-01-01 2001-12-14t21:59:43.10-05:00 2001-1-1 !!str !x a:b a#b -x ?x :x é 👍
"""
WORDS = [
    *PLAIN_WORDS.split(),
    *("!!str 017", "!!int '017'", "!!float 3", "!!bool 'on'", "!!null ''", "!!binary aGk=", "!Ref yes", "! 3"),
    *("!!timestamp 2001-01-01", "'it''s'", r'"\x41\u00e9\n\t\\\" \_\N\L\e"', '"a\n  b"', "'a\n\n  b'", "a\n  b"),
    *("|\n  x\n\n  y", ">-\n  x\n  y\n\n   z", "|2\n    x", "x # c", "a\t", "\ta"),
    *("[a, 1, yes]", "{a: 1, b: }", "[a: b]", "{? a : b}", "[a, b,]"),
]
KEYS = """
yes Off 017 1_0 0x1F 8080 1.5 1e6 123456.0 1234567.0 16777217.0 .nan .inf -.inf 2001-01-01 a-b = +5
"""


def test_scalars() -> None:
    lines = "".join(f"v{n}: {word}\n" for n, word in enumerate(WORDS))
    assert_agreed((HEAD + lines).encode())


def test_keys() -> None:
    assert_agreed((HEAD + "data:\n" + "".join(f"  {word}: {n}\n" for n, word in enumerate(KEYS.split()))).encode())


@pytest.mark.parametrize(
    "text",
    [
        "a: &x {b: 1}\nc: *x\nd: [*x, *x]\n",
        "a: &x 1\nb: &x 2\nc: *x\n",
        "a: &k yes\n*k : 1\n",
        "x: &x {a: 1, b: 1}\nm: {a: 0, <<: *x}\nn: {<<: *x, a: 0}\no: {<<: [*x, {a: 2, c: 2}]}\n",
        "x: {<<: {<<: {a: 1}, b: 2}, a: 3}\n'<<': 1\n",
        "a: {x: 1, z: 2, x: 3}\nkind: Other\n",
        "0x10: a\n16: b\n",
        "a: 1\n...\nnot: read\n",
        "a: 1\n... # c\n",
        "a: |\n  no line break at the end",
        "a: |+\n  x\n\n",
        "b: 1\n---\n---\n# nothing\n---\nnull\n--- # c\n" + HEAD,
        "a: x\rb: z\n",
        "a: x\u0085b: z\n",
        "a: x\u2028  y\n",
        "d: " + "[" * 300 + "]" * 300 + "\n",
        "a: &a [" + "x, " * 100 + "x]\nb: [" + "*a, " * 90 + "*a]\n",
    ],
)
def test_documents(text: str) -> None:
    assert_agreed((HEAD + text).encode())


@pytest.mark.parametrize(
    "data",
    [
        (HEAD + "a: |\n  x\n  y\n").replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + HEAD.encode(),
        b"---\n" + HEAD.encode(),
        b"--- # c\r\n" + HEAD.encode(),
        b"# c\n---\n\n" + HEAD.encode() + b"---\n\xef\xbb\xbf" + HEAD.encode(),
        JSON % b'"a": [1.0, 1e3, -0, 12345678901234567890, "\\ud800\xff"]',
        JSON % b'"a": 1' + b" " + JSON % b'"a": 2',
        b"\n\t" + JSON % b'"a": 1, "a": "\\/"',
        b"apiVersion: v1\nkind: List\nitems:\n- " + HEAD.replace("\n", "\n  ").encode(),
        b"apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: x}\n- metadata: {name: z}\n",
        b"apiVersion: v1\nkind: Odd\nitems:\n- metadata: {name: x}\n",
        b"apiVersion: v1\nkind: List\nitems: null\n",
        b"apiVersion: v1\nkind: List\nitems: []\n",
        b"",
        b"# nothing\n",
    ],
)
def test_streams(data: bytes) -> None:
    assert_agreed(data)


@pytest.mark.parametrize(
    "data",
    [
        b"a: [1, 2\n",
        b"a:\n\tb: 1\n",
        b"a: *x\n",
        b"a: &x [*x]\n",
        b"a: .nan\n",
        b"a: !!int x\n",
        b"a: !!binary x\n",
        b"~: 1\n",
        b"? [a]\n: b\n",
        b"a: {{ .Values.x }}\n",
        b"{{ if x }}\n",
        b"<<: 1\n",
        b'a: "\\/"\n',
        b"a: [x?y]\n",
        b"a: \x07\n",
        b"a: \xff\n",
        b"a: \x00\n",
        b"%YAML 1.1\n---\na: 1\n",
        b"--- a: 1\n",
        b"a: 'x\n---\n  y'\n",
        b"- a\n",
        b"text\n",
        b"metadata: {}\n",
        b"apiVersion: v1\nkind: 3\n",
        b"apiVersion: v1\nkind: List\nitems: {}\n",
        b"apiVersion: v1\nkind: List\nitems: [1]\n",
        b"apiVersion: v1\nkind: List\nitems: [{metadata: {name: x}}]\n",
        b'{"kind": "T", "apiVersion": "v1", "a": 1e999}',
        LAUGHS,
    ],
)
def test_what_kubectl_refuses_is_a_finding(data: bytes) -> None:
    objects, complaint = asked(data)
    assert not objects
    assert complaint
    documents, diagnostics = read([Text("m", data)])
    assert not documents
    assert diagnostics


@given(
    st.lists(
        st.from_regex(r"[0-9+._xobeEaFyYnNtTf~-][0-9+._xobeEaFyYnNtT~:-]{0,6}[0-9e_.]", fullmatch=True), max_size=80
    )
)
@settings(max_examples=5)
def test_scalars_that_look_like_numbers(words: list[str]) -> None:
    fit = [word for word in words if word.lstrip("+-").lower() != ".inf"]
    assert_agreed((HEAD + "".join(f"v{n}: {word}\n" for n, word in enumerate(fit))).encode())


@pytest.mark.parametrize("seed", range(3))
def test_random_documents(seed: int) -> None:
    """Documents as people write them, but for those that kubectl stops at: it does not see what comes behind."""
    random, documents = Random(seed), []
    for _ in range(60):
        lines = manuscript(random).replace("\r\n", "\n").split("\n")
        body = "".join(f"  {line}\n" for line in lines if not line.startswith("---"))
        document = (HEAD + "spec:\n" + body).encode()
        if not ours(document)[1] and len(read([Text("m", document)])[0]) == 1:
            documents.append(document)
    assert len(documents) > 20
    assert_agreed(b"---\n".join(documents))


def test_random_values() -> None:
    words = [*PLAIN, *QUOTED, *RESOLVED, *FLOW]
    assert_agreed((HEAD + "".join(f"v{n}:\n- {word}\n- k: {word}\n" for n, word in enumerate(words))).encode())


@pytest.mark.parametrize("name", ["corpus", "oracle"])
def test_real_manifests(name: str) -> None:
    """All that is read without a finding, as one stream."""
    whole = []
    for path in sorted(shared(name).rglob("*.yaml")):
        data = path.read_bytes()
        documents, diagnostics = read([Text(str(path), data)])
        if documents and not diagnostics and "metadata" in documents[0].value:
            whole.append(data if data.endswith(b"\n") else data + b"\n")
    assert len(whole) > 40
    assert_agreed(b"---\n".join(whole))
