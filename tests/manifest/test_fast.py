"""The fast path reads nothing otherwise than the exact one, and reads what manifests are made of."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from licet.manifest import exact, fast
from licet.manifest.split import split
from tests.manifest.manuscripts import manuscript
from tests.shared import shared

DEPLOYMENT = b"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  annotations: # of the team
    docs: https://example.com/runbooks/shop#alerts
    port: "5672"
    'quoted': 'it''s'
spec:
  replicas: 3
  paused: no
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%}}
  template:
    spec:
      containers:
      - name: app
        args: ["--port=8080", --log, 'info']
        command:
        - /bin/sh
        - -c
        - |
          set -e
          if [ -n "$X" ]; then
            echo "a: b" # shown
          fi

      - name: side
        image: registry:5000/side:1.0
      volumes:
      - name: tmp
        emptyDir: {}
      nodeSelector:
"""


def disagreement(data: bytes) -> str:
    """What the fast path makes of a document where it should not, or nothing."""
    value = fast.Lines().read(data)
    if value is fast.UNSURE:
        return ""
    try:
        built = exact.build(data)
    except exact.Broken as error:
        return f"{value!r}, and it is broken: {error}"
    if typed(built.value) != typed(value):
        return f"{value!r} instead of {built.value!r}"
    return f"{value!r} without a finding" if built.repeats or built.trailing is not None else ""


def typed(value: Any) -> object:
    """The value with the types of its numbers and the order of its keys."""
    if isinstance(value, dict):
        return "mapping", [(key, typed(item)) for key, item in value.items()]
    if isinstance(value, list):
        return "list", [typed(item) for item in value]
    return type(value), repr(value)


def test_a_deployment_is_read_fast() -> None:
    value = fast.Lines().read(DEPLOYMENT)
    assert value == exact.build(DEPLOYMENT).value
    container = value["spec"]["template"]["spec"]["containers"][0]
    assert container["command"][2] == 'set -e\nif [ -n "$X" ]; then\n  echo "a: b" # shown\nfi\n'
    assert value["spec"]["paused"] is False
    assert value["metadata"]["annotations"]["port"] == "5672"
    assert value["spec"]["template"]["spec"]["nodeSelector"] is None


@given(st.randoms(use_true_random=False))
@settings(max_examples=200)
@example(Random(0))
def test_both_ways_read_the_same(random: Random) -> None:
    data = manuscript(random).encode()
    assert not disagreement(data)


@given(st.text(alphabet="ab:-#'\"[]{},|> \n1~.", max_size=40))
@settings(max_examples=200)
def test_both_ways_read_the_same_soup(text: str) -> None:
    assert not disagreement(text.encode())


def test_remembered_lines_mean_the_same_in_every_document() -> None:
    lines, random = fast.Lines(), Random(1)
    for _ in range(300):
        data = manuscript(random).encode()
        assert typed(lines.read(data)) == typed(fast.Lines().read(data))


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2\n",
        "a: &x 1\nb: *x\n",
        "a: !!str 1\n",
        "<<: {a: 1}\n",
        "a:\t1\n",
        "? a\n: b\n",
        "a: foo\n  bar\n",
        "a: 'x\n  y'\n",
        "a: [1,\n  2]\n",
        "a: |2\n    x\n",
        "%YAML 1.1\n---\na: 1\n",
        "\ufeffa: 1\n",
        "a: {{ .Values.x }}\n",
        "a: .nan\n",
        "a: x\n...\n",
        "a: b: c\n",
        "a:\n    b: 1\n  c: 2\n",
        "a: x\rb: y\n",
        "- a\nb: c\n",
        "scalar\n",
        "a: |\n      \n  x\n",
        "a: {b}{}\n",
        "a: {b: 1, b: 2}\n",
        "a: x\x07\n",
        "# \x07\n",
        "a: |\n  x\x07\n",
        "a: x\u2028y\n",
        "--- # \x07\na: 1\n",
        "a: -\n",
        'a: "\\ud800"\n',
        "a: [" + "[" * 200 + "]" * 200 + "]\n",
        "- " * 200 + "a\n",
    ],
)
def test_what_it_does_not_know_goes_the_exact_way(text: str) -> None:
    assert fast.Lines().read(text.encode()) is fast.UNSURE


def test_bytes_that_are_no_text_go_the_exact_way() -> None:
    assert fast.Lines().read(b"a: \xff\n") is fast.UNSURE


@pytest.mark.parametrize("name", ["corpus", "oracle"])
def test_nearly_every_real_document_is_read_fast_and_the_same(name: str) -> None:
    lines, read, total = fast.Lines(), 0, 0
    for path in sorted(shared(name).rglob("*.y*ml")):
        data = path.read_bytes()
        for piece in split(data):
            document = data[piece.offset : piece.offset + piece.length]
            assert not disagreement(document), path
            try:
                exact.build(document)
            except exact.Broken:
                continue
            total += 1
            read += lines.read(document) is not fast.UNSURE
    assert read >= 0.95 * total > 100
