"""Generated clusters: the same case gives the same bytes, on every machine."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import blocks, manifests, policies, tiers
from bench.estate import App, Estate, plan

VARIANTS = {
    "plain": "a policy a workload and default deny a namespace",
    "cnp60": "plain, and 60 ClusterNetworkPolicies in both tiers",
    "cidr": "plain, and an address block of its own in every policy",
    "notin": "every policy admits all pods but three apps of its own (NotIn)",
    "none": "no policy at all",
    "pods": "bare pods, 50 of each label set, with the plain policies",
    "bare": "a bare pod, its callers and its callees, default deny in both directions",
}
PODS_A_SET = 50
APPS_A_FILE = 10


@dataclass(frozen=True, slots=True)
class Case:
    """What to generate. `size` counts workloads; `split` puts every object into a file of its own."""

    variant: str
    size: int
    split: bool = False
    seed: int = 1

    @property
    def name(self) -> str:
        """Such as `plain-1000` or `plain-1000-split`."""
        return f"{self.variant}-{self.size}" + ("-split" if self.split else "")

    @classmethod
    def parse(cls, name: str) -> Case:
        """The case of a name; raises ValueError where there is none."""
        variant, _, rest = name.partition("-")
        size, _, split = rest.partition("-")
        if variant not in VARIANTS or not size.isdigit() or split not in ("", "split"):
            raise ValueError(f"`{name}` is not a case: say one of {', '.join(VARIANTS)} and a size, as in `plain-1000`")
        return cls(variant, int(size), bool(split))


def files(case: Case) -> Iterator[tuple[str, list[str]]]:
    """The case as files, each a path below the cluster's folder and its documents in order."""
    for path, documents in _files(case):
        if case.split:
            folder, stem = path.removesuffix(".yaml").split("/")
            yield from ((f"{folder}/{stem}-{i:03d}.yaml", [document]) for i, document in enumerate(documents))
        else:
            yield path, documents


def write(case: Case, folder: Path) -> tuple[int, int, int]:
    """Write the case below `folder` and return how many files, documents and bytes it has."""
    file_count = document_count = size = 0
    for path, documents in files(case):
        data = "---\n".join(documents).encode()
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        file_count += 1
        document_count += sum(document.count("\n---\n") + 1 for document in documents)
        size += len(data)
    return file_count, document_count, size


def _files(case: Case) -> Iterator[tuple[str, list[str]]]:
    estate = _estate(case)
    yield "platform/base.yaml", manifests.PLATFORM.split("---\n")
    if case.variant == "cnp60":
        yield "platform/tiers.yaml", tiers.cluster_policies(60, case.seed)
    written = policy_texts(case, estate)
    for start in range(0, len(estate.apps), APPS_A_FILE):
        group = estate.apps[start : start + APPS_A_FILE]
        by_namespace = {app.namespace.name: [a for a in group if a.namespace is app.namespace] for app in group}
        for name, apps in by_namespace.items():
            stem = f"{name}/apps-{apps[0].index:05d}"
            yield f"{stem}.yaml", [text for app in apps for text in _objects(case, app, estate)]
            if case.variant != "none":
                yield f"{stem}-policies.yaml", [next(written) for _ in apps]
    for namespace in estate.namespaces:
        base = [manifests.namespace(namespace)]
        yield (
            f"{namespace.name}/namespace.yaml",
            base
            if case.variant == "none"
            else [
                *base,
                policies.default_deny(namespace),
            ],
        )


def policy_texts(case: Case, estate: Estate) -> Iterator[str]:
    """The policy of each app in turn, as the case's variant has it."""
    match case.variant:
        case "cidr":
            for app, (block, hole) in zip(estate.apps, blocks.distinct(case.seed), strict=False):
                yield policies.with_block(app, estate, block, hole)
        case "notin":
            draw = random.Random(f"exclusions {case.seed}")
            for app in estate.apps:
                yield policies.with_exclusions(app, estate, draw)
        case _:
            for app in estate.apps:
                yield policies.policy(app, estate)


def _estate(case: Case) -> Estate:
    match case.variant:
        case "pods":
            return plan(max(1, case.size // PODS_A_SET), case.seed, kind="Pod")
        case "bare":
            return plan(case.size, case.seed, kind="Pod", closed=True)
        case _:
            return plan(case.size, case.seed)


def _objects(case: Case, app: App, estate: Estate) -> list[str]:
    if case.variant == "pods":
        return manifests.pods(app, PODS_A_SET)
    callees = estate.callees[app.index]
    upstream = estate.apps[callees[0]] if callees else app
    return manifests.objects(app, {"UPSTREAM": f"{upstream.name}:{upstream.port}"})


def main(arguments: list[str]) -> int:
    """`python -m bench.generate CASE FOLDER`: writes the case and prints files, documents and bytes."""
    name, folder = arguments
    print(*write(Case.parse(name), Path(folder)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
