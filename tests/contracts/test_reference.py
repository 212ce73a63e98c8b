"""The reference is made from the models, and its examples are read as it says."""

from __future__ import annotations

import re
from pathlib import Path

from licet.contracts.annotation import annotated
from licet.contracts.reference import tables
from licet.diag.text import Text
from licet.manifest import platform
from licet.manifest.documents import read
from tests.conftest import Golden
from tests.contracts.read import decoded

_PAGE = Path(__file__).parents[2] / "docs" / "contract.md"
_MARK = "The tables below are made from the model that decoding uses.\n\n"


def test_the_tables_are_current(golden: Golden) -> None:
    written = _PAGE.read_text().partition(_MARK)[0]
    golden(_PAGE, written + _MARK + tables())


def test_the_examples_are_sound() -> None:
    contracts, annotation = re.findall(r"```yaml\n(.*?)```", _PAGE.read_text(), re.DOTALL)
    found, wrong = decoded(contracts)
    assert (len(found.contracts), len(found.namespaces), wrong) == (1, 1, [])
    documents, _ = read([Text("page", contracts.encode())])
    facts, faults = platform.decode([document for document in documents if platform.is_platform(document)])
    assert facts is not None
    assert (facts.cluster, faults) == ("eu-central", [])
    [made], none = annotated(read([Text("page", annotation.encode())])[0], namespace="shop", cluster="")
    assert (len(made.calls), none) == (4, [])


def test_every_link_leads_to_a_heading() -> None:
    text = _PAGE.read_text()
    headings = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= headings
