"""Policies over a small cluster, as YAML, and what is found wrong with them."""

from __future__ import annotations

from textwrap import indent

from licet.analysis.lint import lint
from licet.analysis.reach import reach
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Path, Place
from licet.diag.text import Text
from licet.model.profiles import PROFILES
from tests.answers import manifests

Found = tuple[str, Path, str]
"""(code, path in the document, message)."""


def pod(name: str, namespace: str = "shop", labels: str = "", *, spec: str = "", port: str = "") -> str:
    """A Deployment; its pods bear `app: name` beside the labels given, such as `tier: front`."""
    ports = f", ports: [{{containerPort: 8080, name: {port}}}]" if port else ""
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}{", " + labels if labels else ""}}}}}
    spec: {{{spec + ", " if spec else ""}containers: [{{name: c, image: i{ports}}}]}}
"""


def namespace(name: str, labels: str = "") -> str:
    """A namespace with labels such as `team: red`."""
    return f"\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{{labels}}}}}\n"


CLUSTER = [
    namespace("shop", "team: red"),
    namespace("data", "team: blue"),
    pod("web", port="http"),
    pod("cart", labels="tier: back"),
    pod("db", "data", port="sql"),
]


def policy(name: str, spec: str, namespace: str = "shop") -> str:
    """A NetworkPolicy."""
    return (
        "\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\nspec:\n{indent(spec, '  ')}\n"
    )


def wide(name: str, spec: str) -> str:
    """A ClusterNetworkPolicy."""
    return (
        "\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
        f"metadata: {{name: {name}}}\nspec:\n{indent(spec, '  ')}\n"
    )


def linted(*objects: str, profile: str = "kubernetes", unread: bool = False) -> list[Diagnostic]:
    """The findings over CLUSTER and some objects; `unread` as `lint` takes it."""
    cluster, wrong = manifests(texts=[Text("given.yaml", "\n---\n".join([*CLUSTER, *objects]).encode())])
    assert wrong == []
    return lint(reach(cluster, PROFILES[profile]), unread)


def found(*objects: str, profile: str = "kubernetes") -> list[Found]:
    """The same, in short. Each has a place and a way out."""
    short: list[Found] = []
    for finding in linted(*objects, profile=profile):
        assert isinstance(finding.where, Place)
        assert finding.help
        short.append((finding.code, finding.where.path, finding.message))
    return short
