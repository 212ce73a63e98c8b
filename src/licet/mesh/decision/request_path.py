"""Paths that can be read in one way only: what a sidecar would leave as it is."""

from __future__ import annotations

import re

from licet.mesh.errors import MeshError

LONGEST = 8192
_METHOD = re.compile(r"[A-Z][A-Z_-]{0,63}", re.ASCII)
_PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*", re.ASCII)
_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")
_ALIKE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/\\")
"""Bytes that mean the same escaped and not, or are separators to some and not to others."""


class AmbiguousError(MeshError):
    """A request that two programs might read in two ways."""


def plain(target: str) -> str:
    """The path of a request's target, without its query; raises AmbiguousError.

    Sidecars make one path of all that mean the same (`//`, `.`, `..`, `..;`, `%61`) and refuse escaped slashes. Who
    asks may have passed another spelling on already, so that here every path but the one is refused.
    """
    path = target.partition("?")[0]
    if len(target) > LONGEST or not _PATH.fullmatch(path):
        raise AmbiguousError("the path is none that can be read in one way only", "escape what is not of RFC 3986")
    if any(int(each, 16) in _ALIKE or int(each, 16) < 0x20 or each.upper() == "7F" for each in _ESCAPED.findall(path)):
        raise AmbiguousError("the path has escapes that others resolve", "letters, digits and slashes stand unescaped")
    segments = [each.partition(";")[0] for each in path.split("/")]
    if "//" in path or not {".", ".."}.isdisjoint(segments):
        raise AmbiguousError("the path has segments that others resolve", "no `//`, `.` or `..`")
    return path


def verb(method: str) -> str:
    """The method of a request; raises AmbiguousError."""
    if not _METHOD.fullmatch(method) or method == "CONNECT":
        raise AmbiguousError("the method is none that is decided on", "one in capitals, other than `CONNECT`")
    return method
