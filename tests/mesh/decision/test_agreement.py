"""Whichever way it is asked, a request is decided as a sidecar would."""

from __future__ import annotations

import asyncio
from typing import cast

from envoy.service.auth.v3.external_auth_pb2 import CheckResponse  # type: ignore[import-untyped]
from hypothesis import given, settings

from licet.identity.workload.calls import Context
from licet.mesh.decision.evaluation import (
    Action,
    Asked,
    Evaluation,
    Port,
    Resource,
    Subject,
    Surroundings,
    evaluate,
)
from licet.mesh.decision.ext_authz import PORT, WORKLOAD, ExternalAuthorization
from licet.mesh.decision.standing import Standing
from licet.mesh.verdict import Request, decide
from tests.mesh.decision.fleets import GATEWAY, Case, cases, point
from tests.mesh.decision.test_ext_authz import asks


@settings(max_examples=300)
@given(cases())
def test_gateways_applications_and_sidecars_are_told_the_same(case: Case) -> None:
    fleet = case.fleet
    decided = decide(fleet, case.workload, case.request)
    expected = (decided.allowed, decided.rule, Standing.of(fleet).version)

    said = evaluate(point(fleet), GATEWAY, _evaluation(case))
    assert (said.decision, said.context.rule, said.context.version) == expected

    service = ExternalAuthorization(point(fleet), lambda _: GATEWAY)
    extensions = {WORKLOAD: str(case.workload), PORT: str(case.request.port)}
    sent = asks(case.request, **extensions).SerializeToString()
    told = CheckResponse.FromString(asyncio.run(service.check(sent, cast(Context, None))))
    metadata = told.dynamic_metadata
    assert (told.status.code == 0, metadata["rule"], metadata["version"]) == expected
    assert (metadata["reason"], metadata["text"]) == (said.context.reason.value, said.context.text)
    assert metadata["contract"] == said.context.contract


def _evaluation(case: Case) -> Evaluation:
    request = case.request
    subject = Subject("spiffe", request.identity) if request.identity else Subject("address", request.address)
    return Evaluation(
        subject,
        Resource("workload", str(case.workload), Port(request.port)),
        _action(request),
        Surroundings(request.address),
    )


def _action(request: Request) -> Action:
    if not request.method:
        return Action("connect")
    return Action("http", Asked(method=request.method, path=request.path))
