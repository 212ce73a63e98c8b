"""Workloads, Services and namespaces as YAML, the way people write them."""

from __future__ import annotations

import random
from collections.abc import Mapping

from bench.estate import NOUNS, App, Namespace

NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: {name}
  labels:
    team: {team}
    env: {environment}
    pod-security.kubernetes.io/enforce: restricted
"""

GO = """\
# {name}: owned by {team}, see the runbook before touching the limits
apiVersion: apps/v1
kind: {kind}
metadata:
  name: {name}
  namespace: {namespace}
  labels:
    app: {name}
    team: {team}
spec:{scale}
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
        app.kubernetes.io/component: {component}
        team: {team}
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/port: "9090"
    spec:
      serviceAccountName: {name}
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 30
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        seccompProfile: {{type: RuntimeDefault}}
      containers:
      - name: {component}
        image: registry.example/{team}/{name}:1.{minor}.{patch}
        args: ["--listen=:{port}", "--log-format=json"]
        ports:
        - name: serve
          containerPort: {port}
        - name: metrics
          containerPort: 9090
        env:
        - name: GOMEMLIMIT
          value: 230MiB
        - name: POD_NAME
          valueFrom: {{fieldRef: {{fieldPath: metadata.name}}}}
{upstreams}{settings}        readinessProbe:
          httpGet: {{path: /readyz, port: serve}}
          periodSeconds: 5
        livenessProbe:
          httpGet: {{path: /livez, port: serve}}
          failureThreshold: 3
        resources:
          requests: {{cpu: {cpu}m, memory: {memory}Mi}}
          limits: {{memory: {limit}Mi}}
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities: {{drop: [ALL]}}
"""

RUST = """\
apiVersion: apps/v1
kind: {kind}
metadata:
  name: {name}
  namespace: {namespace}
  labels:
    app: {name}
spec:{scale}
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
        app.kubernetes.io/component: {component}
        team: {team}
    spec:
      serviceAccountName: {name}
      containers:
        - name: {component}
          image: "registry.example/{team}/{name}:2.{minor}.{patch}"
          command:
            - /usr/local/bin/{component}
            - --config
            - /etc/{component}/config.toml
          ports:
            - name: serve
              containerPort: {port}
              protocol: TCP
            - name: metrics
              containerPort: 9090
              protocol: TCP
          env:
            - name: RUST_LOG
              value: "info,tower_http=warn"
            - name: TOKIO_WORKER_THREADS
              value: "2"
            - name: DATABASE_URL
              valueFrom:
                secretKeyRef:
                  name: {name}-db
                  key: url
{upstreams}{settings}          readinessProbe:
            httpGet:
              path: /health/ready
              port: serve
            initialDelaySeconds: 1
            periodSeconds: 5
          livenessProbe:
            tcpSocket:
              port: {port}
            periodSeconds: 10
          resources:
            requests:
              cpu: {cpu}m
              memory: {memory}Mi
            limits:
              memory: {limit}Mi
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            runAsNonRoot: true
            capabilities:
              drop:
                - ALL
          volumeMounts:
            - name: config
              mountPath: /etc/{component}
              readOnly: true
      volumes:
        - name: config
          configMap:
            name: {name}
            defaultMode: 0440
"""

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: {pod}
  namespace: {namespace}
  labels:
    app: {name}
    app.kubernetes.io/component: {component}
    team: {team}
spec:
  serviceAccountName: {name}
  containers:
  - name: {component}
    image: registry.example/{team}/{name}:1.{minor}.{patch}
    ports:
    - name: serve
      containerPort: {port}
    - name: metrics
      containerPort: 9090
    resources:
      requests: {{cpu: {cpu}m, memory: {memory}Mi}}
      limits: {{memory: {limit}Mi}}
"""

SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: {name}
  namespace: {namespace}
spec:
  selector:
    app: {name}
  ports:
  - name: serve
    port: 80
    targetPort: serve
"""

INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {name}
  namespace: {namespace}
  annotations:
    nginx.ingress.kubernetes.io/proxy-read-timeout: "60"
spec:
  ingressClassName: nginx
  rules:
  - host: {name}.example.com
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service: {{name: {name}, port: {{number: 80}}}}
"""

PLATFORM = """\
apiVersion: v1
kind: Namespace
metadata: {name: kube-system}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns, namespace: kube-system}
spec:
  replicas: 2
  selector: {matchLabels: {k8s-app: kube-dns}}
  template:
    metadata: {labels: {k8s-app: kube-dns}}
    spec:
      containers:
      - name: coredns
        image: registry.example/coredns:1.12.0
        ports:
        - {name: dns, containerPort: 53, protocol: UDP}
        - {name: dns-tcp, containerPort: 53, protocol: TCP}
---
apiVersion: v1
kind: Namespace
metadata: {name: monitoring, labels: {team: platform}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: prometheus, namespace: monitoring}
spec:
  serviceName: prometheus
  selector: {matchLabels: {app: prometheus}}
  template:
    metadata: {labels: {app: prometheus}}
    spec:
      containers:
      - name: prometheus
        image: registry.example/prometheus:3.5.0
        ports: [{name: web, containerPort: 9090}]
"""
"""What every cluster has beside its teams: the resolver and the scraper."""

UNITS = ("TIMEOUT_MS", "LIMIT", "BATCH_SIZE", "CACHE_TTL", "RETRIES", "POOL_SIZE", "INTERVAL_S", "QUOTA")

INGRESS_EVERY = 20
"""One app in so many is published."""


def namespace(of: Namespace) -> str:
    """The Namespace object."""
    return NAMESPACE.format(name=of.name, team=of.team, environment=of.environment)


def objects(app: App, upstreams: Mapping[str, str]) -> list[str]:
    """The app's workload, its Service, and for some an Ingress; one document each.

    `upstreams` are variables that say where others answer, as `host:port`.
    """
    values = _values(app)
    if app.kind == "Pod":
        workload = POD.format(pod=app.name, **values)
    else:
        workload = (GO if app.language == "go" else RUST).format(
            scale=_scale(app),
            upstreams=_upstreams(app, upstreams),
            settings=_settings(app),
            **values,
        )
    found = [workload, SERVICE.format_map(values)]
    if app.index % INGRESS_EVERY == 0:
        found.append(INGRESS.format_map(values))
    return found


def pods(app: App, count: int) -> list[str]:
    """The app as bare pods of one label set, no owner; one document each."""
    values = _values(app)
    return [POD.format(pod=f"{app.name}-{i}", **values) for i in range(count)]


def _values(app: App) -> dict[str, object]:
    draw = random.Random(f"resources {app.index}")
    memory = draw.choice((64, 96, 128, 192, 256, 384, 512, 1024))
    return {
        "cpu": draw.choice((10, 25, 50, 100, 150, 200, 250, 500, 1000)),
        "memory": memory,
        "limit": memory * draw.choice((1, 2, 3)),
        "name": app.name,
        "namespace": app.namespace.name,
        "team": app.namespace.team,
        "kind": app.kind,
        "component": app.component,
        "port": app.port,
        "minor": app.index % 40,
        "patch": app.index % 7,
    }


def _upstreams(app: App, upstreams: Mapping[str, str]) -> str:
    if app.language == "go":
        return "".join(f'        - name: {name}\n          value: "http://{to}"\n' for name, to in upstreams.items())
    return "".join(f"            - name: {name}\n              value: http://{to}\n" for name, to in upstreams.items())


def _settings(app: App) -> str:
    """One to six variables of the app's own: lines that no other app has."""
    draw = random.Random(f"settings {app.index}")
    indent = " " * (8 if app.language == "go" else 12)
    lines = []
    for noun in draw.sample(NOUNS, draw.randint(1, 6)):
        unit = draw.choice(UNITS)
        lines.append(f'{indent}- name: {noun.upper()}_{unit}\n{indent}  value: "{draw.randrange(1, 20_000)}"\n')
    return "".join(lines)


def _scale(app: App) -> str:
    match app.kind:
        case "DaemonSet":
            return ""
        case "StatefulSet":
            return f"\n  replicas: {app.replicas}\n  serviceName: {app.name}"
        case _:
            return f"\n  replicas: {app.replicas}"
