"""What no single field of a contract can say wrongly: rules between fields, for API servers and for schemas.

`decode` and `peers` hold every contract to them with findings of its own; here the same rules stand in the Common
Expression Language, which an API server evaluates, and as JSON Schema, where that can say them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from licet.contracts import wire
from licet.contracts.peers import BUILT_IN, CALLEES, CALLERS
from licet.manifest.platform import PlatformFields

_KEYWORDS = ("namespace",)
"""Fields that an expression writes between underscores, being words of the language."""


class Rule(msgspec.Struct, frozen=True):
    """A rule between fields of one type. `schema` is None where JSON Schema cannot say it."""

    cel: str
    message: str
    schema: dict[str, Any] | None


def _has(field: str, of: str = "self") -> str:
    return f"has({of}.{f'__{field}__' if field in _KEYWORDS else field})"


def _one_of(fields: tuple[str, ...]) -> Rule:
    return Rule(
        f"[{', '.join(map(_has, fields))}].exists_one(given, given)",
        f"set exactly one of {', '.join(fields)}",
        {"oneOf": [{"required": [field]} for field in fields]},
    )


def _not_both(first: str, second: str) -> Rule:
    return Rule(
        f"!({_has(first)} && {_has(second)})",
        f"{first} and {second} do not go together",
        {"not": {"required": [first, second]}},
    )


def _over_tcp(fields: tuple[str, ...]) -> Rule:
    given = " || ".join(map(_has, fields))
    tcp = "(!has(self.ports) || self.ports.all(port, port.transport == 'TCP'))"
    only_tcp = {"properties": {"ports": {"items": {"properties": {"transport": {"const": "TCP"}}}}}}
    return Rule(
        f"!({given}) || {tcp}",
        f"{' and '.join(fields)} {'is' if len(fields) == 1 else 'are'} of TCP: make one entry for each transport",
        {"if": {"anyOf": [{"required": [field]} for field in fields]}, "then": only_tcp},
    )


_BUILT_IN_KIND = Rule(
    f"has(self.group) || !has(self.kind) || self.kind in [{', '.join(repr(kind) for kind in BUILT_IN)}]",
    "name the API group of a kind that is not built in",
    {"if": {"not": {"required": ["group"]}}, "then": {"properties": {"kind": {"enum": list(BUILT_IN)}}}},
)
_DEFAULT_NAME = Rule(
    f"self.metadata.name == '{wire.DEFAULT_NAME}'",
    f"there is one, and it is named {wire.DEFAULT_NAME}",
    {"properties": {"metadata": {"properties": {"name": {"const": wire.DEFAULT_NAME}}}}},
)
_PEERS_OF = "self.callers.peers"


def _of_entry(condition: str, fields: tuple[str, ...], message: str, given: dict[str, Any]) -> Rule:
    """No caller of an entry that meets the condition may bear one of these requests."""
    free = " && ".join(f"!{_has(field, 'peer')}" for field in fields)
    none = {"not": {"anyOf": [{"required": [field]} for field in fields]}}
    peers = {"properties": {"callers": {"properties": {"peers": {"items": none}}}}}
    return Rule(
        f"!({condition}) || !has(self.callers) || !has({_PEERS_OF}) || {_PEERS_OF}.all(peer, {free})",
        message,
        {"if": given, "then": peers},
    )


def _spoken(*applications: str) -> dict[str, Any]:
    return {"required": ["application"], "properties": {"application": {"enum": list(applications)}}}


_OUTSIDE = ("dns", "cidr", "platform")
_TO_OUTSIDE = " || ".join(_has(field, "self.to") for field in _OUTSIDE)
_PORTLESS = {
    "properties": {
        "to": {
            "anyOf": [
                *({"required": [field]} for field in ("dns", "cidr", "self")),
                {"required": ["platform"], "properties": {"platform": {"not": {"const": "APIServer"}}}},
            ]
        }
    }
}

RULES: dict[type, tuple[Rule, ...]] = {
    wire.TargetRef: (_BUILT_IN_KIND,),
    wire.WorkloadRef: (_BUILT_IN_KIND,),
    wire.Port: (
        Rule(
            "!has(self.endPort) || (type(self.port) == int && self.endPort >= int(self.port))",
            "endPort needs a port that is a number, and is at least that",
            {"if": {"required": ["endPort"]}, "then": {"properties": {"port": {"type": "integer"}}}},
        ),
    ),
    wire.Caller: (_one_of(CALLERS), _not_both("http", "grpc")),
    wire.Callers: (
        Rule(
            "(self.from == 'Selected') == has(self.peers)",
            "peers go with from: Selected, and with nothing else",
            {
                "if": {"properties": {"from": {"const": "Selected"}}},
                "then": {"required": ["peers"]},
                "else": {"not": {"required": ["peers"]}},
            },
        ),
    ),
    wire.Serve: (
        _over_tcp(("application",)),
        _of_entry(
            "has(self.application) && !(self.application in ['HTTP', 'HTTP2'])",
            ("http",),
            "http goes with application HTTP or HTTP2",
            _spoken("gRPC", "TLS"),
        ),
        _of_entry(
            "has(self.application) && self.application != 'gRPC'",
            ("grpc",),
            "grpc goes with application gRPC",
            _spoken("HTTP", "HTTP2", "TLS"),
        ),
        _of_entry(
            "self.ports.exists(port, port.transport != 'TCP')",
            ("http", "grpc"),
            "http and grpc are of TCP: make one entry for each transport",
            {
                "properties": {
                    "ports": {
                        "contains": {
                            "required": ["transport"],
                            "properties": {"transport": {"not": {"const": "TCP"}}},
                        }
                    }
                }
            },
        ),
    ),
    wire.To: (_one_of(CALLEES),),
    wire.Call: (
        _not_both("http", "grpc"),
        _not_both("serves", "ports"),
        _over_tcp(("http", "grpc")),
        Rule(
            f"!has(self.serves) || !({_TO_OUTSIDE})",
            "only workloads have entries: write ports",
            {
                "if": {"required": ["serves"]},
                "then": {"properties": {"to": {"not": {"anyOf": [{"required": [field]} for field in _OUTSIDE]}}}},
            },
        ),
        Rule(
            "has(self.ports) || has(self.serves) || !(has(self.to.dns) || has(self.to.cidr) || has(self.to.self) || "
            "(has(self.to.platform) && self.to.platform != 'APIServer'))",
            "ports are needed where no contract of the callee says them",
            {"if": _PORTLESS, "then": {"anyOf": [{"required": ["ports"]}, {"required": ["serves"]}]}},
        ),
    ),
    wire.NamespaceContract: (_DEFAULT_NAME,),
    PlatformFields: (_DEFAULT_NAME,),
}
"""The rules of each type."""
