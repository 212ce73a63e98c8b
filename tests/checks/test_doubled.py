"""Compiled policies beside those that people wrote: one hint rather than a line for each rule that is there twice."""

from __future__ import annotations

import pytest

from licet.checks.doubled import of_policies
from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.text import Text
from licet.manifest import documents
from licet.manifest.decode import decode
from licet.model.profiles import DEFAULT, PROFILES
from tests.cli.command import DENY_ALL, allow, deployment

WORKLOADS = deployment("web") + deployment("db")
MARK = "metadata: {labels: {licet.dev/target: networkpolicy}, "


def told(*texts: str) -> list[Diagnostic]:
    read, _ = documents.read([Text("m.yaml", (WORKLOADS + "".join(texts)).encode())])
    return of_policies(decode(read).cluster, PROFILES[DEFAULT], read)


def again(policies: str) -> str:
    """The same under other names."""
    return policies.replace("name: web-to", "name: licet-web-to").replace("name: db-from", "name: licet-db-from")


def compiled(policies: str) -> str:
    return again(policies).replace("metadata: {", MARK)


@pytest.mark.parametrize(
    "texts",
    [
        (allow("web", "db"), compiled(allow("web", "db"))),
        (compiled(allow("web", "db")), allow("web", "db")),
    ],
)
def test_what_is_there_twice_is_one_hint(texts: tuple[str, str]) -> None:
    [hint] = told(*texts)
    assert (hint.code, hint.severity) == ("L0469", Severity.INFO)
    assert hint.message == "2 rules and policies are there twice: written by people, and compiled"


@pytest.mark.parametrize("twice", [allow("web", "db") + compiled(allow("web", "db")), compiled(allow("web", "db"))])
def test_compiled_policies_are_not_told_of_as_superfluous(twice: str) -> None:
    wide = allow("web", "db").replace("    ports: [{port: 8080}]\n", "")
    assert not [one for one in told(wide.replace("name: web-to", "name: a-to"), twice) if "licet-" in one.message]


def test_what_people_wrote_twice_is_told_of_as_ever() -> None:
    alone = told(allow("web", "db"), again(allow("web", "db")))
    assert [one.code for one in alone] == ["L0208", "L0208"]
    beside = told(allow("web", "db"), again(allow("web", "db")), compiled(DENY_ALL))
    assert [one.code for one in beside] == ["L0208", "L0208"]


def test_other_findings_on_compiled_policies_stay() -> None:
    assert [one.code for one in told(compiled(allow("gone", "db")))] != []
