"""What is written as YAML is read back as it was: by the reader of manifests and by PyYAML."""

from __future__ import annotations

from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from licet.diag.text import Text
from licet.manifest import documents
from licet.manifest.write import yaml

TRICKY = [
    "", " ", "yes", "No", "null", "~", "1", "1e3", "0x1f", "0o17", "017", "1_000", "1:20", ".5", ".inf", "-", "- a",
    "a: b", "a #b", "#", "'", '"', "\\", "*a", "&a", "!a", "|", ">", "%", "@", "`", "{", "[", ",", "?", "=", "<<",
    "2026-11-21", "a\nb", "a\n", "\ta", "a ", "\x85", "\u2028", "\ufeff", "\x7f", "é", "😀", "0.0.0.0/0", "::/0",
    "*.example.com", "---", "...", "y", "N", "on", "true", "TRUE",
]  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from(TRICKY),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
KEYS = st.one_of(st.sampled_from(TRICKY), st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
DATA = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))


def test_it_reads_like_a_manifest() -> None:
    value = {
        "kind": "NetworkPolicy",
        "metadata": {"name": "web", "labels": {"app.kubernetes.io/managed-by": "licet"}},
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}], "ports": [{"port": 80}]},
                {"from": [{"podSelector": {"matchLabels": {"build": "1", "on": "yes"}}}]},
            ],
            "nested": [[1, [2]], [], None],
        },
    }
    assert yaml(value) == (
        "kind: NetworkPolicy\n"
        "metadata:\n"
        "  name: web\n"
        "  labels:\n"
        "    app.kubernetes.io/managed-by: licet\n"
        "spec:\n"
        "  podSelector: {}\n"
        "  policyTypes:\n"
        "  - Ingress\n"
        "  ingress:\n"
        "  - from:\n"
        "    - ipBlock:\n"
        "        cidr: 0.0.0.0/0\n"
        "        except:\n"
        "        - 10.0.0.0/8\n"
        "    ports:\n"
        "    - port: 80\n"
        "  - from:\n"
        "    - podSelector:\n"
        "        matchLabels:\n"
        '          build: "1"\n'
        '          "on": "yes"\n'
        "  nested:\n"
        "  - - 1\n"
        "    - - 2\n"
        "  - []\n"
        "  - null\n"
    )


@given(DATA)
def test_everything_is_read_back(found: Any) -> None:
    value = {"apiVersion": "v1", "kind": "Thing", "data": found}
    text = yaml(value)
    read, wrong = documents.read([Text("thing.yaml", text.encode())])
    assert wrong == []
    assert [document.value for document in read] == [value]
    assert pyyaml.safe_load(text) == value


def test_nothing_but_plain_data_is_written() -> None:
    with pytest.raises(TypeError, match="float is no plain data"):
        yaml({"a": 1.5})
