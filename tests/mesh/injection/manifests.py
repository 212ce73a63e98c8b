"""Manifests in every spelling that a sidecar has to be put into, and ways to put it there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from licet.app.load import Loaded, Setting, load
from licet.app.mesh.injecting import Sidecars, injecting, uninjecting
from licet.diag.text import Text
from licet.mesh.envoy.bootstrap import Remote
from licet.mesh.inject.injection import Injection
from licet.sources.settings import Settings

INJECTION = Injection("registry.example/licet@sha256:0123", Remote("control.licet.svc", 15010, "spiffe://shop/control"))

_REST = {
    "typical": """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata:
      labels:
        app: app   # remarks stay
    spec:
      # one of these
      containers:
      - name: main
        image: app
        ports:
        - {name: http, containerPort: 8080}
        readinessProbe:
          tcpSocket:
            # the port that counts
            port: http
          periodSeconds: 5

      # what is behind stays behind
      terminationGracePeriodSeconds: 45 # long
      volumes:
      - name: data
        emptyDir: {}
        # of the volume

# the end
""",
    "indented lists": """\
kind: StatefulSet
apiVersion: apps/v1
metadata: {name: app, namespace: shop}
spec:
    selector:
        matchLabels:
            app: app
    serviceName: app
    template:
        metadata:
            annotations: {}
            labels: {app: app}
        spec:
            initContainers:
                # first
                - name: init
                  image: init
                - name: log
                  image: log
                  restartPolicy: Always
                  startupProbe: {grpc: {port: 9000, service: a.B}, periodSeconds: 1}
            volumes: []
            containers:
                - name: main
                  image: app
                  lifecycle:
                      postStart:
                          httpGet: {port: 8080, path: warm}
""",
    "flow": """\
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: app}
spec: {selector: {matchLabels: {app: app}}, template: {metadata: {labels: {app: app}, annotations: {"a": b,}},
  spec: {volumes: [{name: a, emptyDir: {}},], initContainers: [ {name: init, image: i} ], containers: [{name: main,
    image: app, livenessProbe: {httpGet: {path: /live, port: 1}, timeoutSeconds: 3}}]}}} # end
---
apiVersion: v1
kind: ConfigMap
metadata: {name: beside}
""",
    "json": """\
{
  "apiVersion": "v1",
  "kind": "Pod",
  "metadata": {
    "name": "app"
  },
  "spec": {
    "containers": [
      {
        "name": "main",
        "image": "app",
        "lifecycle": {"preStop": {"exec": {"command": ["true"]}}},
        "livenessProbe": {
          "tcpSocket": {
            "port": 5432
          }
        }
      }
    ]
  }
}
""",
    "compact json": '{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"app"},"spec":{"template":'
    '{"spec":{"restartPolicy":"Never","containers":[{"name":"main","image":"app"}]}}}}',
    "a list, unfinished line": """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata:
    name: one
    annotations:
  spec:
    containers:
      - name: main
        image: app
- apiVersion: v1
  kind: Pod
  metadata: {name: two}
  spec:
    containers: [{name: main, image: app}]
    volumes:
- apiVersion: batch/v1
  kind: CronJob
  metadata:
    name: three
  spec:
    schedule: "* * * * *"
    jobTemplate:
      spec:
        template:
          spec:
            restartPolicy: OnFailure
            terminationGracePeriodSeconds: 0
            containers:
            - name: main
              image: app
              command:
              - sh
              - -c
              - |
                true""",
}
SPELLINGS = {
    **_REST,
    "carriage returns": _REST["typical"].replace("\n", "\r\n"),
    "byte order": "\ufeff" + _REST["typical"],
}

ANCHORED = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  selector: {matchLabels: &labels {app: app}}
  template: &template
    metadata: {labels: *labels}
    spec:
      containers: [{name: main, image: app, readinessProbe: &probe {httpGet: {port: 80}}, livenessProbe: *probe}]
"""
"""Two probes are one."""


def loaded(folder: Path, *paths: Path) -> Loaded:
    """What these paths hold, or the folder."""
    return load([str(path) for path in paths or (folder,)], Setting(Settings()), lambda _: None, keep=True)


def written(folder: Path, data: bytes, name: str = "app.yaml") -> Path:
    """A file of the folder."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(data)
    return path


def put(folder: Path, data: bytes, injection: Injection = INJECTION) -> Sidecars:
    """With a sidecar in everything."""
    return injecting(loaded(folder, written(folder, data)), injection, lambda _: True, ())


def only(made: Sidecars) -> bytes:
    """The one text of it."""
    [data] = made.after.values()
    return data


def taken(folder: Path, data: bytes) -> bytes:
    """Without sidecars."""
    return only(uninjecting(loaded(folder, written(folder, data)), ()))


def objects(data: bytes | Text) -> list[dict[str, Any]]:
    """Every object in a text, those of lists on their own."""
    text = data.data if isinstance(data, Text) else data
    found: list[dict[str, Any]] = []
    for one in yaml.safe_load_all(text):
        found += one["items"] if one and one.get("kind") == "List" else [one] if one else []
    return found


def pod(value: dict[str, Any]) -> dict[str, Any]:
    """The pod of an object: its annotations and its spec."""
    while "containers" not in value.get("spec", {}):
        spec = value["spec"]
        value = spec.get("template") or spec["jobTemplate"]
    return {"annotations": value["metadata"]["annotations"], **value["spec"]}
