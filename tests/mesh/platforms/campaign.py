"""The example platform and random ones, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import msgspec
import yaml

from licet.app.up.claim import Claim
from tests.mesh.platforms.drawn import Document, draw
from tests.mesh.platforms.ground import Outcomes, ground

EXAMPLE = Path(__file__).parents[3] / "examples" / "shop"
_SHOWN = 20


class Found(msgspec.Struct):
    """All that was found; `differences` say on which platform."""

    platforms: int = 0
    workloads: int = 0
    pairs: int = 0
    probes: int = 0
    asked: int = 0
    beyond: Counter[str] = msgspec.field(default_factory=Counter)
    by: Counter[str] = msgspec.field(default_factory=Counter)
    differences: list[str] = msgspec.field(default_factory=list)

    def add(self, name: str, workloads: int, outcomes: Outcomes) -> None:
        """Count a platform."""
        self.platforms += 1
        self.workloads += workloads
        self.pairs += outcomes.pairs
        self.probes += outcomes.probes
        self.asked += outcomes.asked
        self.beyond += outcomes.beyond
        self.by += outcomes.by
        self.differences += [f"{name}: {each}" for each in outcomes.differences]

    def summary(self) -> str:
        """In one line."""
        return (
            f"{self.platforms} platforms, {self.workloads} workloads, {self.pairs} pairs, {self.probes} probes, "
            f"{self.asked} answers of the engine: {len(self.differences)} differences"
        )


async def campaign(platforms: int, sets: int, seed: int, folder: Path, tell: Callable[[str], None]) -> Found:
    """The example, and so many random ones of which `sets` in turn are of the same workloads."""
    found = Found()
    await probe_example(found, folder / "example", Random(seed), tell)
    for number in range(0, platforms, sets):
        name = f"{seed}-{number}"
        await probe_drawn(found, name, min(sets, platforms - number), folder / name, tell)
    return found


async def probe_example(found: Found, folder: Path, rng: Random, tell: Callable[[str], None]) -> None:
    """The example platform as it is."""
    folder.mkdir(mode=0o700)
    documents = example()
    async with ground(documents, folder) as (standing, declared):
        _tell(found, "example", len(standing.sidecars), await standing.probe_as_it_is(declared, documents, rng), tell)


async def probe_drawn(found: Found, name: str, sets: int, folder: Path, tell: Callable[[str], None]) -> None:
    """Random workloads, under as many sets of contracts; the name says which."""
    folder.mkdir(mode=0o700)
    rng = Random(name)
    with Claim(8) as claim:
        addresses = claim.addresses
    drawn = draw(rng, sets, addresses)
    async with ground((*drawn.manifests, *drawn.open), folder) as (standing, _):
        for number, contracts in enumerate(drawn.sets):
            outcomes = await standing.probe((*drawn.manifests, *contracts), rng)
            _tell(found, f"{name}/{number}", len(standing.sidecars), outcomes, tell)


def example() -> Sequence[Document]:
    """The documents of the example platform."""
    texts = (path.read_text() for path in sorted(EXAMPLE.rglob("*.yaml")))
    documents = (document for text in texts for document in yaml.safe_load_all(text))
    return [each for each in documents if isinstance(each, dict) and "kind" in each and each["kind"] != "Assertions"]


def _tell(found: Found, name: str, workloads: int, outcomes: Outcomes, tell: Callable[[str], None]) -> None:
    found.add(name, workloads, outcomes)
    tell(f"{name}: {workloads} workloads, {outcomes.probes} probes, {len(outcomes.differences)} differences")
    for each in outcomes.differences[:_SHOWN]:
        tell(f"  {each}")
