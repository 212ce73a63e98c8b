"""Who is connected to the program at all, known when the handshake is done and before anybody has said anything.

An RBAC filter decides about a connection at its first byte, which a caller never sends that waits to be spoken to. So
the same is decided before it, in CEL, of the certificate's identity and of the address at the other end; the answer is
kept with the connection and stands in its access log. It is a resource of its own, as the policy is (see `rbac`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from envoy.config.core.v3.base_pb2 import DataSource  # type: ignore[import-untyped]
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig  # type: ignore[import-untyped]
from envoy.config.core.v3.substitution_format_string_pb2 import (  # type: ignore[import-untyped]
    SubstitutionFormatString,
)
from envoy.config.listener.v3.listener_components_pb2 import Filter  # type: ignore[import-untyped]
from envoy.extensions.filters.common.set_filter_state.v3.value_pb2 import (  # type: ignore[import-untyped]
    FilterStateValue,
)
from envoy.extensions.filters.network.set_filter_state.v3.set_filter_state_pb2 import (  # type: ignore[import-untyped]
    Config,
)

from licet.flows.envoy_verdict import ADMISSION
from licet.mesh.envoy import names
from licet.mesh.envoy.address import networks
from licet.mesh.envoy.source import packed
from licet.mesh.fleet import Fleet, Stage
from licet.mesh.intent import DEFAULT_DENY, FOREIGN_ADDRESS, REVOKED, From, Proof, Rule, Served
from licet.mesh.resource import Resource
from licet.model.addresses import AddressSet

MARK = "licet.mark"
"""What a connection keeps the mark of its policy under, for the prober to see."""
_CALLER, _ADDRESS = "licet.caller", "licet.address"
_CLUSTER = "envoy.tcp_proxy.cluster"
"""Where a connection leads, whatever cluster its chain says; asked when the chain begins and before each attempt."""
_TEXT = "envoy.string"
_ADMITTED, _REFUSED, _WOULD_REFUSE = "+", "-", "~"
_PASSES = f"{{0}} >= b'{_ADMITTED}' && {{0}} < b',' || {{0}} >= b'{_WOULD_REFUSE}'"
_EXPRESSION = 50_000
"""Characters of an expression, of which Envoy takes twice as many."""
_AT_HANDSHAKE = b"\x12"
"""Field 2 of the filter, `on_downstream_tls_handshake`, which the published messages do not have yet."""


def concerned(served: Served, stage: Stage, fleet: Fleet) -> dict[str, list[int]]:
    """For each identity of which there is anything to say, the rules that may admit it, in order.

    Whoever is denied where nothing lets them in is one of many strangers: so that a revocation is known soon where it
    ends something, it is said there alone, and wherever strangers pass for now.
    """
    by_address = [index for index, rule in enumerate(served.rules) if isinstance(rule.who, From)]
    rules: dict[str, list[int]] = {}
    if stage is not Stage.ENFORCE:
        rules.update({identity: list(by_address) for identity in fleet.denied})
    if by_address:
        # Who is let in by address alone may still be an identity that is denied, or does not belong there.
        rules.update({identity: list(by_address) for identity in (*fleet.denied, *fleet.bound)})
    for index, rule in enumerate(served.rules):
        if isinstance(rule.who, Proof):
            for identity in rule.who.identities:
                rules.setdefault(identity, list(by_address)).append(index)
    return {identity: sorted(indices) for identity, indices in sorted(rules.items())}


def of_proven(served: Served, stage: Stage, fleet: Fleet, mark: str) -> Resource:
    """For connections whose callers have shown a certificate."""
    cases = [
        (identity, _judged(identity, [served.rules[index] for index in indices], stage, fleet))
        for identity, indices in concerned(served, stage, fleet).items()
        if stage is not Stage.OBSERVE or identity in fleet.denied
    ]
    # All names of a certificate, so that one with two is nobody: it is not one of them with a comma behind it.
    caller = _value(_CALLER, "%DOWNSTREAM_PEER_URI_SAN%")
    found = [_decided(expression) for expression in _among(cases)]
    return _resource(names.admission(served.port), [caller, *_strangers(served, stage), *found, _value(MARK, mark)])


def of_strangers(served: Served, stage: Stage) -> Resource:
    """For connections without TLS."""
    if served.strict and stage is not Stage.OBSERVE:
        judged = [_decided(_text(_refused(stage) + DEFAULT_DENY))]
    else:
        judged = _strangers(served, stage)
    return _resource(names.plain_admission(served.port), judged)


def leading_to(cluster: str) -> Filter:
    """Of who is admitted the connection leads to this cluster, of everybody else where its chain leads by itself."""
    passes = _PASSES.format(_state(ADMISSION))
    led = _value(_CLUSTER, f"%CEL({passes} ? {_text(cluster)} : '')%", _CLUSTER)
    led.skip_if_empty = True
    return Filter(name="envoy.filters.network.set_filter_state", typed_config=packed(_handshake([led])))


def _strangers(served: Served, stage: Stage) -> list[FilterStateValue]:
    """What is decided of callers that no rule knows by an identity, and what is needed to know it of all others."""
    address = "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT"
    whos = [rule.who for rule in served.rules]
    ranges = [who.addresses for who in whos if isinstance(who, From)]
    lengths = sorted({network.prefixlen for addresses in ranges for network in networks(addresses)})
    if stage is Stage.OBSERVE:
        return [_decided(_text(_ADMITTED + stage.value))]
    return [
        _value(_ADDRESS, f"{address}%"),
        *(_value(_network(length), f"{address}({length})%") for length in lengths),
        _decided(_first([rule for rule in served.rules if isinstance(rule.who, From)], stage)),
    ]


def _judged(identity: str, rules: Iterable[Rule], stage: Stage, fleet: Fleet) -> str:
    if identity in fleet.denied:
        return _text(_REFUSED + REVOKED)
    bound = fleet.bound.get(identity)
    if bound is None:
        return _first(rules, stage)
    foreign = _text(_refused(stage) + FOREIGN_ADDRESS)
    return f"{_state(_ADDRESS)} in {_list(bound)} ? ({_first(rules, stage)}) : {foreign}"


def _first(rules: Iterable[Rule], stage: Stage) -> str:
    """The first of these that lets through; whom they know by identity has shown it."""
    cases, last = [], _refused(stage) + DEFAULT_DENY
    for rule in rules:
        if isinstance(rule.who, Proof):
            last = _ADMITTED + rule.name
            break
        cases.append((_within(rule.who.addresses), _ADMITTED + rule.name))
    return "".join(f"{when} ? {_text(then)} : " for when, then in cases) + _text(last)


def _refused(stage: Stage) -> str:
    return _REFUSED if stage is Stage.ENFORCE else _WOULD_REFUSE


def _within(addresses: AddressSet) -> str:
    by_length: dict[int, list[str]] = {}
    for network in networks(addresses):
        by_length.setdefault(network.prefixlen, []).append(str(network))
    found = [f"{_state(_network(length))} in {_list(held)}" for length, held in by_length.items()]
    return " || ".join(found) or "false"


def _among(cases: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Expressions that each find some of the callers, in as many steps as a sorted list is searched in."""
    if sum(len(identity) * 2 + len(judged) + 2 * len(_CALLER) for identity, judged in cases) > _EXPRESSION:
        middle = len(cases) // 2
        if middle:
            yield from _among(cases[:middle])
            yield from _among(cases[middle:])
            return
    if cases:
        yield _search(cases)


def _search(cases: Sequence[tuple[str, str]]) -> str:
    middle = len(cases) // 2
    identity, judged = cases[middle]
    if not middle:
        return f"{_state(_CALLER)} == {_bytes(identity)} ? ({judged}) : ''"
    return f"{_state(_CALLER)} < {_bytes(identity)} ? ({_search(cases[:middle])}) : ({_search(cases[middle:])})"


def _network(length: int) -> str:
    return f"{_ADDRESS}/{length}"


def _state(name: str) -> str:
    return f"filter_state['{name}']"


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(_bytes(each) for each in sorted(texts))}]"


def _text(text: str) -> str:
    """A literal in which no character means anything, to CEL or around it."""
    return "'" + "".join(each if _harmless(each) else f"\\U{ord(each):08x}" for each in text) + "'"


def _bytes(text: str) -> str:
    return "b'" + "".join(chr(each) if _harmless(chr(each)) else f"\\x{each:02x}" for each in text.encode()) + "'"


def _harmless(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character in "+-~./_@ #")


def _decided(expression: str) -> FilterStateValue:
    """What no expression says anything of stays as it was."""
    value = _value(ADMISSION, f"%CEL({expression})%")
    value.skip_if_empty = True
    return value


def _value(name: str, text: str, kind: str = _TEXT) -> FilterStateValue:
    source = DataSource(inline_string=text)
    return FilterStateValue(
        object_key=name,
        factory_key=kind,
        format_string=SubstitutionFormatString(text_format_source=source, omit_empty_values=True),
    )


def _handshake(values: Iterable[FilterStateValue]) -> Config:
    """When the handshake is done, or at once where there is none."""
    body = b""
    for value in values:
        said = Config(on_new_connection=[value]).SerializeToString(deterministic=True)
        body += _AT_HANDSHAKE + said[1:]
    return Config.FromString(body)


def _resource(name: str, values: Iterable[FilterStateValue]) -> Resource:
    return Resource.of(name, TypedExtensionConfig(name=name, typed_config=packed(_handshake(values))))
