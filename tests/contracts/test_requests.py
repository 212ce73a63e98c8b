"""Two lists of requests meet in exactly the requests that both allow."""

from hypothesis import given
from hypothesis import strategies as st

from licet.contracts.contract import GrpcMatch, HttpMatch
from licet.contracts.requests import both_grpc, both_http

METHODS = ("GET", "PUT", "POST")
PATHS = ("/", "/v1", "/v1/", "/v1/items", "/v1/items/7", "/v1x", "/v2")
methods = st.lists(st.sampled_from(METHODS), max_size=2, unique=True).map(tuple)
http = st.lists(st.builds(HttpMatch, methods, st.sampled_from(PATHS), st.booleans()), max_size=3).map(tuple)
grpc = st.lists(st.builds(GrpcMatch, st.sampled_from(["a.A", "b.B"]), methods), max_size=3).map(tuple)


def allows_http(matches: tuple[HttpMatch, ...], method: str, path: str) -> bool:
    """Exact is the very path; Prefix goes by whole segments, one slash at the end counting for nothing."""
    return not matches or any(
        (not match.methods or method in match.methods)
        and (
            path == match.path
            if match.exact
            else path.rstrip("/").split("/")[: len(match.path.rstrip("/").split("/"))]
            == match.path.rstrip("/").split("/")
        )
        for match in matches
    )


@given(http, http)
def test_http(ours: tuple[HttpMatch, ...], theirs: tuple[HttpMatch, ...]) -> None:
    both = both_http(ours, theirs)
    for method in METHODS:
        for path in PATHS:
            wanted = allows_http(ours, method, path) and allows_http(theirs, method, path)
            assert (both is not None and allows_http(both, method, path)) == wanted


@given(grpc, grpc)
def test_grpc(ours: tuple[GrpcMatch, ...], theirs: tuple[GrpcMatch, ...]) -> None:
    def allows(matches: tuple[GrpcMatch, ...], service: str, method: str) -> bool:
        return not matches or any(m.service == service and (not m.methods or method in m.methods) for m in matches)

    both = both_grpc(ours, theirs)
    for service in ("a.A", "b.B"):
        for method in METHODS:
            wanted = allows(ours, service, method) and allows(theirs, service, method)
            assert (both is not None and allows(both, service, method)) == wanted
