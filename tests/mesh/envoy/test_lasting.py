"""What lasts is told of again: who begins to listen late knows what is open, and counts nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from licet.flows.envoy import Envoy
from licet.flows.record import Flow, Phase
from licet.mesh.envoy import access_log, names
from licet.mesh.intent import Proof, Rule, Served, Speaks
from licet.mesh.severing.connections import Connections
from licet.mesh.telemetry.vantage import vantage
from tests.mesh.envoy.http2 import GRPC
from tests.mesh.envoy.served import KEY, Workload, identity, workload
from tests.mesh.proxy import until

WEB = Rule("web", Proof(frozenset({identity("web")})), (), (), None)


@pytest.fixture(scope="module")
def cart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workload]:
    """`web` may do anything, and what lasts is told of five times a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access_log, "AGAIN", timedelta(milliseconds=200))
        home = tmp_path_factory.mktemp("cart")
        with workload(home, [(Speaks.HTTP, True), (Speaks.TCP, True)]) as running:
            serves = tuple(msgspec.structs.replace(each, rules=(WEB,)) for each in running.intent.serves)
            running.obey(msgspec.structs.replace(running.intent, serves=serves))
            yield running


def port(cart: Workload, speaks: Speaks) -> Served:
    return next(served for served in cart.intent.serves if served.speaks is speaks)


def told(cart: Workload, served: Served) -> list[tuple[Any, Flow]]:
    """What was told of `web` on this port, with what is made of it."""
    reader, at = Envoy({}), vantage(cart.sidecar, names.inbound(served.port), {str(KEY): KEY})
    log = [each.entry for each in tuple(cart.plane.heard) if each.log == names.inbound(served.port)]
    read = ((entry, reader.read(entry, at)) for entry in log)
    return [(entry, flow) for entry, flow in read if flow is not None and flow.source.identity == identity("web")]


def again(cart: Workload, served: Served) -> Any:
    """What is told while it lasts, once it was told several times."""

    def found() -> Any:
        while_it_lasts = [entry for entry, flow in told(cart, served) if flow.phase is Phase.RUNNING]
        return while_it_lasts[-1] if len(while_it_lasts) > 2 else None

    return until(found)


def over(cart: Workload, served: Served) -> list[Flow] | None:
    """Everything that was told, once its end is."""
    flows = [flow for _, flow in told(cart, served)]
    return flows if any(flow.phase is Phase.ENDED for flow in flows) else None


@pytest.mark.parametrize("speaks", Speaks)
def test_who_listens_from_then_on_knows_it_and_it_counts_once(cart: Workload, speaks: Speaks) -> None:
    served = port(cart, speaks)
    if speaks is Speaks.HTTP:
        with cart.streams(served.port, "/web") as client:
            stream = client.open([(":path", "/shop.Cart/Watch"), *GRPC])
            client.say(stream, b"one")
            assert client.said(stream) == b"one"
            late = again(cart, served)
            client.say(stream, b"two", end=True)
            assert client.said(stream) == b"two"
    else:
        with cart.call(served.port, "/web") as caller:
            assert caller.admitted()
            late = again(cart, served)
    known = Connections()
    assert known.hear("node", late) is not None
    assert list(known.of([identity("web")])) == [(identity("web"), "node")]
    found = until(lambda: over(cart, served))
    assert sum(flow.count for flow in found) == 1
