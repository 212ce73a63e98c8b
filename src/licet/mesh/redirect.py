"""Rules for a pod's network namespace that lead its connections through the sidecar, as text for `nft -f -`.

They hold for TCP, over IPv4 and IPv6. UDP and all else passes by the sidecar, QUIC on port 443 too: network policies,
which deny what nobody agreed to, are what decides about it. Nothing depends on a sidecar that runs: where none listens,
a connection is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Final

import msgspec

from licet.mesh.envoy.names import PORT_IN, PORT_OUT, PORT_PROBES

TABLE: Final = "inet licet"
UID: Final = 15000
"""The user that a sidecar runs as, and nothing else in its pod may."""


class Redirect(msgspec.Struct, frozen=True):
    """Whose connections are led where.

    `uid` is the sidecar's own user, `passing` the ports, at least one, that are reached from outside without it, and
    `beyond` the networks that the workload reaches without it. Of `resolvers` names may be asked, which over UDP passes
    by anyway.
    """

    uid: int = UID
    passing: tuple[int, ...] = (PORT_PROBES,)
    beyond: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ()


def ruleset(redirect: Redirect) -> str:
    """The rules, which take the place of those that are there in one step, or of none.

    The sidecar reaches the program on loopback. What it calls at an address of its own pod, as a workload that calls
    itself, comes in as from outside. Connections that are older than the rules are ended.
    """
    passing, inside = _ports(redirect.passing), _ports({*redirect.passing, PORT_IN})
    without = [*((each, "") for each in redirect.beyond), *((each, " tcp dport 53") for each in redirect.resolvers)]
    beyond = "".join(f"\t\t{_family(block)} daddr {block}{port} accept\n" for block, port in without)
    return f"""{removal()}table {TABLE} {{
	chain leaving {{
		type nat hook output priority -100; policy accept;
		meta l4proto != tcp accept
		ip daddr 127.0.0.0/8 accept
		ip6 daddr ::1 accept
		meta skuid {redirect.uid} fib daddr type local tcp dport != {passing} redirect to :{PORT_IN}
		meta skuid {redirect.uid} accept
		fib daddr type local accept
{beyond}		meta l4proto tcp redirect to :{PORT_OUT}
	}}
	chain arriving {{
		type nat hook prerouting priority -100; policy accept;
		iifname "lo" accept
		tcp dport {passing} accept
		meta l4proto tcp redirect to :{PORT_IN}
	}}
	chain left {{
		type filter hook output priority filter; policy accept;
		meta l4proto != tcp accept
		meta skuid {redirect.uid} accept
		ct direction reply accept
		fib daddr type local accept
{beyond}		reject with tcp reset
	}}
	chain arrived {{
		type filter hook input priority filter; policy accept;
		meta l4proto != tcp accept
		iifname "lo" accept
		ct direction reply accept
		tcp dport {inside} accept
		reject with tcp reset
	}}
}}
"""


def removal() -> str:
    """What takes the rules away, and does nothing where there are none."""
    return f"table {TABLE}\ndelete table {TABLE}\n"


def _ports(ports: Iterable[int]) -> str:
    return f"{{ {', '.join(map(str, sorted(ports)))} }}"


def _family(block: str) -> str:
    return "ip6" if ip_network(block).version == 6 else "ip"
