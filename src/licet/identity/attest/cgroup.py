"""Which pod and container a process is in, read from `/proc/PID/cgroup`.

The kernel writes that file, but not the names in it: whoever owns a cgroup may make others below it and call them what
he likes, a pod's name included. So a name counts only where nobody but the node's own root makes groups:

- the way down to `kubepods` has to be one that kubelet takes, or to lie above the reader too (a node that is itself a
  container), so that a user's own `user.slice/.../kubepods/pod...` is none;
- the first container below the pod counts, since those below it are made by who runs in it;
- every pod that is named anywhere in the file has to be the same one, else the process is refused.

`mountinfo` is not read: a process may mount another's cgroup in a mount namespace of its own, and would be it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from licet.identity.errors import MalformedError, RefusedError

_UID = r"[0-9a-f]{8}(?P<dash>[-_])(?:[0-9a-f]{4}(?P=dash)){3}[0-9a-f]{12}|[0-9a-f]{32}"
_POD = re.compile(rf"(?:.*[-/])?pod(?P<uid>{_UID})(?:\.slice)?(?::(?P<runtime>[a-z-]+):(?P<container>[0-9a-f]{{64}}))?")
_CONTAINER = re.compile(r"(?:(?P<runtime>[a-z]+(?:-[a-z]+)*)-)?(?P<id>[0-9a-f]{64})(?:\.scope)?")
_NAMED = re.compile(r"pod([0-9a-f]{8}(?:[-_]?[0-9a-f]{4}){3}[-_]?[0-9a-f]{12})", re.IGNORECASE)
_ABOVE = re.compile(r"kubelet|kubelet\.slice|kubepods|system\.slice|(?:containerd|k3s|rke2|crio)\.service")
_ROOT = re.compile(r"kubepods|kubepods\.slice|(?:[a-z]+-)*kubepods\.slice")
_QUALITY = re.compile(r"burstable|besteffort|(?:[a-z]+-)*kubepods-(?:burstable|besteffort)\.slice")
_LINE = re.compile(r"[0-9]+:[^:]*:(/.*)")
_WATCHERS = ("conmon", "crio-conmon", "libpod-conmon")
_HELP = "a pod's processes are in the group that kubelet made, and nobody else makes groups named so"


class Place(msgspec.Struct, frozen=True):
    """A container: its pod's UID, empty where the reader is in the same pod and cannot see it, and its own id."""

    pod: str
    container: str


def place(text: str, own: str = "", *, enclosed: bool = False) -> Place | None:
    """The container of the process whose `/proc/PID/cgroup` this is, or None where it is in no pod.

    `own` is the reader's own file. `enclosed` says that the reader stands at the root of a cgroup namespace of its own,
    as an agent in a pod does under cgroup v2: then only what lies beside it, behind `..`, is another container. Raises
    MalformedError for what the kernel does not write, and RefusedError where names contradict each other or stand where
    kubelet makes no pods.
    """
    mine = [_segments(path) for path in _paths(own)]
    places: set[Place] = set()
    for path in _paths(text):
        if found := _place(_segments(path), mine, enclosed=enclosed):
            places.add(found)
    if len(places) > 1:
        raise RefusedError("a process is in several containers at once", _HELP)
    return places.pop() if places else None


def _paths(text: str) -> list[str]:
    paths = []
    for line in text.split("\n"):
        if not line:
            continue
        if (match := _LINE.fullmatch(line)) is None:
            raise MalformedError(f"`{line[:80]!a}` is no line of a cgroup file", "it is `number:controllers:/path`")
        paths.append(match[1])
    return paths


def _segments(path: str) -> list[str]:
    # The names of `/proc/PID/cgroup` end so once the group is removed, which is while its last process ends.
    return [segment for segment in path.removesuffix(" (deleted)").split("/") if segment]


def _place(segments: Sequence[str], mine: Sequence[Sequence[str]], *, enclosed: bool) -> Place | None:
    named = {_canonical(uid) for segment in segments for uid in _NAMED.findall(segment)}
    if not named and not (enclosed and segments[:1] == [".."]):
        return None
    found = _beside(segments) if enclosed else _below(segments, mine)
    if found is not None and named == ({found.pod} if found.pod else set()):
        return found
    if not named:
        return None
    raise RefusedError("a process is in a group with a pod's name where none is made", _HELP)


def _beside(segments: Sequence[str]) -> Place | None:
    """Behind the reader's own group: what is above the two is hidden, so the chain may begin anywhere."""
    rest = list(segments)
    while rest and rest[0] == "..":
        rest.pop(0)
    if len(rest) == len(segments):
        return None
    return _chain(rest, 0, rooted=False) or (Place("", alone) if rest and (alone := _container(rest[0])) else None)


def _below(segments: Sequence[str], mine: Sequence[Sequence[str]]) -> Place | None:
    """From the root, or from any group above the reader: that is where a node in a container has its own root."""
    starts = {0}
    for own in mine:
        for depth, (theirs, ours) in enumerate(zip(segments, own, strict=False), 1):
            if theirs != ours:
                break
            starts.add(depth)
    found = [place for start in sorted(starts) if (place := _chain(segments, start, rooted=True))]
    return found[0] if found else None


def _chain(segments: Sequence[str], start: int, *, rooted: bool) -> Place | None:
    """Read `[above...]/kubepods/[quality]/pod/container[/...]`; not `rooted`, it may begin further down."""
    at = start
    while at < len(segments) and _ABOVE.fullmatch(segments[at]):
        at += 1
    seen_root = at > start and _ROOT.fullmatch(segments[at - 1]) is not None
    if at < len(segments) and _ROOT.fullmatch(segments[at]):
        at, seen_root = at + 1, True
    if at < len(segments) and _QUALITY.fullmatch(segments[at]):
        at += 1
    if at >= len(segments) or (pod := _POD.fullmatch(segments[at])) is None:
        return None
    # systemd's names repeat those above them, and containerd's own form stands below its service.
    if rooted and not seen_root and "kubepods" not in segments[at]:
        return None
    container = pod["container"] or (_container(segments[at + 1]) if at + 1 < len(segments) else "")
    return Place(_canonical(pod["uid"]), container) if container else None


def _container(segment: str) -> str:
    match = _CONTAINER.fullmatch(segment)
    return match["id"] if match and match["runtime"] not in _WATCHERS else ""


def _canonical(uid: str) -> str:
    return uid.replace("_", "-").lower()
