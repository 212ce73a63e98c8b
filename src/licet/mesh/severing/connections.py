"""Who has which connections open, as the sidecars' access logs say it.

Of HTTP no log says when a connection ends, so that they stay here until the kernel no longer has them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec
from envoy.data.accesslog.v3.accesslog_pb2 import (  # type: ignore[import-untyped]
    AccessLogCommon,
    AccessLogType,
    HTTPAccessLogEntry,
    TCPAccessLogEntry,
)

from licet.flows.envoy import CONNECTION
from licet.mesh.envoy.access_log import LOCAL
from licet.mesh.severing.connection import End, Ends

_SPARE = 1024
_OVER = AccessLogType.TcpConnectionEnd


class Held(msgspec.Struct, frozen=True):
    """A connection of an identity; `number` is Envoy's, `port` the one that is served, 0 where that is not known."""

    ends: Ends
    identity: str
    number: str
    port: int = 0


class Connections:
    """Those of every sidecar, by its node id.

    Of one sidecar there are never more than `most`, the oldest of which is forgotten for a newer one. `crowded` says
    when the kernel is to be asked which are still there.
    """

    def __init__(self, most: int = 1 << 16) -> None:
        self._most = most
        self._held: dict[str, dict[Ends, Held]] = {}
        self._room: dict[str, int] = {}
        self.forgotten = 0
        """How many may be open and are no longer known, since there were too many."""

    def __len__(self) -> int:
        return sum(map(len, self._held.values()))

    def __iter__(self) -> Iterator[tuple[str, Held]]:
        """Each with its node, as they are now."""
        return iter([(node, held) for node, known in self._held.items() for held in known.values()])

    def knows(self, node: str, held: Held) -> bool:
        """Whether it is open still, as far as is known."""
        return self._held.get(node, {}).get(held.ends) == held

    def hear(self, node: str, entry: HTTPAccessLogEntry | TCPAccessLogEntry, port: int = 0) -> Held | None:
        """The connection of an identity that the entry shows to be open: any but the last one does."""
        common = entry.common_properties
        held = _read(common, port)
        if held is None:
            return None
        known = self._held.setdefault(node, {})
        if common.access_log_type == _OVER:
            former = known.get(held.ends)
            if former is not None and former.number == held.number:
                del known[held.ends]
            return None
        known.pop(held.ends, None)
        known[held.ends] = held
        if len(known) > self._most:
            del known[next(iter(known))]
            self.forgotten += 1
        return held

    def inherit(self, node: str, ends: Ends, identity: str) -> Held:
        """A connection that no log was heard of, unless one is: what that says stands."""
        return self._held.setdefault(node, {}).setdefault(ends, Held(ends, identity, ""))

    def of(self, identities: Collection[str]) -> Mapping[tuple[str, str], tuple[Ends, ...]]:
        """What these have open, by identity and node."""
        found: dict[tuple[str, str], list[Ends]] = {}
        for node, known in self._held.items():
            for held in known.values():
                if held.identity in identities:
                    found.setdefault((held.identity, node), []).append(held.ends)
        return {key: tuple(ends) for key, ends in found.items()}

    def drop(self, node: str, ends: Iterable[Ends]) -> None:
        """These are over."""
        known = self._held.get(node, {})
        for each in ends:
            known.pop(each, None)

    def crowded(self) -> Iterator[str]:
        """Nodes with twice as many as when the kernel was last asked."""
        return (node for node, known in self._held.items() if len(known) > self._room.get(node, _SPARE))

    def keep(self, node: str, existing: Collection[Ends]) -> None:
        """Only these exist."""
        known = {ends: held for ends, held in self._held.get(node, {}).items() if ends in existing}
        self._held[node] = known
        self._room[node] = max(_SPARE, 2 * len(known))

    def newest(self, node: str) -> Collection[Ends]:
        """The half of what a sidecar has open that was heard of last."""
        known = tuple(self._held.get(node, ()))
        return frozenset(known[len(known) // 2 :])

    def forget(self, node: str) -> None:
        """The sidecar has gone, with all it had open."""
        self._held.pop(node, None)
        self._room.pop(node, None)


def _read(common: AccessLogCommon, port: int) -> Held | None:
    names = common.tls_properties.peer_certificate_properties.subject_alt_name
    identity = next((each.uri for each in names if each.uri), "")
    remote = common.downstream_direct_remote_address.socket_address
    if not identity or not remote.address:
        return None
    try:
        return Held(
            Ends(_local(common), End.of(remote.address, remote.port_value)),
            identity,
            common.custom_tags.get(CONNECTION, ""),
            port,
        )
    except ValueError:
        return None


def _local(common: AccessLogCommon) -> End:
    """As the kernel knows it, which where traffic is redirected is not where the caller meant to go."""
    host, _, port = common.custom_tags.get(LOCAL, "").rpartition(":")
    if port:
        return End.of(host.strip("[]"), int(port))
    local = common.downstream_local_address.socket_address
    return End.of(local.address, local.port_value)
