"""What both sides allow of the requests on a connection: the intersection of two lists of matches."""

from __future__ import annotations

from collections.abc import Iterable

from licet.contracts.contract import GrpcMatch, HttpMatch


def both_http(ours: tuple[HttpMatch, ...], theirs: tuple[HttpMatch, ...]) -> tuple[HttpMatch, ...] | None:
    """The requests that are in both; an empty list means every request, None that no request is in both."""
    if not ours or not theirs:
        return ours or theirs
    return _once(found for a in ours for b in theirs if (found := _http(a, b)) is not None) or None


def both_grpc(ours: tuple[GrpcMatch, ...], theirs: tuple[GrpcMatch, ...]) -> tuple[GrpcMatch, ...] | None:
    """As `both_http`, for gRPC."""
    if not ours or not theirs:
        return ours or theirs
    return _once(found for a in ours for b in theirs if (found := _grpc(a, b)) is not None) or None


def _http(a: HttpMatch, b: HttpMatch) -> HttpMatch | None:
    methods = _methods(a.methods, b.methods)
    if methods is None:
        return None
    narrow, wide = (a, b) if a.exact or (not b.exact and len(a.path) >= len(b.path)) else (b, a)
    if wide.exact:
        return HttpMatch(methods, narrow.path, exact=True) if narrow.path == wide.path else None
    return HttpMatch(methods, narrow.path, narrow.exact) if _is_below(narrow.path, wide.path) else None


def _is_below(path: str, prefix: str) -> bool:
    """Prefixes match whole segments, as in the Gateway API (HTTPPathMatch, PathPrefix)."""
    prefix = prefix.rstrip("/")
    return path.rstrip("/") == prefix or path.startswith(f"{prefix}/")


def _grpc(a: GrpcMatch, b: GrpcMatch) -> GrpcMatch | None:
    methods = _methods(a.methods, b.methods)
    return GrpcMatch(a.service, methods) if a.service == b.service and methods is not None else None


def _methods(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...] | None:
    """Methods in both, where none at all means any; None where they have none in common."""
    if not a or not b:
        return a or b
    return tuple(method for method in a if method in b) or None


def _once(matches: Iterable[HttpMatch | GrpcMatch]) -> tuple:  # type: ignore[type-arg]
    return tuple(dict.fromkeys(matches))
