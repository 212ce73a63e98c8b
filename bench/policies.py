"""Policies as YAML: what teams write, and the hard shapes that the benchmarks ask about."""

from __future__ import annotations

import random

from bench.estate import App, Estate, Namespace

DENY_INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: default-deny
  namespace: {name}
spec:
  podSelector: {{}}
  policyTypes: [Ingress]
"""

DENY_ALL = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: default-deny
  namespace: {name}
spec:
  podSelector: {{}}
  policyTypes:
  - Ingress
  - Egress
"""

HEAD = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {name}
  namespace: {namespace}
spec:
  podSelector:
    matchLabels:
      app: {name}
  policyTypes: {types}
"""

DNS = """\
  - to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
      podSelector:
        matchLabels:
          k8s-app: kube-dns
    ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
"""

SCRAPE = """\
  - from:
    - namespaceSelector:
        matchLabels: {kubernetes.io/metadata.name: monitoring}
    ports:
    - port: metrics
"""

NEAR = """\
    - podSelector:
        matchLabels:
          app: {name}
"""

FAR = """\
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {namespace}
      podSelector:
        matchLabels:
          app: {name}
"""

OUTSIDE = ("203.0.113.0/24", "198.51.100.0/25", "198.51.100.128/25", "192.0.2.0/26", "192.0.2.64/26", "100.64.8.0/21")
"""Partners that some apps of closed namespaces call."""


def default_deny(namespace: Namespace) -> str:
    """The namespace's default deny: ingress everywhere, egress too where the namespace is closed."""
    return (DENY_ALL if namespace.closed else DENY_INGRESS).format(name=namespace.name)


def policy(app: App, estate: Estate) -> str:
    """One app's policy: its callers, the scraper for some, and in closed namespaces what it calls, DNS included."""
    text = _head(app, egress=app.namespace.closed) + _ingress(app, estate)
    if app.namespace.closed:
        text += _egress(app, estate)
    return text


def with_block(app: App, estate: Estate, block: str, hole: str) -> str:
    """The plain policy and one more rule with a block of addresses: as a source for odd apps, as a target for even."""
    peer = f"    - ipBlock:\n        cidr: {block}\n" + (f"        except: [{hole}]\n" if hole else "")
    inward = app.index % 2 == 1
    egress = app.namespace.closed or not inward
    text = _head(app, egress=egress) + _ingress(app, estate)
    if inward:
        text += f"  - from:\n{peer}    ports:\n    - port: {app.port}\n"
    if egress:
        text += _egress(app, estate)
    if not inward:
        text += f"  - to:\n{peer}    ports:\n    - port: 443\n"
    return text


def with_exclusions(app: App, estate: Estate, draw: random.Random) -> str:
    """Admits every pod of every namespace except three apps drawn at random, and for every tenth app a component."""
    unwanted = ", ".join(estate.apps[draw.randrange(len(estate.apps))].name for _ in range(3))
    text = _head(app, egress=app.namespace.closed) + (
        "  ingress:\n"
        "  - from:\n"
        "    - namespaceSelector: {}\n"
        "      podSelector:\n"
        "        matchExpressions:\n"
        f"        - {{key: app, operator: NotIn, values: [{unwanted}]}}\n"
    )
    if app.index % 10 == 0:
        text += "        - {key: app.kubernetes.io/component, operator: NotIn, values: [store]}\n"
    text += f"    ports:\n    - port: {app.port}\n"
    return text + (_egress(app, estate) if app.namespace.closed else "")


def _head(app: App, *, egress: bool) -> str:
    types = "[Ingress, Egress]" if egress else "[Ingress]"
    return HEAD.format(name=app.name, namespace=app.namespace.name, types=types)


def _ingress(app: App, estate: Estate) -> str:
    callers = [estate.apps[i] for i in estate.callers[app.index]]
    port = "serve" if app.index % 4 == 0 else str(app.port)
    tail = f"    ports:\n    - port: {port}\n      protocol: TCP\n"
    if app.index % 3 == 0:
        rules = "".join(f"  - from:\n{_peer(caller, app)}{tail}" for caller in callers)
    else:
        rules = "  - from:\n" + "".join(_peer(caller, app) for caller in callers) + tail
    return "  ingress:\n" + rules + (SCRAPE if app.index % 3 == 1 else "")


def _egress(app: App, estate: Estate) -> str:
    text = "  egress:\n" + DNS
    for callee in (estate.apps[i] for i in estate.callees[app.index]):
        text += f"  - to:\n{_peer(callee, app)}    ports:\n    - port: {callee.port}\n"
    if app.index % 5 == 0:
        block = OUTSIDE[app.index // 5 % len(OUTSIDE)]
        text += f"  - to:\n    - ipBlock: {{cidr: {block}}}\n    ports:\n    - port: 443\n"
    return text


def _peer(peer: App, of: App) -> str:
    form = NEAR if peer.namespace is of.namespace else FAR
    return form.format(name=peer.name, namespace=peer.namespace.name)
