"""Helm charts, rendered with the user's own helm."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator

from licet.sources import command, findings, names
from licet.sources.folder import CHART, Found
from licet.sources.intake import Intake

ARCHIVES = (".tgz", ".tar.gz")
_SECTION = re.compile(rb"^---\n# Source: ([^\n]+)\n", re.MULTILINE)
_VERSION = re.compile(r"-v?\d+\.\d+\.\d+.*$")
_LONGEST_RELEASE = 53


def render(intake: Intake, found: Found, namespace: str) -> None:
    """Takes in what a chart, a folder or an archive, installs with its own values; otherwise says why not.

    Custom resource definitions are included, test pods are not. Nothing is fetched: dependencies have to be there.
    """
    file = found.source if os.path.isfile(found.path) else names.inside(found.source, CHART)
    helm = shutil.which("helm")
    if helm is None:
        intake.tell(findings.helm_missing(file, found.source))
        return
    options = ["--include-crds", "--skip-tests", "--namespace", namespace]
    try:
        with command.offline() as environment:
            data = command.run(
                [helm, "template", *options, "--", _release(found), os.path.abspath(found.path)],
                environment=environment,
            )
    except command.CommandError as error:
        if "library charts are not installable" in str(error):
            intake.tell(findings.library_chart(file, found.source))
        else:
            intake.tell(findings.helm_failed(file, found.source, str(error)))
        return
    for template, text in _templates(data):
        below = template.partition("/")[2] or template
        intake.take(f"rendered by helm: {names.inside(found.source, below)}", text)


def _release(found: Found) -> str:
    """A name for the release, as a person would choose it: that of the folder or archive."""
    name = os.path.basename(os.path.abspath(found.path)).lower()
    for ending in ARCHIVES:
        name = name.removesuffix(ending)
    name = re.sub(r"[^a-z0-9]+", "-", _VERSION.sub("", name))[:_LONGEST_RELEASE].strip("-")
    return name or "release"


def _templates(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What helm wrote, one text a template; helm says before each document which template it is from."""
    texts: dict[str, list[bytes]] = {}
    marks = list(_SECTION.finditer(data))
    ends = [mark.start() for mark in marks[1:]] + [len(data)]
    for mark, end in zip(marks, ends, strict=True):
        source = names.printable(mark[1].decode("utf-8", "backslashreplace"))
        texts.setdefault(source, []).append(data[mark.start() : end])
    for source in sorted(texts):
        yield source, b"".join(texts[source])
