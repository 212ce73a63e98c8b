"""Matcher trees whose leaves are decisions with a name."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from envoy.config.core.v3.address_pb2 import CidrRange  # type: ignore[import-untyped]
from envoy.config.rbac.v3.rbac_pb2 import RBAC, Action  # type: ignore[import-untyped]
from envoy.extensions.matching.common_inputs.network.v3.network_inputs_pb2 import (  # type: ignore[import-untyped]
    DirectSourceIPInput,
    FilterStateInput,
    ServerNameInput,
)
from envoy.extensions.matching.common_inputs.ssl.v3.ssl_inputs_pb2 import (  # type: ignore[import-untyped]
    UriSanInput,
)
from envoy.extensions.matching.input_matchers.ip.v3.ip_pb2 import Ip  # type: ignore[import-untyped]
from envoy.type.matcher.v3.http_inputs_pb2 import HttpRequestHeaderMatchInput  # type: ignore[import-untyped]
from google.protobuf.message import Message
from xds.core.v3.extension_pb2 import TypedExtensionConfig  # type: ignore[import-untyped]
from xds.type.matcher.v3.matcher_pb2 import Matcher  # type: ignore[import-untyped]
from xds.type.matcher.v3.string_pb2 import StringMatcher  # type: ignore[import-untyped]

from licet.mesh.envoy.source import packed
from licet.model.addresses import AddressSet, address_text

Outcome: TypeAlias = Matcher.OnMatch
Predicate: TypeAlias = Matcher.MatcherList.Predicate
_REMEMBERED = 4096
"""Decisions that are written once, wherever they stand."""


def allowed(name: str) -> Outcome:
    """What lets through."""
    return _leaf(name, RBAC.Action.ALLOW)


def denied(name: str) -> Outcome:
    """What refuses."""
    return _leaf(name, RBAC.Action.DENY)


def by_identity(outcomes: Mapping[str, Outcome], otherwise: Outcome) -> Matcher:
    """By the SPIFFE ID of the caller's certificate, at one price however many there are.

    Of a connection without TLS nothing can be known by this, and Envoy refuses it without a name.
    """
    if not outcomes:
        return Matcher(on_no_match=otherwise)
    exact = Matcher.MatcherTree.MatchMap(map=outcomes)
    return Matcher(
        matcher_tree=Matcher.MatcherTree(input=_input("uri_san", UriSanInput()), exact_match_map=exact),
        on_no_match=otherwise,
    )


def in_order(cases: Sequence[tuple[Predicate, Outcome]], otherwise: Outcome) -> Matcher:
    """The first case whose predicate holds."""
    if not cases:
        return Matcher(on_no_match=otherwise)
    listed = [Matcher.MatcherList.FieldMatcher(predicate=when, on_match=then) for when, then in cases]
    return Matcher(matcher_list=Matcher.MatcherList(matchers=listed), on_no_match=otherwise)


def then(matcher: Matcher) -> Outcome:
    """Go on with another matcher; one that decides in any case is its own outcome."""
    if matcher.WhichOneof("matcher_type") is None:
        return matcher.on_no_match
    return Outcome(matcher=matcher)


def from_addresses(addresses: AddressSet) -> Predicate:
    """The address at the other end of the connection, which no header can change."""
    networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
    for first, last in addresses.ranges():
        low, high = ipaddress.ip_address(address_text(first)), ipaddress.ip_address(address_text(last))
        networks.extend(ipaddress.summarize_address_range(low, high))
    ranges = [
        CidrRange(address_prefix=str(each.network_address), prefix_len={"value": each.prefixlen}) for each in networks
    ]
    matcher = _extension("envoy.matching.matchers.ip", Ip(cidr_ranges=ranges, stat_prefix="source"))
    return _single(_input("direct_source_ip", DirectSourceIPInput()), custom_match=matcher)


def server_named(name: str) -> Predicate:
    """The name that the caller asked for in TLS."""
    return _single(_input("server_name", ServerNameInput()), value_match=StringMatcher(exact=name))


def server_under(name: str) -> Predicate:
    """A name below this one."""
    return _single(_input("server_name", ServerNameInput()), value_match=StringMatcher(suffix=f".{name}"))


def kept(name: str, value: str) -> Predicate:
    """What the connection keeps under this name."""
    return _single(_input("filter_state", FilterStateInput(key=name)), value_match=StringMatcher(exact=value))


def method(name: str) -> Predicate:
    """The request's method."""
    return _header(":method", StringMatcher(exact=name))


def path(text: str) -> Predicate:
    """The request's path, whatever its query."""
    return either([_header(":path", StringMatcher(exact=text)), path_begins(text + "?")])


def path_begins(text: str) -> Predicate:
    """The beginning of the request's path and query."""
    return _header(":path", StringMatcher(prefix=text))


def either(predicates: Sequence[Predicate]) -> Predicate:
    """Any of these, of which there is at least one."""
    if len(predicates) == 1:
        return predicates[0]
    return Predicate(or_matcher=Predicate.PredicateList(predicate=predicates))


def both(predicates: Sequence[Predicate]) -> Predicate:
    """All of these, of which there is at least one."""
    if len(predicates) == 1:
        return predicates[0]
    return Predicate(and_matcher=Predicate.PredicateList(predicate=predicates))


@lru_cache(_REMEMBERED)
def _leaf(name: str, action: int) -> Outcome:
    return Outcome(action=_extension("action", Action(name=name, action=action)))


def _header(name: str, match: StringMatcher) -> Predicate:
    return _single(_input("request_headers", HttpRequestHeaderMatchInput(header_name=name)), value_match=match)


def _single(input: TypedExtensionConfig, **match: Message) -> Predicate:
    return Predicate(single_predicate=Predicate.SinglePredicate(input=input, **match))


def _input(name: str, message: Message) -> TypedExtensionConfig:
    return _extension(f"envoy.matching.inputs.{name}", message)


def _extension(name: str, message: Message) -> TypedExtensionConfig:
    return TypedExtensionConfig(name=name, typed_config=packed(message))
