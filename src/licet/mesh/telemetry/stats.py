"""Envoy's counters, as far as nothing else says the same: what it was told and did not take, and what it dropped.

They are asked of Envoy's own administration. Its metrics service would push every counter there is, hundreds for a
sidecar, of which these few are wanted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import aiohttp
import msgspec

from licet.diag.diagnostic import Diagnostic
from licet.mesh.errors import SidecarError
from licet.mesh.telemetry import findings

Counters: TypeAlias = Mapping[str, int]

_FILTER = r"\.update_rejected$|\.logs_dropped$|\.ssl\.fail_verify_[a-z_]+$"
_SECRET = re.compile(r"(?:^|\.)sds\.(.+)\.update_rejected")
_POLICY = re.compile(r"(?:^|\.)extension_config_discovery\.(?:[a-z_]+_filter\.)?(.+)\.update_rejected")
_HANDSHAKE = re.compile(r"listener\.(.+)\.ssl\.(fail_verify_no_cert|fail_verify_error|fail_verify_san)")
_CAUSES = {
    "fail_verify_no_cert": "showed no certificate",
    "fail_verify_error": "showed a certificate that cannot be verified",
    "fail_verify_san": "showed a certificate of somebody else",
}
_LARGEST = 8 << 20
_SECONDS = 5.0


class _Stat(msgspec.Struct, frozen=True):
    name: str = ""
    value: int = 0


class _Stats(msgspec.Struct, frozen=True):
    stats: list[_Stat]


async def fetch(address: str) -> Counters:
    """The counters of the Envoy whose administration is at `host:port` or on the socket of this absolute path.

    Raises SidecarError where it does not answer.
    """
    local = address.startswith("/")
    connector = aiohttp.UnixConnector(address) if local else aiohttp.TCPConnector()
    url = f"http://{'localhost' if local else address}/stats"
    parameters = {"format": "json", "usedonly": "", "type": "Counters", "filter": _FILTER}
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(_SECONDS)) as session,
            session.get(url, params=parameters) as answer,
        ):
            answer.raise_for_status()
            data = await answer.content.read(_LARGEST)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise SidecarError("the sidecar's counters cannot be had", "see whether it runs") from error
    return read(data)


def read(data: bytes) -> Counters:
    """The counters of an answer; raises SidecarError."""
    try:
        stats = msgspec.json.decode(data, type=_Stats).stats
    except msgspec.MsgspecError as error:
        raise SidecarError("the sidecar's counters cannot be read", "see whether it is an Envoy") from error
    return {stat.name: stat.value for stat in stats if stat.name}


def judge(node: str, before: Counters, now: Counters) -> Iterator[Diagnostic]:
    """What went wrong since the counters were last looked at; what started anew counts from 0."""
    for name, value in sorted(now.items()):
        risen = value - before.get(name, 0) if value >= before.get(name, 0) else value
        if risen <= 0:
            continue
        if match := _SECRET.search(name):
            yield findings.secret_rejected(node, match[1], risen)
        elif match := _POLICY.search(name):
            yield findings.policy_rejected(node, match[1], risen)
        elif name.endswith(".logs_dropped"):
            yield findings.logs_dropped(node, risen)
        elif match := _HANDSHAKE.search(name):
            yield findings.handshakes_failed(node, match[1], _CAUSES[match[2]], risen)
