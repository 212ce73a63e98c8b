"""What a contract that people keep lacks of what manifests show, and what it has that they do not show."""

from __future__ import annotations

from collections.abc import Iterator, Set

import msgspec

from licet.contracts.contract import (
    Call,
    Caller,
    CidrPeer,
    Contract,
    DnsPeer,
    From,
    GatewayPeer,
    NamespacePeer,
    Peer,
    PlatformPart,
    PlatformPeer,
    Port,
    SelfPeer,
    Serve,
    ServicePeer,
    SpiffePeer,
    WorkloadPeer,
)
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Path
from licet.discover import edge, findings, lines
from licet.discover.draft import Draft, DraftCall, DraftCaller, DraftServe, entry_name
from licet.discover.lines import Where
from licet.model.key import Key
from licet.model.ports import PortRange
from licet.model.workload import Workload


class Addition(msgspec.Struct, frozen=True):
    """Lines to add to a contract: as an item of the list at `path`, or, with `key`, as a key of the mapping there."""

    path: Path
    lines: tuple[str, ...]
    what: str
    key: bool = False


class Update(msgspec.Struct, frozen=True):
    """What is to be added to a contract, and what is to be told of it."""

    additions: tuple[Addition, ...]
    diagnostics: tuple[Diagnostic, ...]


def update(contract: Contract, draft: Draft, workload: Workload, silent: Set[int], where: Where) -> Update:
    """How a contract becomes what the manifests show, nothing of it changed or taken away.

    `silent` are the positions of the entries of `serves` that do not have the field `callers`.
    """
    names = [call.name for call in contract.calls]
    additions: list[Addition] = []
    said: list[Diagnostic] = []
    for call in draft.calls:
        if not any(_covers_call(mine, call) for mine in contract.calls):
            named = msgspec.structs.replace(call, name=entry_name(call.name, names))
            names.append(named.name)
            added = tuple(lines.call_lines(named, draft.key, where))
            additions.append(Addition(("spec", "calls"), added, f"call `{named.name}`"))
    for serve in draft.serves:
        for step in _serve(contract, serve, draft.key, workload, silent, where):
            if isinstance(step, Addition):
                additions.append(step)
            else:
                said.append(step)
    said += _without_evidence(contract, draft, workload)
    return Update(tuple(additions), tuple(said))


def _serve(
    contract: Contract, drafted: DraftServe, key: Key, workload: Workload, silent: Set[int], where: Where
) -> Iterator[Addition | Diagnostic]:
    fitting = [at for at, serve in enumerate(contract.serves) if _has_port(serve.ports, drafted.port, workload)]
    if not fitting and not drafted.callers:
        return
    if not fitting:
        name = entry_name(drafted.name, [serve.name for serve in contract.serves])
        named = msgspec.structs.replace(drafted, name=name)
        added = tuple(lines.serve_lines(named, key, where))
        yield Addition(("spec", "serves"), added, f"entry `{name}` of `serves`")
        return
    missing = [c for c in drafted.callers if not any(_admits(contract.serves[at], c, key) for at in fitting)]
    if not missing:
        return
    serve, path = contract.serves[fitting[0]], ("spec", "serves", fitting[0])
    if fitting[0] in silent:
        only = msgspec.structs.replace(drafted, callers=tuple(missing))
        added = tuple(lines.callers_lines(only, key, where))
        yield Addition(path, added, f"`callers` of `{serve.name}`", key=True)
        return
    if serve.admits is From.SELECTED:
        names = [caller.name for caller in serve.callers]
        for caller in missing:
            named_caller = msgspec.structs.replace(caller, name=entry_name(caller.name, names, key.namespace))
            names.append(named_caller.name)
            added = tuple(lines.caller_lines(named_caller, key, where))
            yield Addition((*path, "callers", "peers"), added, f"caller `{named_caller.name}`")
        return
    for caller in missing:
        why = f"{where(caller.evidence[0])}: {caller.evidence[0].text}"
        place = serve.place.at("callers", "from")
        yield findings.closed(place, edge.end_text(caller.peer), serve.name, why)


def _without_evidence(contract: Contract, draft: Draft, workload: Workload) -> Iterator[Diagnostic]:
    shown = f"{contract.key.namespace}/{contract.key.name}"
    for call in contract.calls:
        if not any(_covers_call(call, drafted) for drafted in draft.calls):
            yield findings.no_evidence(call.place.at("name"), f"the call `{call.name}`", shown)
    for serve in contract.serves:
        drafted_serves = [d for d in draft.serves if _has_port(serve.ports, d.port, workload)]
        for caller in serve.callers:
            callers = [c for drafted in drafted_serves for c in drafted.callers]
            if not any(_is_admitted(caller, c) for c in callers):
                what = f"the caller `{caller.name}` of `{serve.name}`"
                yield findings.no_evidence(caller.place.at("name"), what, shown)


def _covers_call(mine: Call, drafted: DraftCall) -> bool:
    """Whether a call that is declared is the one drafted. Where it leaves the ports to the callee, it is."""
    peer, target = mine.peer, drafted.target
    through = peer == target or (isinstance(peer, ServicePeer) and any(one.service == peer for one in drafted.evidence))
    if through and isinstance(peer, ServicePeer):
        numbers = [drafted.port, *(_service_port(one) for one in drafted.evidence if one.service == peer)]
        return not mine.ports or any(_covers(mine.ports, port) for port in numbers if port is not None)
    match peer:
        case WorkloadPeer(pattern=pattern):
            keys = [(key, port) for key, port in drafted.pods if pattern.matches(key)]
            if isinstance(target, Key) and pattern.matches(target):
                keys.append((target, drafted.port))
            return bool(keys) and (not mine.ports or any(_covers(mine.ports, port) for _, port in keys))
        case DnsPeer():
            return isinstance(target, DnsPeer) and peer.covers(target.name) and _covers(mine.ports, drafted.port)
        case CidrPeer(addresses=addresses):
            # a name may stand for addresses, which are all that some enforcers know
            inside = isinstance(target, DnsPeer) or (isinstance(target, CidrPeer) and not target.addresses - addresses)
            return inside and _covers(mine.ports, drafted.port)
        case SelfPeer():
            return isinstance(target, SelfPeer) and (not mine.ports or _covers(mine.ports, drafted.port))
        case PlatformPeer():
            return peer == target
        case ServicePeer() | NamespacePeer() | GatewayPeer() | SpiffePeer():
            return False


def _service_port(one: edge.Evidence) -> PortRange | None:
    if one.service_port is None or one.port is None:
        return None
    return PortRange(one.port.protocol, one.service_port, one.service_port)


def _covers(ports: tuple[Port, ...], wanted: PortRange | None) -> bool:
    """Whether the ports hold one; a port by name may be any, and so holds it."""
    return wanted is None or any(not isinstance(port, PortRange) or port.holds(wanted) for port in ports)


def _has_port(ports: tuple[Port, ...], wanted: PortRange, workload: Workload) -> bool:
    for port in ports:
        if isinstance(port, PortRange):
            if port.holds(wanted):
                return True
        elif any(PortRange(p, n, n).holds(wanted) for p, n in workload.port_numbers(port.name, port.protocol)):
            return True
    return False


def _admits(serve: Serve, caller: DraftCaller, key: Key) -> bool:
    peer = caller.peer
    match serve.admits:
        case From.ALL:
            return isinstance(peer, Key)
        case From.SAME_NAMESPACE:
            return isinstance(peer, Key) and peer.namespace == key.namespace
        case From.NONE | From.SELECTED:
            return any(_is_admitted(mine, caller) for mine in serve.callers)


def _is_admitted(mine: Caller, drafted: DraftCaller) -> bool:
    peer: Peer = mine.peer
    match drafted.peer:
        case Key() as caller:
            match peer:
                case WorkloadPeer(pattern=pattern):
                    return pattern.matches(caller)
                case NamespacePeer(name=name):
                    return name == caller.namespace
                case _:
                    return False
        case CidrPeer(addresses=addresses):
            return isinstance(peer, CidrPeer) and not addresses - peer.addresses
        case PlatformPeer(part=PlatformPart.INGRESS):
            return peer == drafted.peer or isinstance(peer, GatewayPeer)
        case other:
            return peer == other
