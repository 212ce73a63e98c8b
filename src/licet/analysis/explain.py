"""Why: the chain of policies and rules behind one verdict."""

from __future__ import annotations

from licet.analysis import assumption
from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.grant import NO_REASONS
from licet.analysis.population import UNKNOWN_POD, Population
from licet.analysis.side import Packet, Side, Told
from licet.model.addresses import AddressSet, address_text
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.policy import Direction
from licet.model.ports import Protocol
from licet.model.profile import Profile
from licet.model.verdict import Cause, Explanation, Verdict

_NOTHING = Told(allows=True, denies=False, causes=())


class Explainer:
    """Explains packets of one cluster; what is costly is done once."""

    def __init__(self, cluster: Cluster, profile: Profile) -> None:
        self._cluster = cluster
        self._profile = profile
        self._of_home: dict[str, tuple[Population, Side]] = {}
        self.population = self._at(home="")[0]

    def explain(self, src: Key | int, dst: Key | int, protocol: Protocol, port: int, home: str = "") -> Explanation:
        """Why `src` may or may not open a connection to this port of `dst`.

        Ends are workloads by key, INGRESS_CONTROLLER (as a source: a pod of which nothing is known, but perhaps the
        namespace `home` that it runs in), or addresses outside by number. Raises KeyError for a key that is not in the
        cluster, ValueError for two addresses.
        """
        if isinstance(src, int) and isinstance(dst, int):
            raise ValueError("both ends lie outside the cluster")
        if src == dst and isinstance(dst, Key) and dst.kind == "Pod":
            cause = Cause("Self", None, None, "", "allow", f"`{dst}` is one pod, and a pod always reaches itself")
            return Explanation(Verdict.ALLOW, (cause,))
        leaving = self._tell(Direction.EGRESS, src, dst, protocol, port, home)
        arriving = self._tell(Direction.INGRESS, dst, src, protocol, port, home)
        allows = leaving.allows and arriving.allows
        denies = leaving.denies or arriving.denies
        causes = leaving.causes + arriving.causes
        reasons = leaving.hangs_on | arriving.hangs_on if allows else NO_REASONS
        if denies and (shared := self._at_nodes(src, dst)):
            allows = True
            reasons |= {shared}
            causes += (Cause("Node", None, None, "", "undetermined", shared),)
        if allows and denies:
            return Explanation(Verdict.UNDETERMINED, causes, tuple(sorted(reasons)))
        return Explanation(Verdict.ALLOW if allows else Verdict.DENY, causes)

    def _at(self, home: str) -> tuple[Population, Side]:
        if home not in self._of_home:
            population = Population(self._cluster, self._profile, stranger=home)
            self._of_home[home] = (population, Side(self._cluster, population))
        return self._of_home[home]

    def _tell(
        self, direction: Direction, subject: Key | int, peer: Key | int, protocol: Protocol, port: int, home: str
    ) -> Told:
        if isinstance(subject, int) or subject == INGRESS_CONTROLLER:
            return _NOTHING
        population, side = self._at(home)
        at = population.class_of[subject]
        if isinstance(peer, int):
            other: int | AddressSet = AddressSet(((peer, peer),))
            name = address_text(peer)
        else:
            other = UNKNOWN_POD if peer == INGRESS_CONTROLLER else population.class_of[peer]
            name = peer.name if peer == INGRESS_CONTROLLER else str(peer)
        return side.tell(Packet(direction, at, other, protocol, port, str(subject), name))

    def _at_nodes(self, src: Key | int, dst: Key | int) -> str | None:
        """Why the two ends may be a pod and the node that runs it, where nothing is denied."""
        if self._is_node(src) == self._is_node(dst):
            return None
        addresses = [end for end in (src, dst) if isinstance(end, int)]
        if not addresses:
            return assumption.HOST_NETWORK
        return assumption.OWN_NODE if self._is_node(addresses[0]) else None

    def _is_node(self, end: Key | int) -> bool:
        if isinstance(end, int):
            return bool(self.population.platform.node_addresses & AddressSet(((end, end),)))
        if end == INGRESS_CONTROLLER:
            return False
        return self.population.classes[self.population.class_of[end]].host_network


def explain(
    cluster: Cluster, profile: Profile, src: Key | int, dst: Key | int, protocol: Protocol, port: int
) -> Explanation:
    """One answer; see Explainer.explain."""
    return Explainer(cluster, profile).explain(src, dst, protocol, port)
