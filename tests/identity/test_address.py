"""Addresses of servers and of ports to listen on."""

from __future__ import annotations

import socket

import pytest

from licet.identity.address import host_and_port, not_listened, written
from licet.identity.errors import MalformedError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("licet.example:8443", ("licet.example", 8443)),
        ("127.0.0.1:65535", ("127.0.0.1", 65535)),
        ("[::1]:1", ("::1", 1)),
    ],
)
def test_host_and_port_are_read(text: str, found: tuple[str, int]) -> None:
    assert host_and_port(text) == host_and_port(text, listening=True) == found


@pytest.mark.parametrize(
    "text",
    ["", "host", "host:", ":1", "host:65536", "::1:80", "http://host:1", "[::1]", "host:\u0661", "a b:1", "h:-1"],
)
@pytest.mark.parametrize("listening", [False, True])
def test_what_is_no_address_is_refused(text: str, listening: bool) -> None:
    with pytest.raises(MalformedError, match="is no address"):
        host_and_port(text, listening=listening)


def test_any_free_port_is_one_to_listen_on_and_none_to_connect_to() -> None:
    assert host_and_port("localhost:0", listening=True) == ("localhost", 0)
    with pytest.raises(MalformedError, match="`localhost:0` is no address"):
        host_and_port("localhost:0")


def test_why_nothing_can_listen_is_said_in_the_same_words_everywhere() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        text = written(*taken.getsockname())
        assert str(not_listened(text)) == (
            f"`{text}` cannot be listened on: address already in use: name another address or port"
        )
    assert "cannot be listened on: cannot assign requested address" in str(not_listened(written("203.0.113.7", 1)))
    assert written("::1", 80) == "[::1]:80"
