"""The command as a user runs it: a process of its own, with its own streams."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "examples" / "shop"


class Ran(msgspec.Struct, frozen=True):
    """What a run left behind."""

    code: int
    out: str
    err: str


def environment(**changes: str) -> dict[str, str]:
    """The environment of a run: nothing of the tester's own terminal in it."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "VIRTUAL_ENV") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "100", "LANG": "C.UTF-8", **changes}


def licet(*arguments: str | Path, cwd: Path = ROOT, stdin: bytes = b"", **changes: str) -> Ran:
    """Run `licet` to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "licet", *map(str, arguments)],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        env=environment(**changes),
        timeout=60,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def deployment(name: str, namespace: str = "shop", port: int = 8080) -> str:
    """A Deployment's manifest."""
    return (
        "---\napiVersion: apps/v1\nkind: Deployment\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec:\n  selector: {{matchLabels: {{app: {name}}}}}\n"
        f"  template:\n    metadata: {{labels: {{app: {name}}}}}\n"
        f"    spec: {{containers: [{{name: main, image: i, ports: [{{containerPort: {port}}}]}}]}}\n"
    )


def service(name: str, namespace: str, port: int, target: int) -> str:
    """A Service's manifest, over the pods of the workload of the same name."""
    return (
        f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{selector: {{app: {name}}}, ports: [{{port: {port}, targetPort: {target}}}]}}\n"
    )


DENY_ALL = (
    "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny, namespace: shop}\n"
    "spec: {podSelector: {}, policyTypes: [Ingress, Egress]}\n"
)


def allow(src: str, dst: str, port: int = 8080) -> str:
    """Two policies of namespace `shop` that let one workload call another."""
    head = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
    return (
        f"{head}metadata: {{name: {src}-to-{dst}, namespace: shop}}\n"
        f"spec:\n  podSelector: {{matchLabels: {{app: {src}}}}}\n  policyTypes: [Egress]\n  egress:\n"
        f"  - to:\n    - podSelector: {{matchLabels: {{app: {dst}}}}}\n    ports: [{{port: {port}}}]\n"
        f"{head}metadata: {{name: {dst}-from-{src}, namespace: shop}}\n"
        f"spec:\n  podSelector: {{matchLabels: {{app: {dst}}}}}\n  ingress:\n"
        f"  - from:\n    - podSelector: {{matchLabels: {{app: {src}}}}}\n    ports: [{{port: {port}}}]\n"
    )
