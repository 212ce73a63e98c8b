"""How findings about policies name things."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from licet.analysis import bits
from licet.analysis.population import Population
from licet.model.addresses import AddressSet, address_text
from licet.model.key import Key
from licet.model.policy import ClusterPolicy, Direction, NetworkPolicy
from licet.model.ports import NamedPort, PortRange, PortSet
from licet.model.selector import Operator, Requirement, Selector

MOST_NAMED = 3
SIDE = {Direction.INGRESS: "from", Direction.EGRESS: "to"}


def rule_name(policy: NetworkPolicy | ClusterPolicy, direction: Direction, index: int) -> str:
    """A rule, as maps and explanations write it."""
    return f"`{policy.key.namespace}/{policy.key.name}` {direction.value}[{index}]".replace("`/", "`")


def policy_name(key: Key) -> str:
    """A policy without its kind."""
    return f"{key.namespace}/{key.name}" if key.namespace else key.name


def some(names: Sequence[str]) -> str:
    """The first names, and how many there are besides."""
    shown = ", ".join(names[:MOST_NAMED])
    return f"{shown} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else shown


def counted(number: int, thing: str) -> str:
    """Such as `1 rule`, `3 rules`."""
    return f"{number} {thing if number == 1 else thing.removesuffix('y') + 'ies' if thing[-1] == 'y' else thing + 's'}"


def selector_text(selector: Selector) -> str:
    """A selector as `kubectl -l` takes it; the empty one is `*`."""
    return ",".join(_requirement(requirement) for requirement in selector.requirements) or "*"


def _requirement(requirement: Requirement) -> str:
    key, values = requirement.key, requirement.values
    match requirement.operator:
        case Operator.IN:
            return f"{key}={values[0]}" if len(values) == 1 else f"{key} in ({', '.join(values)})"
        case Operator.NOT_IN:
            return f"{key}!={values[0]}" if len(values) == 1 else f"{key} notin ({', '.join(values)})"
        case Operator.EXISTS:
            return key
        case Operator.DOES_NOT_EXIST:
            return f"!{key}"


def port_name(port: NamedPort) -> str:
    """A port's name, with the protocol where one is asked for."""
    return port.name if port.protocol is None else f"{port.protocol.name} {port.name}"


def workload_names(population: Population, classes: int) -> list[str]:
    """The workloads of some classes, as few as findings show, and one more."""
    return [str(key) for key in _first_keys(population, classes)]


def _first_keys(population: Population, classes: int) -> Iterable[Key]:
    for at in bits.indices(classes):
        for member in population.classes[at].members:
            yield population.workloads[member].key


def first_port(ports: PortSet) -> str:
    """One (protocol, port) of a set."""
    first = next(ports.ranges())
    return str(PortSet.of(PortRange(first.protocol, first.first, first.first)))


def witness(population: Population, direction: Direction, subject: int, peer: int | AddressSet, ports: PortSet) -> str:
    """One connection: between a pod of the class `subject` and something of a region, on one of the ports."""
    own = population.classes[subject].members
    inside = str(population.workloads[own[0]].key)
    if isinstance(peer, AddressSet):
        other = address_text(peer.spans[0][0])
    else:
        at = next((at for at in bits.indices(peer) if at != subject), subject)
        members = population.classes[at].members
        other = str(population.workloads[members[-1]].key)
    src, dst = (other, inside) if direction is Direction.INGRESS else (inside, other)
    return f"witness: {src} -> {dst}, {first_port(ports)}"
