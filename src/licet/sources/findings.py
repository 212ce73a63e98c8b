"""The findings of this room, L0001 to L0049."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Span
from licet.sources import limits


def _finding(
    code: str, severity: Severity, source: str, message: str, help: str, notes: tuple[str, ...] = ()
) -> Diagnostic:
    where = Span(source, 1, 1, 1, 1) if source else None
    return Diagnostic(code, severity, message, where=where, help=help, notes=notes)


def renamed(diagnostic: Diagnostic, folder: str, name: str) -> Diagnostic:
    """The finding with a folder that the user does not know, in what a tool said, replaced by a name that they do."""
    notes = tuple(note.replace(folder + "/", name).replace(folder, name) for note in diagnostic.notes)
    return msgspec.structs.replace(diagnostic, notes=notes)


def unreadable(source: str, error: OSError) -> Diagnostic:
    """L0001: the operating system refuses a file or folder."""
    reason = (error.strerror or type(error).__name__).lower()
    return _finding(
        "L0001", Severity.ERROR, source, f"`{source}` cannot be read: {reason}", "make it readable or exclude it"
    )


def binary(source: str) -> Diagnostic:
    """L0002: a file that is named like a manifest and is not text."""
    return _finding(
        "L0002", Severity.ERROR, source, f"`{source}` is binary, not YAML or JSON", "remove it or exclude it"
    )


def too_large(source: str) -> Diagnostic:
    """L0003: one file over the limit."""
    most = limits.size(limits.FILE)
    return _finding(
        "L0003",
        Severity.ERROR,
        source,
        f"`{source}` is larger than {most}",
        "split it into smaller files or exclude it",
    )


def too_much(source: str) -> Diagnostic:
    """L0004: all files together over the limit; told of each file that is not read."""
    return _finding(
        "L0004",
        Severity.ERROR,
        source,
        f"`{source}` is not read: all files together are larger than {limits.size(limits.TOTAL)}",
        "point at a smaller folder or exclude what holds no manifests",
    )


def loop(source: str) -> Diagnostic:
    """L0005: a symbolic link that leads back to a folder it stands in."""
    return _finding(
        "L0005",
        Severity.WARNING,
        source,
        f"`{source}` is a link back to a folder that it stands in, and is not followed",
        "remove the link or exclude it",
    )


def broken_link(source: str) -> Diagnostic:
    """L0006: a symbolic link to nothing."""
    return _finding(
        "L0006", Severity.WARNING, source, f"`{source}` is a link to nothing", "remove the link or exclude it"
    )


def helm_missing(source: str, chart: str) -> Diagnostic:
    """L0010: a chart, and no helm to render it."""
    return _finding(
        "L0010",
        Severity.ERROR,
        source,
        f"`{chart}` is a Helm chart and `helm` is not installed: its templates are not YAML and are not read",
        "install helm, exclude the chart, or pipe it in: `helm template CHART | licet map -`",
    )


def helm_failed(source: str, chart: str, reason: str) -> Diagnostic:
    """L0011: helm does not render a chart."""
    advice = f"try `helm template {chart}`, or exclude the chart"
    if "missing in charts/" in reason:
        advice = f"bring its dependencies first: `helm dependency build {chart}`"
    return _finding("L0011", Severity.ERROR, source, f"helm cannot render `{chart}`", advice, (reason,))


def library_chart(source: str, chart: str) -> Diagnostic:
    """L0012: a chart that only other charts use."""
    return _finding(
        "L0012",
        Severity.INFO,
        source,
        f"`{chart}` is a library chart and holds no objects of its own",
        "point at a chart that uses it",
    )


def kustomize_missing(source: str, folder: str) -> Diagnostic:
    """L0020: a kustomization, and nothing to render it."""
    return _finding(
        "L0020",
        Severity.ERROR,
        source,
        f"`{folder}` is a kustomization and neither `kustomize` nor `kubectl` is installed: "
        "its files are read as they are",
        f"install one of them, or pipe it in: `kubectl kustomize {folder} | licet map -`",
    )


def kustomize_failed(source: str, folder: str, reason: str) -> Diagnostic:
    """L0021: a kustomization that does not build."""
    advice = f"try `kubectl kustomize {folder}`"
    if "proxyconnect" in reason or "no 'git' program" in reason:
        advice = "remote bases are not fetched: keep a copy beside the kustomization, or pipe in what kubectl renders"
    message = f"the kustomization `{folder}` cannot be rendered: its files are read as they are"
    return _finding("L0021", Severity.ERROR, source, message, advice, (reason,))


def not_rendered(folders: Sequence[str]) -> Diagnostic:
    """L0022: kustomizations met while walking that change what they deploy, those that nothing builds on first."""
    return _finding(
        "L0022",
        Severity.INFO,
        "",
        f"{_count(len(folders), 'kustomization')} met on the way and not rendered: what they change is not seen",
        f"point at the one that is deployed, such as `licet map {folders[0]}`",
        _some(folders),
    )


def left_out(files: Sequence[str]) -> Diagnostic:
    """L0023: patches and other files that a kustomization uses and that are no objects of the cluster."""
    return _finding(
        "L0023",
        Severity.INFO,
        "",
        f"{_count(len(files), 'file')} left out: patches and inputs of a kustomization, not objects of the cluster",
        "point at the kustomization to have them applied",
        _some(files),
    )


def broken_kustomization(source: str, reason: str, line: int, column: int) -> Diagnostic:
    """L0024: a kustomization file that cannot be read, so that its patches are not known."""
    return Diagnostic(
        "L0024",
        Severity.WARNING,
        f"`{source}` is not a kustomization that can be read: {reason}",
        where=Span(source, line, column, line, column),
        help="correct it, or exclude its folder",
    )


def remote_bases(source: str, folder: str, bases: Sequence[str]) -> Diagnostic:
    """L0025: a kustomization, met on the way, that builds on what is not on this machine."""
    return _finding(
        "L0025",
        Severity.WARNING,
        source,
        f"`{folder}` builds on {_count(len(bases), 'remote base')}, of which nothing is read",
        f"keep a copy beside it, or pipe it in: `kubectl kustomize {folder} | licet map -`",
        _some(bases),
    )


def outside_tree(source: str) -> Diagnostic:
    """L0030: a submodule, or a link that leads out of its revision: neither is in the repository."""
    return _finding(
        "L0030",
        Severity.WARNING,
        source,
        f"`{source}` is left out: what it stands for is outside the repository",
        "replace the link or the submodule by the files themselves, or compare two folders instead",
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _some(names: Sequence[str], most: int = 10) -> tuple[str, ...]:
    shown = tuple(f"`{name}`" for name in names[:most])
    return shown if len(names) <= most else (*shown, f"and {len(names) - most} more")
