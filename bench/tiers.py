"""ClusterNetworkPolicies as a platform team writes them, over both tiers."""

from __future__ import annotations

import random

from bench.estate import COMPONENTS, ENVIRONMENTS, TEAMS

HEAD = """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata:
  name: {name}
spec:
  tier: {tier}
  priority: {priority}
  subject:
"""

METADATA = """\
    namespaces: {}
  egress:
  - name: no-cloud-metadata
    action: Deny
    to:
    - networks: [169.254.169.254/32]
"""

SCRAPE = """\
    namespaces:
      matchExpressions:
      - {key: team, operator: Exists}
  ingress:
  - name: scrape
    action: Accept
    from:
    - namespaces:
        matchLabels: {kubernetes.io/metadata.name: monitoring}
    protocols:
    - tcp: {destinationPort: {number: 9090}}
"""

RESOLVE = """\
    namespaces: {}
  egress:
  - name: dns
    action: Accept
    to:
    - pods:
        namespaceSelector:
          matchLabels: {kubernetes.io/metadata.name: kube-system}
        podSelector:
          matchLabels: {k8s-app: kube-dns}
    protocols:
    - udp: {destinationPort: {number: 53}}
    - tcp: {destinationPort: {number: 53}}
"""

STORES = """\
    pods:
      namespaceSelector:
        matchLabels:
          team: {team}
      podSelector:
        matchLabels:
          app.kubernetes.io/component: {component}
  ingress:
  - name: own-team
    action: {own}
    from:
    - namespaces:
        matchLabels:
          team: {team}
    protocols:
    - tcp: {{destinationPort: {{range: {{start: {start}, end: {end}}}}}}}
  - name: not-from-{environment}
    action: Deny
    from:
    - namespaces:
        matchLabels:
          env: {environment}
  - name: partner-teams
    action: Pass
    from:
    - pods:
        namespaceSelector:
          matchExpressions:
          - {{key: team, operator: In, values: [{other}, {third}]}}
        podSelector: {{}}
  egress:
  - name: no-neighbours
    action: Deny
    to:
    - namespaces:
        matchExpressions:
        - {{key: team, operator: In, values: [{third}]}}
    - networks:
      - 10.{octet}.0.0/16
      - 172.{high}.0.0/16
"""

BASELINE = """\
    namespaces:
      matchLabels:
        team: {team}
  ingress:
  - name: within-the-team
    action: Accept
    from:
    - namespaces:
        matchLabels:
          team: {team}
  - name: nobody-else
    action: Deny
    from:
    - namespaces: {{}}
  egress:
  - name: to-friends
    action: Accept
    to:
    - namespaces:
        matchExpressions:
        - {{key: team, operator: In, values: [{team}, {other}, {third}]}}
    protocols:
    - tcp: {{destinationPort: {{number: 8080}}}}
    - tcp: {{destinationPort: {{number: 8443}}}}
    - destinationNamedPort: serve
  - name: not-to-{environment}
    action: Deny
    to:
    - namespaces:
        matchLabels:
          env: {environment}
"""


def cluster_policies(count: int, seed: int) -> list[str]:
    """`count` policies, a third of them in the Baseline tier, each of its own priority; one document each."""
    draw = random.Random(f"tiers {seed}")
    bodies = [("metadata", METADATA), ("scrape", SCRAPE), ("resolve", RESOLVE)][:count]
    baseline = count // 3
    while len(bodies) < count - baseline:
        bodies.append((f"stores-{len(bodies)}", STORES.format_map(_draws(draw))))
    admin = len(bodies)
    while len(bodies) < count:
        bodies.append((f"baseline-{len(bodies)}", BASELINE.format_map(_draws(draw))))
    return [
        HEAD.format(name=name, tier="Admin" if i < admin else "Baseline", priority=(i + 1) * 10) + body
        for i, (name, body) in enumerate(bodies)
    ]


def _draws(draw: random.Random) -> dict[str, object]:
    team, other, third = draw.sample(TEAMS, 3)
    start = draw.choice((1, 3000, 5432, 8000))
    return {
        "team": team,
        "other": other,
        "third": third,
        "component": draw.choice(COMPONENTS),
        "environment": draw.choice(ENVIRONMENTS[1:]),
        "own": draw.choice(("Accept", "Pass")),
        "start": start,
        "end": start + draw.choice((0, 10, 5000)),
        "octet": draw.randrange(256),
        "high": draw.randrange(16, 32),
    }
