"""Paths and methods that two programs might read in two ways are never decided on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.mesh.decision.request_path import LONGEST, AmbiguousError, plain, verb

FINE = [
    "/",
    "/v1/items",
    "/v1/items/",
    "/a.b/c..d",
    "/...",
    "/a%20b",
    "/%C3%A9",
    "/a:b@c;d=e,f",
    "/shop.Checkout/Place",
    "/a;b/..c;d",
]
TRICKS = [
    "",
    "v1",
    "*",
    "http://other/v1",
    "//v1",
    "/v1//items",
    "/v1/items//",
    "/v1/../admin",
    "/..",
    "/.",
    "/v1/./items",
    "/v1/..",
    "/v1/..;/admin",
    "/v1/..;a=b/admin",
    "/v1/.;/items",
    "/v1/%2e%2e/admin",
    "/v1/%2E./admin",
    "/v1%2fadmin",
    "/v1%2Fadmin",
    "/v1%5cadmin",
    "/v1\\admin",
    "/%76%31",
    "/v1%00",
    "/v1%0d%0aHost:x",
    "/v1%7f",
    "/v1%",
    "/v1%2",
    "/v1%zz",
    "/v1 HTTP/1.1",
    "/v1\n",
    "/v1\x00",
    "/v1#fragment",
    "/v\u0131",
    "/v1\u2215admin",
    "/[v1]",
    '/"v1"',
    "/" + "a" * LONGEST,
]


@pytest.mark.parametrize("path", FINE)
def test_a_plain_path_is_taken_as_it_is_and_its_query_cut_off(path: str) -> None:
    assert plain(path) == path
    assert plain(f"{path}?a=/../%2f//#") == path


@pytest.mark.parametrize("path", TRICKS, ids=ascii)
def test_a_path_that_could_be_read_in_two_ways_is_refused(path: str) -> None:
    with pytest.raises(AmbiguousError):
        plain(path)


@pytest.mark.parametrize("method", ["", "get", "GeT", "CONNECT", "GET ", "GET\n", "G\u00c9T", "A" * 65, "GET,POST"])
def test_a_method_that_could_be_read_in_two_ways_is_refused(method: str) -> None:
    with pytest.raises(AmbiguousError):
        verb(method)


@given(st.text(alphabet="/.%25fFeE?#\\a;\x00 ", max_size=12))
def test_what_is_taken_has_no_segment_and_no_escape_that_others_resolve(target: str) -> None:
    try:
        path = plain(target)
    except AmbiguousError:
        return
    assert path == target.partition("?")[0]
    assert path.startswith("/")
    assert not {"", ".", ".."}.intersection(path.split("/")[1:-1]) - ({""} if path == "/" else set())
    assert not any(trick in path.lower() for trick in ("//", "%2f", "%5c", "%2e", "\\", "#", " ", "\x00"))
