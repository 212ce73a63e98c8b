"""Generated platforms whose services have contracts: manifests, contracts and who owns them, all in agreement."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from bench import manifests
from bench.estate import App, Estate, plan

A_NAMESPACE = 20
OUTSIDE_EVERY = 10
"""One app in so many calls addresses outside the cluster."""
APPS_A_FILE = 10

_PLATFORM = """\
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec:
  selector: {k8s-app: kube-dns}
  ports:
  - {name: dns, port: 53, protocol: UDP, targetPort: dns}
  - {name: dns-tcp, port: 53, protocol: TCP, targetPort: dns-tcp}
---
apiVersion: v1
kind: Namespace
metadata: {name: ingress}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: controller, namespace: ingress}
spec:
  selector: {matchLabels: {app: controller}}
  template:
    metadata: {labels: {app: controller}}
    spec:
      containers:
      - name: controller
        image: registry.example/ingress:1.13.0
        ports: [{name: https, containerPort: 443}]
---
apiVersion: licet.dev/v1alpha1
kind: Platform
metadata: {name: default}
spec:
  podCIDRs: [10.244.0.0/16]
  nodeCIDRs: [10.0.0.0/24]
  dns:
    service: {name: kube-dns, namespace: kube-system}
  metrics:
    namespace: monitoring
    selector: {matchLabels: {app: prometheus}}
  gateways:
  - name: public
    namespace: ingress
    exposure: World
    selector: {matchLabels: {app: controller}}
"""

_NAMESPACE_CONTRACT = """\
apiVersion: licet.dev/v1alpha1
kind: NamespaceContract
metadata: {{name: default, namespace: {name}}}
spec: {{isolate: AllWorkloads}}
"""

_CONTRACT = """\
apiVersion: licet.dev/v1alpha1
kind: Contract
metadata:
  name: {name}
  namespace: {namespace}
spec:
  targetRef: {{group: apps, kind: {kind}, name: {name}}}
  owner: team-{team}
  serves:
  - name: serve
    ports: [{{port: serve}}]
    callers:
      from: Selected
      peers:
{peers}  - name: metrics
    ports: [{{port: metrics}}]
    callers:
      from: Selected
      peers:
      - {{name: prometheus, platform: Metrics}}
"""
_CALLER = "      - {{name: {name}, workload: {{kind: {kind}, name: {name}, namespace: {namespace}}}}}\n"
_GATEWAY = "      - {name: public, gateway: {name: public, namespace: ingress}}\n"
_BY_WORKLOAD = """\
  - name: {name}
    to: {{workload: {{kind: {kind}, name: {name}, namespace: {namespace}}}}}
    serves: serve
    reason: asks for what {name} keeps
"""
_BY_SERVICE = """\
  - name: {name}
    to: {{service: {{name: {name}, namespace: {namespace}}}}}
    ports: [{{port: 80}}]
    reason: asks for what {name} keeps
"""
_OUTSIDE = """\
  - name: partner
    to: {{cidr: {{block: 198.51.{third}.0/24}}}}
    ports: [{{port: 443}}]
    reason: settles with the partner
"""


def estate(size: int) -> Estate:
    """Who is there and who calls whom: three callers and three callees a workload on average, Deployments all."""
    return plan(size, seed=1, kind="Deployment", most_in_namespace=A_NAMESPACE)


def files(size: int) -> Iterator[tuple[str, str]]:
    """The platform as paths and texts: workloads in groups, a contract a file, and CODEOWNERS for those."""
    whole = estate(size)
    by_namespace: dict[str, list[App]] = {}
    for app in whole.apps:
        by_namespace.setdefault(app.namespace.name, []).append(app)
    yield "manifests/platform.yaml", f"{manifests.PLATFORM}---\n{_PLATFORM}"
    for namespace in whole.namespaces:
        own = by_namespace[namespace.name]
        yield f"manifests/{namespace.name}/namespace.yaml", manifests.namespace(namespace)
        for start in range(0, len(own), APPS_A_FILE):
            texts = [text for app in own[start : start + APPS_A_FILE] for text in _objects(app, whole)]
            yield f"manifests/{namespace.name}/apps-{start:02d}.yaml", "---\n".join(texts)
        for app in own:
            yield _path(app), contract(app, whole)
        if namespace.closed:
            yield f"contracts/{namespace.name}/namespace.yaml", _NAMESPACE_CONTRACT.format(name=namespace.name)
    yield "CODEOWNERS", "".join(f"/{_path(app)} @team-{app.namespace.team}\n" for app in whole.apps)


def contract(app: App, whole: Estate) -> str:
    """What an app declares; half of its calls go to the Services of those it calls."""
    callers = "".join(_CALLER.format_map(_names(whole.apps[i])) for i in whole.callers[app.index])
    if _is_published(app):
        callers += _GATEWAY
    calls = "".join(
        (_BY_SERVICE if (i + app.index) % 2 else _BY_WORKLOAD).format_map(_names(whole.apps[i]))
        for i in whole.callees[app.index]
    )
    if app.index % OUTSIDE_EVERY == 1:
        calls += _OUTSIDE.format(third=app.index % 256)
    text = _CONTRACT.format(peers=callers, team=app.namespace.team, **_names(app))
    return f"{text}  calls:\n{calls}" if calls else text


def write(size: int, folder: Path) -> tuple[int, int, int]:
    """Write the platform below `folder`, the top of a repository, and return its files of YAML, documents and bytes."""
    (folder / ".git").mkdir(parents=True)
    file_count = document_count = total = 0
    for path, text in files(size):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        if target.suffix == ".yaml":
            file_count += 1
            document_count += text.count("\n---\n") + 1
            total += len(text.encode())
    return file_count, document_count, total


def _objects(app: App, whole: Estate) -> list[str]:
    """The app's manifests, with one variable for each Service that it calls."""
    callees = [whole.apps[i] for i in whole.callees[app.index]]
    return manifests.objects(
        app,
        {f"{other.name.upper().replace('-', '_')}_URL": f"{other.name}.{other.namespace.name}" for other in callees},
    )


def _is_published(app: App) -> bool:
    return app.index % manifests.INGRESS_EVERY == 0


def _path(app: App) -> str:
    return f"contracts/{app.namespace.name}/{app.name}.yaml"


def _names(app: App) -> dict[str, str]:
    return {"name": app.name, "namespace": app.namespace.name, "kind": app.kind}


def main(arguments: list[str]) -> int:
    """`python -m bench.contracts SIZE FOLDER`: writes the platform and prints files, documents and bytes."""
    size, folder = arguments
    print(*write(int(size), Path(folder)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
