"""Routes that lead to a Service, or to a port of one, that is not there."""

from __future__ import annotations

import pytest

from licet.diag.diagnostic import Severity
from licet.diag.place import Place
from tests.analysis.lint.given import linted

SERVICE = (
    "\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n"
    "spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}\n"
)
EXTERNAL = (
    "\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n"
    "spec: {type: ExternalName, externalName: example.com}\n"
)


def ingress(service: str, port: str, namespace: str = "shop") -> str:
    """An Ingress with one backend; `port` such as `number: 80`."""
    backend = f"{{service: {{name: {service}, port: {{{port}}}}}}}"
    return (
        f"\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: in, namespace: {namespace}}}\n"
        f"spec: {{rules: [{{http: {{paths: [{{path: /, pathType: Prefix, backend: {backend}}}]}}}}]}}\n"
    )


def http_route(name: str, port: int) -> str:
    """An HTTPRoute with one backend."""
    return (
        "\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: shop}\n"
        f"spec: {{parentRefs: [{{name: gw}}], rules: [{{backendRefs: [{{name: {name}, port: {port}}}]}}]}}\n"
    )


def openshift(name: str, port: str) -> str:
    """An OpenShift Route."""
    return (
        "\napiVersion: route.openshift.io/v1\nkind: Route\nmetadata: {name: o, namespace: shop}\n"
        f"spec: {{to: {{kind: Service, name: {name}}}, port: {{targetPort: {port}}}}}\n"
    )


DANGLING = {
    "no such Service": (
        [ingress("pay", "number: 80")],
        "`shop/in[Ingress]` leads to the Service `shop/pay`, which the manifests do not hold",
        "correct the backend, or give the manifests of its Service too",
    ),
    "a Service misspelt": (
        [SERVICE, ingress("wep", "number: 80")],
        "`shop/in[Ingress]` leads to the Service `shop/wep`, which the manifests do not hold",
        "did you mean `web`?",
    ),
    "no such port": (
        [SERVICE, ingress("web", "number: 8080")],
        "`shop/in[Ingress]` leads to port `8080` of the Service `shop/web`, which has no such port",
        "did you mean `80`?",
    ),
    "no such port name": (
        [SERVICE, ingress("web", "name: htpp")],
        "`shop/in[Ingress]` leads to port `htpp` of the Service `shop/web`, which has no such port",
        "did you mean `http`?",
    ),
    "an HTTPRoute": (
        [SERVICE, http_route("web", 81)],
        "`shop/r[HTTPRoute.gateway.networking.k8s.io]` leads to port `81` of the Service `shop/web`, "
        "which has no such port",
        "did you mean `80`?",
    ),
    "a Route": (
        [SERVICE, openshift("wbe", "http")],
        "`shop/o[Route.route.openshift.io]` leads to the Service `shop/wbe`, which the manifests do not hold",
        "did you mean `web`?",
    ),
}


@pytest.mark.parametrize("name", DANGLING)
def test_a_backend_that_leads_nowhere(name: str) -> None:
    objects, said, advice = DANGLING[name]
    findings = [f for f in linted(*objects) if f.code == "L0215"]
    assert [(f.message, f.help, f.severity, f.notes) for f in findings] == [(said, advice, Severity.WARNING, ())]
    assert isinstance(findings[0].where, Place)


FINE = {
    "by number": [SERVICE, ingress("web", "number: 80")],
    "by name": [SERVICE, ingress("web", "name: http")],
    "an external name": [EXTERNAL, ingress("web", "number: 80")],
    "an HTTPRoute": [SERVICE, http_route("web", 80)],
    "a Route by the port of the pods": [SERVICE, openshift("web", "8080")],
}


@pytest.mark.parametrize("name", FINE)
def test_a_backend_that_is_there(name: str) -> None:
    assert [f.message for f in linted(*FINE[name]) if f.code == "L0215"] == []


def test_of_a_namespace_of_which_nothing_is_known_it_is_only_noted() -> None:
    findings = [f for f in linted(ingress("pay", "number: 80", "abroad")) if f.code == "L0215"]
    assert [f.severity for f in findings] == [Severity.INFO]
