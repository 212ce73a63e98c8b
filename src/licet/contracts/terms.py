r"""What single values of contracts look like, with the form in words that findings tell.

Patterns are of the common subset of Python, RE2 and ECMAScript, but for `\Z`, which is `$` there.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from licet.model.ports import FIRST_PORT, LAST_PORT

_LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
_PROTO_NAME = "[A-Za-z_][A-Za-z0-9_]*"


def _text(pattern: str, most: int, form: str) -> msgspec.Meta:
    """A constraint on text; `form` says it in words, for findings."""
    return msgspec.Meta(pattern=rf"^(?:{pattern})\Z", max_length=most, extra={"form": form})


_LABEL_FORM = "use at most 63 of a-z, 0-9 and `-`, beginning and ending with a letter or digit"
_NAME_FORM = "use a-z, 0-9, `-` and `.`, beginning and ending with a letter or digit"
_BLOCK_FORM = "write a block such as `10.0.0.0/8` or `fd00::/8`"
_PORT_FORM = "use at most 15 of a-z, 0-9 and single `-` between them, with a letter"
_NUMBER_FORM = f"a port is a number from {FIRST_PORT} to {LAST_PORT}"

EntryName: TypeAlias = Annotated[str, _text(_LABEL, 63, _LABEL_FORM)]
ObjectName: TypeAlias = Annotated[str, _text(_SUBDOMAIN, 253, _NAME_FORM)]
NamespaceName: TypeAlias = Annotated[str, _text(_LABEL, 63, _LABEL_FORM)]
ClusterName: TypeAlias = Annotated[
    str, _text("[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?", 253, "use letters, digits, `-`, `_` and `.`")
]
KindName: TypeAlias = Annotated[
    str, _text("[A-Z][A-Za-z0-9]*", 63, "write the kind as manifests do, such as `Deployment`")
]
GroupName: TypeAlias = Annotated[
    str, _text(f"(?:{_SUBDOMAIN})?", 253, "write the group without version, such as `apps`")
]
PortNumber: TypeAlias = Annotated[int, msgspec.Meta(ge=FIRST_PORT, le=LAST_PORT, extra={"form": _NUMBER_FORM})]
PortName: TypeAlias = Annotated[str, _text("(?:[0-9]+-)*[0-9]*[a-z][a-z0-9]*(?:-[a-z0-9]+)*", 15, _PORT_FORM)]
Transport: TypeAlias = Literal["TCP", "UDP", "SCTP"]
HttpMethod: TypeAlias = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"]
GrpcService: TypeAlias = Annotated[
    str, _text(rf"{_PROTO_NAME}(?:\.{_PROTO_NAME})*", 253, "write package and service, such as `shop.Payment`")
]
GrpcMethod: TypeAlias = Annotated[str, _text(_PROTO_NAME, 128, "write the method's name alone, such as `Charge`")]
Block: TypeAlias = Annotated[str, _text("[0-9A-Fa-f:.]+/[0-9]{1,3}", 49, _BLOCK_FORM)]
DnsName: TypeAlias = Annotated[
    str,
    _text(
        rf"(?:\*\.)?(?:{_LABEL}\.)+[a-z](?:[-a-z0-9]*[a-z0-9])?",
        253,
        "write a whole name in lower case, such as `api.example.com`, or `*.example.com` for exactly one label more",
    ),
]
SpiffeId: TypeAlias = Annotated[
    str,
    _text(
        "spiffe://[a-z0-9._-]{1,255}(?:/[a-zA-Z0-9._-]+)+",
        2048,
        "write `spiffe://`, the trust domain in lower case, and a path, such as `spiffe://corp/vm/ledger`",
    ),
]
PathText: TypeAlias = Annotated[str, _text('/[!-"$->@-~]*', 1024, "begin with `/`, and leave out spaces, `?` and `#`")]
Owner: TypeAlias = Annotated[str, _text("[!-~]+", 253, "write one name without spaces, such as `team-payments`")]
Time: TypeAlias = Annotated[
    str,
    _text(
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})",
        35,
        "write date, time and time zone, such as `2027-03-31T00:00:00Z`",
    ),
]
