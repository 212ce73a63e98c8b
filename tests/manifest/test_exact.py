"""The exact path: YAML of every kind to what kubectl has of it, within bounds."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from licet.manifest import exact
from licet.manifest.bounds import DEPTH


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing\n", None),
        ("---\n", None),
        ("null\n", None),
        ("a: 1\nb: 'yes'\nc: yes\n", {"a": 1, "b": "yes", "c": True}),
        ("a:\n- 1\n- - x\n", {"a": [1, ["x"]]}),
        ("a: &x {b: 1}\nc: *x\n", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x 1\nb: &x 2\nc: *x\n", {"a": 1, "b": 2, "c": 2}),
        ("&k a: 1\nb: *k\n", {"a": 1, "b": "a"}),
        ("a: &k yes\n*k : 1\n", {"a": True, "true": 1}),
        ("x: &x {a: 1, b: 1}\nz: {a: 0, <<: *x}\n", {"x": {"a": 1, "b": 1}, "z": {"a": 1, "b": 1}}),
        ("x: &x {a: 1, b: 1}\nz: {<<: *x, a: 0}\n", {"x": {"a": 1, "b": 1}, "z": {"a": 0, "b": 1}}),
        ("<<: [{a: 1}, {a: 2, b: 2}]\n", {"a": 1, "b": 2}),
        ("<<: {<<: {a: 1}, b: 2}\n", {"a": 1, "b": 2}),
        ("'<<': {a: 1}\n", {"<<": {"a": 1}}),
        ("a: <<\n", {"a": "<<"}),
        ("a: ! 3\nb: ! 'x'\nc: &x ! yes\n", {"a": "3", "b": "x", "c": "yes"}),
        ("a: !!str 017\nb: !!int '017'\nc: !Ref yes\n", {"a": "017", "b": 15, "c": "yes"}),
        ("8080: a\nyes: b\n1.5: c\n2001-01-01: d\n", {"8080": "a", "true": "b", "1.5": "c", "2001-01-01": "d"}),
        ("a: |\n  x\n\n  y\n", {"a": "x\n\ny\n"}),
        ("a: |\n  x", {"a": "x\n"}),
        ("a: >-\n  x\n  y\n", {"a": "x y"}),
        ("a: |\r\n  x\r\n  y\r\n", {"a": "x\ny\n"}),
        ("a: x\n  y\n", {"a": "x y"}),
        ("a:\t1\t\n", {"a": 1}),
        ("\ufeffa: 1\n", {"a": 1}),
        ("? a\n: b\n", {"a": "b"}),
        ("{a: 1, b: [2, {c: 3}], d: }\n", {"a": 1, "b": [2, {"c": 3}], "d": None}),
        ('"\\x41\\u00e9\\n": 1\n', {"Aé\n": 1}),
    ],
)
def test_documents(text: str, value: Any) -> None:
    built = exact.build(text.encode())
    assert built == exact.Built(value)


@pytest.mark.parametrize(
    ("text", "kind", "problem", "line", "column"),
    [
        ("a: [1, 2\n", "invalid", "did not find expected `,` or `]`", 1, 0),
        ("a:\n    b: 1\n  c: 2\n", "invalid", "did not find expected key", 2, 2),
        ("a: b: c\n", "invalid", "mapping values are not allowed in this context", 0, 4),
        ("a:\n\tb: 1\n", "invalid", "a tab stands where only spaces may", 1, 0),
        ("a: @x\n", "invalid", "`@` cannot start a value", 0, 3),
        ("a: *x\n", "invalid", "there is no anchor `&x` before this alias", 0, 3),
        ("a: .nan\n", "invalid", "`.nan` is a number that JSON cannot hold", 0, 3),
        ("a: !!int x\n", "invalid", "`x` is no `!!int`", 0, 3),
        ("~: 1\n", "invalid", "`~` is null, which cannot be a key", 0, 0),
        ("? [a]\n: b\n", "invalid", "a mapping's key is a mapping or a list, which JSON cannot hold", 0, 2),
        ("a: &x [1]\n*x : 2\n", "invalid", "a mapping's key is a mapping or a list, which JSON cannot hold", 1, 0),
        ("a: {{ .Values.x }}\n", "invalid", "a mapping's key is a mapping or a list, which JSON cannot hold", 0, 4),
        ("<<: 1\n", "invalid", "`<<` merges a mapping or a list of mappings, and this is neither", 0, 4),
        ("<<: [1]\n", "invalid", "`<<` merges a mapping or a list of mappings, and this is neither", 0, 4),
        ('a: "\\/"\n', "invalid", "kubectl does not know the escape `\\/`; leave out the backslash", 0, 3),
        ("a: [x?y]\n", "invalid", "`?` between brackets starts a key for kubectl; quote the text that has it", 0, 4),
        ("a: 1\n\ufeffb: 2\n", "encoding", "a byte order mark stands in the middle of the document", 1, 0),
        ("a: \x07\n", "encoding", "control characters are not allowed", 0, 3),
        ("a: &x [*x]\n", "cyclic", "`*x` stands inside what it refers to", 0, 7),
        ("a: &x {b: {<<: *x}}\n", "cyclic", "`*x` stands inside what it refers to", 0, 15),
    ],
)
def test_broken_documents(text: str, kind: str, problem: str, line: int, column: int) -> None:
    with pytest.raises(exact.Broken) as caught:
        exact.build(text.encode())
    error = caught.value
    assert (error.kind, error.problem, error.line, error.column) == (kind, problem, line, column)


def test_invalid_bytes_have_a_place() -> None:
    with pytest.raises(exact.Broken) as caught:
        exact.build("a: 1\nbé: ".encode() + b"\xff\n")
    assert (caught.value.kind, caught.value.line, caught.value.column) == ("encoding", 1, 4)


def test_the_last_of_two_keys_wins_and_is_told() -> None:
    built = exact.build(b"a:\n- {x: 1, z: 2, x: 3}\n8: 1\n'8': 2\n")
    assert built.value == {"a": [{"x": 3, "z": 2}], "8": 2}
    assert built.repeats == (exact.Repeat("x", (1, 2), 1, 15, 16), exact.Repeat("8", (0, 0), 3, 0, 3))


def test_a_key_beside_its_merge_is_no_repetition() -> None:
    assert not exact.build(b"x: &x {a: 1}\ny: {a: 0, <<: *x}\nz: {<<: *x, a: 0}\n").repeats
    assert exact.build(b"x: &x {a: 1}\ny: {<<: *x, a: 0, a: 2}\n").repeats


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\n...\nb\n", 2),
        ("a: 1\n... # c\n# c\n\n", None),
        ("{a: 1} b\n", 0),
        ("[a]\n\nb: 1\n", 2),
        ("a: 1\n...\n...\n", None),
    ],
)
def test_text_behind_the_end_is_told(text: str, line: int | None) -> None:
    assert exact.build(text.encode()).trailing == line


@pytest.mark.parametrize("style", ["flow", "block", "maps", "aliases"])
def test_depth_is_bounded_exactly(style: str) -> None:
    def nested(depth: int) -> bytes:
        match style:
            case "flow":
                return b"[" * depth + b"]" * depth
            case "block":
                return b"- " * depth + b"x"
            case "maps":
                return b"".join(b" " * n + b"a:\n" for n in range(depth))
        chain = b"".join(b"- &a%d [*a%d]\n" % (n + 1, n) for n in range(depth - 2))
        return b"- x\n" * 3000 + b"- &a0 [x]\n" + chain

    exact.build(nested(DEPTH))
    with pytest.raises(exact.Broken) as caught:
        exact.build(nested(DEPTH + 1))
    assert caught.value.kind == "deep"


LAUGHS = b"a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 10)
)


def test_aliases_do_not_multiply_without_end() -> None:
    with pytest.raises(exact.Broken) as caught:
        exact.build(LAUGHS)
    assert caught.value.kind == "expands"


def test_as_many_aliases_as_kubectl_takes() -> None:
    small = b"a: &a [%s]\nb: [%s]\n" % (b", ".join([b"x"] * 100), b", ".join([b"*a"] * 90))
    assert len(exact.build(small).value["b"]) == 90
    large = b"a: &a [%s]\nb: [%s]\n" % (b", ".join([b"x"] * 10), b", ".join([b"*a"] * 90_000))
    with pytest.raises(exact.Broken):
        exact.build(large)


HOSTILE = """
import resource
from licet.diag.text import Text
from licet.manifest.documents import read
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
for data in (b"[" * 200_000, b"a: " + b"[" * 200_000, b"- " * 200_000, b"? " * 200_000, b'{"a":' * 200_000,
             b"{" * 200_000, b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", b"&a " * 200_000,
             b"".join(b" " * n + b"a:\\n" for n in range(5_000)), b"- " * 511 + b"[" * 200_000,
             b"x: |\\n" + b" " * 200_000 + b"a\\n", b"!" * 200_000, b"'" * 200_001, b"a: " * 200_000):
    documents, diagnostics = read([Text("hostile", data)])
    print(len(documents), *[diagnostic.code for diagnostic in diagnostics])
"""


def test_nothing_crashes_on_deep_nesting() -> None:
    """In a process of its own with a gigabyte of memory: a crash of the C parser would take the tests with it."""
    run = subprocess.run([sys.executable, "-c", HOSTILE], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    answers = run.stdout.splitlines()
    assert len(answers) == 14
    assert all(answer.startswith("0 ") for answer in answers)
    assert answers[:5] == ["0 L0053", "0 L0053", "0 L0053", "0 L0050", "0 L0053"]
