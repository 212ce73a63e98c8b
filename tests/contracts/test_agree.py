"""What contracts agree on, and what stands against the rest, each time with both sides' lines."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from licet.app.report import report
from licet.contracts import decode as contracts
from licet.contracts.agree import agree
from licet.contracts.agreement import Agreements, end_text
from licet.contracts.contract import Application, Contract, Contracts, Isolation, MutualTls, NamespaceContract
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Origin, Span
from licet.diag.text import Text
from licet.manifest import documents, platform
from licet.manifest.decode import decode
from licet.model.key import Key, Pattern
from licet.model.platform import UNKNOWN_PLATFORM

NOW = datetime(2027, 3, 1, tzinfo=UTC)


def pods(name: str, namespace: str = "shop", ports: str = "{name: http, containerPort: 8080}", spec: str = "") -> str:
    return (
        f"---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{{spec}containers: "
        f"[{{name: c, image: i, ports: [{ports}]}}]}}}}}}\n"
    )


def service(name: str, selector: str, port: str = "{port: 80, targetPort: http}", namespace: str = "shop") -> str:
    return (
        f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{selector: {selector}, ports: [{port}]}}\n"
    )


def contract(name: str, *, serves: str = "", calls: str = "", namespace: str = "shop", more: str = "") -> str:
    return (
        f"---\napiVersion: licet.dev/v1alpha1\nkind: Contract\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec:\n  targetRef: {{kind: Deployment, name: {name}}}\n  owner: team-{name}\n{more}"
        f"  serves: [{serves}]\n  calls: [{calls}]\n"
    )


def serve(callers: str, *, name: str = "http", port: str = "8080", more: str = "") -> str:
    return f"{{name: {name}, ports: [{{port: {port}}}], callers: {callers}{more}}}"


def selected(*peers: str) -> str:
    return f"{{from: Selected, peers: [{', '.join(peers)}]}}"


def call(to: str, more: str = "", name: str = "it") -> str:
    return f"{{name: {name}, to: {to}{more and f', {more}'}}}"


CART = "{workload: {kind: Deployment, name: cart}}"
WEB = "{name: web, workload: {kind: Deployment, name: web}}"
BOTH = pods("web") + pods("cart")
GATEWAY = (
    "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: public, namespace: shop}\n"
    "spec: {gatewayClassName: any, listeners: [{name: http, port: 80, protocol: HTTP}]}\n"
)


def agreed(manifests: str) -> tuple[Agreements, tuple[Diagnostic, ...]]:
    """What comes of manifests that have no fault of their own, and the findings with their spans."""
    text = Text("m.yaml", manifests.encode())
    read, wrong = documents.read([text])
    facts, faults = platform.decode([d for d in read if platform.is_platform(d)])
    ours = [d for d in read if d.value["apiVersion"].startswith("licet.dev/") and not platform.is_platform(d)]
    theirs = [d for d in read if not d.value["apiVersion"].startswith("licet.dev/")]
    decoded = decode(theirs, platform=facts or UNKNOWN_PLATFORM)
    declared, more = contracts.decode(ours, namespace="default", cluster="", mode=facts.mode if facts else "")
    assert not [*wrong, *faults, *decoded.diagnostics, *more]
    found = agree(declared, decoded.cluster, NOW)
    return found, report(found.diagnostics, {"m.yaml": text}).findings


def edges(found: Agreements) -> list[str]:
    """The agreements without the implied ones, one line each."""
    return [
        f"{a.kind.value}: {end_text(a.src)} -> {end_text(a.dst)} {a.ports}"
        for a in found.agreements
        if a.kind.value != "DNS resolver"
    ]


def quoted(manifests: str, span: object) -> str:
    """What stands in a span."""
    assert isinstance(span, Span)
    return manifests.splitlines()[span.line - 1][span.column - 1 : span.end_column - 1]


@pytest.mark.parametrize(
    ("callers", "to", "edge"),
    [
        (selected(WEB), CART, "workload: shop/web[Deployment] -> shop/cart[Deployment] TCP 8080"),
        ("{from: All}", CART, "workload: shop/web[Deployment] -> shop/cart[Deployment] TCP 8080"),
        ("{from: SameNamespace}", CART, "workload: shop/web[Deployment] -> shop/cart[Deployment] TCP 8080"),
        (
            selected("{name: ours, namespace: {name: shop}}"),
            CART,
            "workload: shop/web[Deployment] -> shop/cart[Deployment] TCP 8080",
        ),
        (selected(WEB), "{service: {name: cart}}", "Service: shop/web[Deployment] -> shop/cart[Deployment] TCP 8080"),
    ],
    ids=["by name", "all", "same namespace", "namespace", "through a Service"],
)
def test_an_edge_is_agreed_where_both_sides_name_it(callers: str, to: str, edge: str) -> None:
    manifests = BOTH + service("cart", "{app: cart}") + contract("cart", serves=serve(callers))
    found, told = agreed(manifests + contract("web", calls=call(to)))
    assert (edges(found), [f.message for f in told], found.unmet) == ([edge], [], ())


def test_ports_of_a_call_to_a_service_are_the_services_and_those_agreed_the_pods() -> None:
    manifests = (
        pods("web")
        + pods("cart", ports="{name: http, containerPort: 8080}, {name: admin, containerPort: 9090}")
        + service(
            "cart", "{app: cart}", "{name: a, port: 80, targetPort: http}, {name: b, port: 81, targetPort: admin}"
        )
        + contract("cart", serves=f"{serve(selected(WEB))}, {serve(selected(WEB), name='admin', port='admin')}")
    )
    one, _ = agreed(manifests + contract("web", calls=call("{service: {name: cart}}", "ports: [{port: 81}]")))
    assert edges(one) == ["Service: shop/web[Deployment] -> shop/cart[Deployment] TCP 9090"]
    both, told = agreed(manifests + contract("web", calls=call("{service: {name: cart}}")))
    assert edges(both) == [f"Service: shop/web[Deployment] -> shop/cart[Deployment] TCP {p}" for p in (8080, 9090)]
    assert not told


def test_requests_are_what_both_sides_allow() -> None:
    peer = "{name: web, workload: {name: web}, http: [{methods: [GET, PUT], path: {type: Prefix, value: /v1}}]}"
    wanted = "http: [{methods: [GET, POST], path: {type: Prefix, value: /v1/items}}, {path: {type: Exact, value: /v2}}]"
    manifests = BOTH + contract("cart", serves=serve(selected(peer))) + contract("web", calls=call(CART, wanted))
    [agreement] = [a for a in agreed(manifests)[0].agreements if a.http]
    assert [(m.methods, m.path, m.exact) for m in agreement.http] == [(("GET",), "/v1/items", False)]


def test_dns_is_implied_on_the_ports_of_the_resolvers_pods() -> None:
    resolver = pods("coredns", "kube-system", "{name: dns, containerPort: 5353, protocol: UDP}") + service(
        "kube-dns", "{app: coredns}", "{port: 53, protocol: UDP, targetPort: dns}", "kube-system"
    )
    found, _ = agreed(pods("web") + resolver + contract("web"))
    assert [(str(a.ports), a.kind.value) for a in found.agreements] == [("UDP 5353", "DNS resolver")]
    bare, _ = agreed(pods("web") + contract("web"))
    assert [str(a.ports) for a in bare.agreements] == ["TCP 53, UDP 53"]
    assert len(bare.assumptions) == 1


def test_modes_come_from_the_nearest_word() -> None:
    def mode(contract_mode: str, namespace_mode: str, platform_mode: str) -> str:
        spec = [f"{{mode: {mode}}}" if mode else "{}" for mode in (namespace_mode, platform_mode)]
        kinds = zip(("NamespaceContract", "Platform"), (", namespace: shop", ""), spec, strict=True)
        more = "".join(
            f"---\napiVersion: licet.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: default{place}}}\nspec: {own}\n"
            for kind, place, own in kinds
        )
        own = contract("web", more=f"  mode: {contract_mode}\n" if contract_mode else "")
        found, _ = agreed(pods("web") + own + more)
        [isolated] = found.isolated.values()
        return isolated.mode.value

    assert mode("Observe", "Shadow", "Canary") == "Observe"
    assert mode("", "Shadow", "Canary") == "Shadow"
    assert mode("", "", "Canary") == "Canary"
    assert mode("", "", "") == "Enforce"


FAULTS = {
    "nobody there": (
        contract("web", calls=call("{workload: {name: crat}}")),
        "call `it` goes to `shop/crat`, which is not there",
        "crat",
        None,
    ),
    "no such Service": (
        contract("web", calls=call("{service: {name: crat}}", "ports: [{port: 80}]")),
        "call `it` goes to `shop/crat`, which is not there",
        "crat",
        None,
    ),
    "no such port of the Service": (
        service("cart", "{app: cart}") + contract("web", calls=call("{service: {name: cart}}", "ports: [{port: 81}]")),
        "call `it`: Service `shop/cart` has no port TCP 81",
        "[{port: 81}]",
        None,
    ),
    "a port nobody serves": (
        contract("cart", serves=serve(selected(WEB))) + contract("web", calls=call(CART, "ports: [{port: 8081}]")),
        "call `it`: `shop/cart[Deployment]` does not serve TCP 8081",
        "[{port: 8081}]",
        "[{name: http",
    ),
    "an entry nobody serves": (
        contract("cart", serves=serve(selected(WEB))) + contract("web", calls=call(CART, "serves: grpc")),
        "call `it`: `shop/cart[Deployment]` serves no `grpc`",
        "grpc",
        "[{name: http",
    ),
    "no consent": (
        contract("cart", serves=serve("{from: None}")) + contract("web", calls=call(CART)),
        "`shop/cart[Deployment]` does not admit `shop/web[Deployment]`",
        "{name: it",
        "{from: None}",
    ),
    "no request in common": (
        contract(
            "cart",
            serves=serve(
                selected("{name: web, workload: {name: web}, http: [{methods: [GET], path: {type: Prefix, value: /}}]}")
            ),
        )
        + contract("web", calls=call(CART, "http: [{methods: [POST], path: {type: Prefix, value: /}}]")),
        "call `it`: `shop/cart[Deployment]` admits none of these requests",
        "{name: it",
        "{name: web",
    ),
    "gRPC where HTTP is called": (
        contract("cart", serves=serve(selected("{name: web, workload: {name: web}, grpc: [{service: a.B}]}")))
        + contract("web", calls=call(CART, "http: [{methods: [GET]}]")),
        "call `it`: `shop/cart[Deployment]` admits none of these requests",
        "{name: it",
        "{name: web",
    ),
    "a Service's target that no pod names": (
        service("carts", "{app: cart}", "{port: 80, targetPort: grpc}")
        + contract("cart", serves=serve("{from: All}"))
        + contract("web", calls=call("{service: {name: carts}}")),
        "no container of `shop/cart[Deployment]` has a port `grpc`",
        "carts",
        None,
    ),
    "whoever stands beside a gateway of which only the namespace is known": (
        GATEWAY
        + contract("cart", serves=serve(selected("{name: public, gateway: {name: public}}")))
        + contract("web", calls=call(CART)),
        "`shop/cart[Deployment]` does not admit `shop/web[Deployment]`",
        "{name: it",
        "{from: Selected, peers: [{name: public, gateway: {name: public}}]}",
    ),
    "no ports for somebody without a contract": (
        contract("web", calls=call(CART)),
        "call `it` names no port, and `shop/cart[Deployment]` has no contract that does",
        "{name: it",
        None,
    ),
    "expired": (
        contract(
            "web", calls=call("{dns: {name: a.example}}", 'ports: [{port: 443}], notAfter: "2027-03-01T00:00:00Z"')
        ),
        "call `it` to `a.example` is no longer agreed",
        '"2027-03-01T00:00:00Z"',
        None,
    ),
    "no such workload": (
        contract("wbe"),
        "`shop/wbe` binds `shop/wbe[Deployment]`, which is not there",
        "{kind: Deployment, name: wbe}",
        None,
    ),
    "two contracts": (
        contract("web") + contract("web").replace("{name: web, namespace", "{name: other, namespace", 1),
        "`shop/web[Deployment]` has a contract already",
        "{kind: Deployment, name: web}",
        "{kind: Deployment, name: web}",
    ),
    "no API server": (
        contract("web", calls=call("{platform: APIServer}")),
        "nothing says where `APIServer` is",
        "APIServer",
        None,
    ),
    "no gateway": (
        contract("web", serves=serve(selected("{name: g, gateway: {name: public}}"))),
        "gateway `shop/public` is not there",
        "{name: public}",
        None,
    ),
    "no identity": (
        contract("web", serves=serve(selected("{name: o, cidr: {block: 203.0.113.0/24}}"), more=", mtls: Strict")),
        "`http` asks for mutual TLS, which `203.0.113.0/24` cannot do",
        "{name: o",
        None,
    ),
    "no such container port": (
        contract("web", serves=serve("{from: None}", port="htpp")),
        "no container of `shop/web[Deployment]` has a port `htpp`",
        "[{port: htpp}]",
        None,
    ),
    "a stranger": (
        pods("exporter")
        + service("data", "{}").replace("{}", "{tier: x}")
        + pods("db").replace("{app: db}", "{app: db, tier: x}")
        + pods("stray").replace("{app: stray}", "{app: stray, tier: x}")
        + contract("db", serves=serve(selected(WEB)))
        + contract("web", calls=call("{service: {name: data}}", "ports: [{port: 80}]")),
        "call `it`: Service `shop/data` also leads to `shop/stray[Deployment]`, which has no contract",
        "data",
        "{tier: x}",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_meet_names_both_lines(fault: str) -> None:
    more, message, where, other = FAULTS[fault]
    manifests = BOTH + more
    found, told = agreed(manifests)
    [error] = [f for f in told if f.severity.word == "error"]
    assert error.message == message
    assert error.help
    assert quoted(manifests, error.where).startswith(where)
    assert [quoted(manifests, r.where)[: len(other or "")] for r in error.related] == ([other] if other else [])
    assert not [edge for edge in edges(found) if edge.startswith("workload")]


_WEB, _CART = "`shop/web[Deployment]`", "`shop/cart[Deployment]`"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            contract("cart", serves=serve(selected(WEB))) + contract("web"),
            f"{_WEB} is admitted to `http` of {_CART} and does not call it",
        ),
        (contract("cart", serves=serve("{from: All}")), "nobody calls `http` of `shop/cart[Deployment]`"),
        (
            contract("cart", serves=serve(selected("{name: x, workload: {name: wbe}}"))),
            "`shop/wbe` is admitted and is not there",
        ),
        (
            contract("cart", serves=serve("{from: None}", port="81")),
            "no container of `shop/cart[Deployment]` declares TCP 81",
        ),
        (
            contract(
                "web", calls=call("{dns: {name: a.example}}", 'ports: [{port: 443}], notAfter: "2027-03-11T12:00:00Z"')
            ),
            "call `it` to `a.example` ends in 10 days",
        ),
    ],
    ids=["does not call", "never called", "no caller", "deaf", "soon over"],
)
def test_what_is_half_meant_is_a_warning(more: str, message: str) -> None:
    _, told = agreed(BOTH + more)
    assert message in [f.message for f in told if f.severity.word == "warning"]


def test_workloads_without_a_contract_are_told_of_once_a_namespace() -> None:
    _, told = agreed(BOTH + pods("log") + pods("node", spec="hostNetwork: true, ") + contract("web"))
    assert [f.message for f in told] == ["2 of 3 workloads of `shop` have no contract: `cart`, `log`"]


def test_a_namespace_that_isolates_all_leaves_nobody_open() -> None:
    whole = (
        "---\napiVersion: licet.dev/v1alpha1\nkind: NamespaceContract\nmetadata: {name: default, namespace: shop}\n"
        "spec: {isolate: AllWorkloads}\n"
    )
    found, told = agreed(BOTH + whole + contract("web", calls=call(CART, "ports: [{port: 8080}]")))
    assert sorted(key.name for key in found.isolated) == ["cart", "web"]
    assert [(closed.namespace, closed.mode.value) for closed in found.closed.values()] == [("shop", "Enforce")]
    assert [f.code for f in told if f.severity.word == "error"] == ["L0378"]
    assert edges(found) == []


@pytest.mark.parametrize(
    ("namespace", "help"),
    [("shop", ""), ("shup", "did you mean `shop`?"), ("x", "correct its namespace, or read the manifests of it too")],
)
def test_a_namespace_contract_of_a_namespace_that_nothing_stands_in(namespace: str, help: str) -> None:
    whole = (
        "---\napiVersion: licet.dev/v1alpha1\nkind: NamespaceContract\n"
        f"metadata: {{name: default, namespace: {namespace}}}\nspec: {{isolate: AllWorkloads}}\n"
    )
    _, told = agreed(BOTH + whole)
    assert [(f.severity.word, f.help) for f in told if f.code == "L0362"] == ([("warning", help)] if help else [])


def test_an_annotation_opens_nobody_whom_the_namespace_closes() -> None:
    """It leaves callers alone where nothing else is said of them; there the namespace says that nobody may call."""
    key = Key("", "apps", "Deployment", "shop", "web")
    noted = Contract(key, Pattern("web", "shop", "Deployment", "apps", ""), (), (), Origin("m.yaml"), annotated=True)
    whole = NamespaceContract("shop", Origin("n.yaml"), Isolation.ALL)
    there = decode(documents.read([Text("m.yaml", pods("web").encode())])[0]).cluster
    alone = agree(Contracts((noted,)), there, NOW)
    closed = agree(Contracts((noted,), (whole,)), there, NOW)
    assert [found.isolated[key].ingress for found in (alone, closed)] == [False, True]


def test_a_workload_on_the_host_cannot_have_a_contract() -> None:
    found, told = agreed(pods("web", spec="hostNetwork: true, ") + contract("web"))
    assert [f.message for f in told] == ["`shop/web[Deployment]` uses its node's network"]
    assert not found.isolated


def test_callers_that_need_no_contract_are_agreed_by_the_callee_alone() -> None:
    facts = (
        "---\napiVersion: licet.dev/v1alpha1\nkind: Platform\nmetadata: {name: default}\nspec:\n"
        "  gateways: [{name: public, namespace: infra}]\n  apiServer: {cidrs: [10.96.0.1/32]}\n"
        "  podCIDRs: [10.244.0.0/16]\n  nodeCIDRs: [192.168.0.0/24]\n"
    )
    peers = selected(
        "{name: a, gateway: {name: public, namespace: infra}}",
        "{name: b, platform: Metrics}",
        "{name: c, platform: APIServer}",
        "{name: d, cidr: {block: 203.0.113.0/24}}",
        "{name: e, spiffeID: spiffe://corp/vm/x}",
        "{name: f, workload: {name: cart, cluster: far}}",
        "{name: g, workload: {name: cart}}",
        "{name: h, platform: Nodes}",
        "{name: i, platform: World}",
    )
    found, told = agreed(BOTH + facts + contract("web", serves=serve(peers)))
    assert [edge.split(" -> ")[0] for edge in edges(found)] == [
        "gateway: gateway infra/public",
        "metrics: metrics in monitoring",
        "API server: the API server",
        "CIDR: 203.0.113.0/24",
        "SPIFFE ID: spiffe://corp/vm/x",
        "other cluster: far:shop/cart",
        "workload: shop/cart[Deployment]",
        "nodes: the nodes",
        "world: the world",
    ]
    assert {f.severity.word for f in told} <= {"info"}


def test_a_caller_that_fits_two_workloads_lets_nobody_in_unseen() -> None:
    twin = pods("web").replace("kind: Deployment", "kind: StatefulSet")
    manifests = BOTH + twin + contract("cart", serves=serve(selected("{name: web, workload: {name: web}}")))
    found, told = agreed(manifests + contract("web", calls=call(CART)))
    [error] = [f for f in told if f.severity.word == "error"]
    assert error.message == "`shop/web` is admitted and fits `shop/web[Deployment]`, `shop/web[StatefulSet]`"
    assert quoted(manifests, error.where) == "web"
    assert found.agreements


def test_pods_of_the_platform_need_contracts_where_their_namespace_isolates_all() -> None:
    scraper = selected("{name: scraper, platform: Metrics}")
    whole = (
        "---\napiVersion: licet.dev/v1alpha1\nkind: NamespaceContract\n"
        "metadata: {name: default, namespace: monitoring}\nspec: {isolate: AllWorkloads}\n"
    )
    manifests = pods("web") + contract("web", serves=serve(scraper)) + whole
    found, told = agreed(manifests)
    assert edges(found) == []
    assert [f.code for f in told if f.severity.word == "error"] == ["L0382"]
    prometheus = pods("prom", "monitoring").replace("{app: prom}", "{app.kubernetes.io/name: prometheus}")
    to_web = call("{workload: {kind: Deployment, name: web, namespace: shop}}")
    both, more = agreed(manifests + prometheus + contract("prom", namespace="monitoring", calls=to_web))
    assert edges(both) == ["workload: monitoring/prom[Deployment] -> shop/web[Deployment] TCP 8080"]
    assert not [f.message for f in more if f.severity.word == "error"]


def test_who_calls_itself_speaks_what_its_entries_say() -> None:
    """And an entry that nobody else calls is still told of."""
    entries = [
        serve(selected(WEB), more=", application: HTTP, mtls: Permissive"),
        serve(selected(WEB), name="rpc", port="9090", more=", application: gRPC"),
    ]
    own = call("{self: {}}", "ports: [{port: 8080}, {port: 9090}, {port: 7070}]")
    found, told = agreed(BOTH + contract("cart", serves=", ".join(entries), calls=own) + contract("web"))
    spoken = [(str(a.ports), a.application, a.mtls) for a in found.agreements if a.kind.value == "self"]
    assert spoken == [
        ("TCP 8080", Application.HTTP, MutualTls.PERMISSIVE),
        ("TCP 9090", Application.GRPC, None),
        ("TCP 7070", None, None),
    ]
    assert "nobody calls `http` of `shop/cart[Deployment]`" in [f.message for f in told]
