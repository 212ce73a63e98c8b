"""Which chain a redirected connection of the workload comes to: by port, by address, and by the name asked for in TLS.

The chains have no conditions of their own, so that instances that come and go change none of them: a chain that is
changed is drained, all others stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address

import msgspec
from envoy.extensions.matching.common_inputs.network.v3.network_inputs_pb2 import (  # type: ignore[import-untyped]
    DestinationIPInput,
    DestinationPortInput,
    ServerNameInput,
)
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import StringValue
from xds.core.v3.cidr_pb2 import CidrRange  # type: ignore[import-untyped]
from xds.core.v3.extension_pb2 import TypedExtensionConfig  # type: ignore[import-untyped]
from xds.type.matcher.v3.ip_pb2 import IPMatcher  # type: ignore[import-untyped]
from xds.type.matcher.v3.matcher_pb2 import Matcher  # type: ignore[import-untyped]
from xds.type.matcher.v3.regex_pb2 import RegexMatcher  # type: ignore[import-untyped]
from xds.type.matcher.v3.string_pb2 import StringMatcher  # type: ignore[import-untyped]

from licet.mesh.envoy.address import networks
from licet.mesh.envoy.source import packed
from licet.model.addresses import AddressSet


class Port(msgspec.Struct, frozen=True):
    """What is told apart on one destination port, each with the name of its chain.

    First `instances` by their address, then `outside`, which have no address in common; then `servers` by regular
    expressions that the name asked for is whole, in order; then whatever `otherwise` says, empty where that is nothing.
    """

    instances: Mapping[str, str] = {}
    outside: Sequence[tuple[AddressSet, str]] = ()
    servers: Sequence[tuple[str, str]] = ()
    otherwise: str = ""


def chosen(ports: Mapping[int, Port], refused: str) -> Matcher:
    """The name of the chain, `refused` for everything that none was said for."""
    otherwise = _chain(refused)
    if not ports:
        return Matcher(on_no_match=otherwise)
    tree = Matcher.MatcherTree(
        input=_extension("destination_port", DestinationPortInput()),
        exact_match_map=Matcher.MatcherTree.MatchMap(
            map={str(number): _on_port(port, otherwise) for number, port in sorted(ports.items())}
        ),
    )
    return Matcher(matcher_tree=tree, on_no_match=otherwise)


def by_server(servers: Iterable[tuple[str, str]], refused: str) -> Matcher:
    """The same by the name asked for in TLS alone, of which there is at least one."""
    return _by_server(servers, _chain(refused)).matcher


def _on_port(port: Port, refused: Matcher.OnMatch) -> Matcher.OnMatch:
    otherwise = _by_server(port.servers, _chain(port.otherwise) if port.otherwise else refused)
    if not port.instances and not port.outside:
        return otherwise
    ranges: dict[str, list[CidrRange]] = {}
    for address, chain in sorted(port.instances.items()):
        ranges.setdefault(chain, []).append(_range(address, ip_address(address).max_prefixlen))
    for addresses, chain in port.outside:
        for network in networks(addresses):
            # The narrower range decides: an instance within stays what it is, unless it is all there is of the range.
            if str(network.network_address) not in port.instances or network.num_addresses > 1:
                ranges.setdefault(chain, []).append(_range(str(network.network_address), network.prefixlen))
    matcher = IPMatcher(
        range_matchers=[
            IPMatcher.IPRangeMatcher(ranges=found, on_match=_chain(chain)) for chain, found in ranges.items()
        ]
    )
    tree = Matcher.MatcherTree(
        input=_extension("destination_ip", DestinationIPInput()), custom_match=_extension("ip", matcher)
    )
    return Matcher.OnMatch(matcher=Matcher(matcher_tree=tree, on_no_match=otherwise))


def _by_server(servers: Iterable[tuple[str, str]], otherwise: Matcher.OnMatch) -> Matcher.OnMatch:
    listed = [_server(pattern, chain) for pattern, chain in servers]
    if not listed:
        return otherwise
    return Matcher.OnMatch(matcher=Matcher(matcher_list=Matcher.MatcherList(matchers=listed), on_no_match=otherwise))


def _server(pattern: str, chain: str) -> Matcher.MatcherList.FieldMatcher:
    whole = StringMatcher(safe_regex=RegexMatcher(google_re2=RegexMatcher.GoogleRE2(), regex=pattern))
    predicate = Matcher.MatcherList.Predicate.SinglePredicate(
        input=_extension("server_name", ServerNameInput()), value_match=whole
    )
    return Matcher.MatcherList.FieldMatcher(
        predicate=Matcher.MatcherList.Predicate(single_predicate=predicate), on_match=_chain(chain)
    )


def _range(address: str, length: int) -> CidrRange:
    return CidrRange(address_prefix=address, prefix_len={"value": length})


def _chain(name: str) -> Matcher.OnMatch:
    return Matcher.OnMatch(action=_extension("chain", StringValue(value=name)))


def _extension(name: str, message: Message) -> TypedExtensionConfig:
    return TypedExtensionConfig(name=name, typed_config=packed(message))
