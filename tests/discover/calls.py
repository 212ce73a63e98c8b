"""Evidence as lines that a person can write down from reading manifests."""

from __future__ import annotations

from collections.abc import Iterable

from licet.diag.text import Text
from licet.discover.edge import Evidence, end_text
from licet.discover.evidence import evidence
from licet.manifest.decode import decode
from licet.manifest.documents import read
from licet.sources import fetch


def found_in(*paths: str, text: str = "") -> tuple[Evidence, ...]:
    """The evidence in files at paths, or in a text."""
    texts = fetch(paths).texts if paths else [Text("all.yaml", text.encode())]
    documents, _ = read(texts)
    return evidence(documents, decode(documents).cluster)


def calls(found: Iterable[Evidence]) -> list[str]:
    """Each connection once, as `caller -> callee : TCP 80`; with ` ?` behind it where all evidence is doubtful."""
    shown: dict[str, bool] = {}
    for one in found:
        line = f"{_short(end_text(one.caller))} -> {_short(end_text(one.callee))} : {_port(one)}"
        shown[line] = shown.get(line, True) and one.doubtful
    return sorted(f"{line} ?" if doubtful else line for line, doubtful in shown.items())


def listed(text: str) -> list[str]:
    """What a person wrote down, in the same form."""
    return sorted(" ".join(line.split()) for line in text.splitlines() if line.strip())


def precision_and_recall(ours: list[str], theirs: list[str]) -> tuple[float, float]:
    """How much of what was found is there, and how much of what is there was found."""
    right = len(set(ours) & set(theirs))
    return right / len(ours), right / len(theirs)


def _short(text: str) -> str:
    return text.removesuffix("[Deployment]").removeprefix("default/")


def _port(one: Evidence) -> str:
    if one.port is not None:
        last = "" if one.port.first == one.port.last else f"-{one.port.last}"
        return f"{one.port.protocol.name} {one.port.first}{last}"
    return f"Service {one.service_port}" if one.service_port is not None else "any"
