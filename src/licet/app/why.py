"""Why one end may reach another: what the user names, put to the analysis."""

from __future__ import annotations

from collections.abc import Iterator

from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.follow import Follower, Sender
from licet.app.ends import End, Outside, Pods, end_id
from licet.model.key import Key
from licet.model.ports import Protocol
from licet.model.service import Route, Service
from licet.model.verdict import Explanation
from licet.sources import SourceError


def why(follower: Follower, src: End, dst: End, protocol: Protocol, port: int) -> Explanation:
    """The verdict and its chain; of a range of addresses, which has to have one verdict, the chain of its first.

    Raises SourceError for ends between which nothing can be asked.
    """
    explanation = _explain(follower, src, dst, protocol, port)
    for one_src, one_dst in _others(src, dst):
        verdict = _explain(follower, one_src, one_dst, protocol, port).verdict
        if verdict is not explanation.verdict:
            whole, one = (src, one_src) if src != one_src else (dst, one_dst)
            raise SourceError(
                f"the addresses of `{end_id(whole)}` do not share one verdict",
                f"name one of them, such as `{end_id(one)}`, or a range that `licet map` lists",
            )
    return explanation


def _others(src: End, dst: End) -> Iterator[tuple[End, End]]:
    """The same question for what else a range stands for."""
    if isinstance(src, Outside):
        yield from ((Outside(number), dst) for number in src.others)
    if isinstance(dst, Outside):
        yield from ((src, Outside(number)) for number in dst.others)


def _explain(follower: Follower, src: End, dst: End, protocol: Protocol, port: int) -> Explanation:
    sender = _sender(src)
    match dst:
        case Outside(number=number):
            if isinstance(src, Outside):
                raise SourceError("both ends lie outside the cluster", "name a workload as one of them")
            return follower.to_address(sender, number, protocol, port)
        case Pods(name=key):
            return follower.to_pods(sender, key, protocol, port)
        case Service():
            return follower.to_service(sender, dst, protocol, port)
        case Route():
            return follower.to_route(sender, dst, protocol)
        case Key():
            raise SourceError(f"`{end_id(dst)}` has no pods that manifests hold", "name what it leads to as DST")


def _sender(src: End) -> Sender:
    match src:
        case Pods(name=key):
            return Sender(end_id(src), key)
        case Outside(number=number):
            return Sender(end_id(src), number)
        case Key():
            return Sender(end_id(src), INGRESS_CONTROLLER, gateway=src)
        case Service() | Route():
            raise SourceError(f"`{end_id(src)}` opens no connections", "name a workload or an address as SRC")
