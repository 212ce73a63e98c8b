"""Contracts written as YAML, decoded; and faults with what they underline."""

from __future__ import annotations

from licet.contracts.contract import Contract, Contracts
from licet.contracts.decode import decode
from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Origin, Place
from licet.diag.text import Text
from licet.manifest.documents import read
from licet.manifest.locate import locate

SOURCE = "contract.yaml"
HEAD = "apiVersion: licet.dev/v1alpha1\nkind: Contract\nmetadata: {name: checkout, namespace: shop}\nspec:\n"
TARGET = "  targetRef: {kind: Deployment, name: checkout}\n"


def decoded(
    text: str, *, namespace: str = "default", cluster: str = "", mode: str = ""
) -> tuple[Contracts, list[Diagnostic]]:
    """What a text declares, and the faults in it."""
    documents, wrong = read([Text(SOURCE, text.encode())])
    assert not wrong
    return decode(documents, namespace=namespace, cluster=cluster, mode=mode)


def contract(spec: str, *, cluster: str = "") -> Contract:
    """The contract of `checkout` with these lines below its target."""
    found, wrong = decoded(HEAD + TARGET + spec, cluster=cluster)
    assert wrong == []
    [made] = found.contracts
    return made


def faults(text: str) -> list[tuple[str, str, str, str]]:
    """Each fault of a text as code, message, help and the text that it underlines; nothing faulty is declared."""
    found, wrong = decoded(text)
    assert found.contracts == ()
    return [told(finding, text) for finding in wrong]


def told(finding: Diagnostic, text: str) -> tuple[str, str, str, str]:
    """Code, message, help and what is underlined."""
    assert finding.severity is Severity.ERROR
    assert finding.notes
    assert isinstance(finding.where, Place)
    span = locate(Text(SOURCE, text.encode()), finding.where)
    line = text.splitlines()[span.line - 1]
    return finding.code, finding.message, finding.help, line[span.column - 1 : span.end_column - 1]


def origin(text: str) -> Origin:
    """The origin of the only document of a text."""
    [document], _ = read([Text(SOURCE, text.encode())])
    return document.origin
