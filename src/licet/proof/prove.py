"""Is what is permitted what was agreed?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from licet.compile.compiled import Unclosed
from licet.contracts.agreement import Agreements
from licet.model.cluster import Cluster
from licet.model.profile import Profile
from licet.proof.causes import Causes
from licet.proof.comparison import Comparison
from licet.proof.ground import Ground
from licet.proof.proof import Fault, Open, Proof
from licet.proof.units import Units


def prove(agreements: Agreements, cluster: Cluster, profile: Profile, unclosed: Sequence[Unclosed] = ()) -> Proof:
    """Compare, exactly, for every pair of endpoints of which one is default-deny and enforced.

    `cluster` holds the policies to judge. `unclosed` is what the target said it cannot refuse. The work grows with the
    distinct answers a destination has, not with the pairs.
    """
    ground = Ground(agreements, cluster, profile, unclosed)
    comparison = Comparison(ground)
    differences = Causes(ground).differences(comparison.deviations())
    return Proof(
        profile.name,
        sum(1 for key in ground.isolated if key in ground.units.by_root and key not in ground.names),
        comparison.agreed,
        comparison.permitted,
        tuple(one for one in differences if one.fault is Fault.MISSING),
        tuple(one for one in differences if one.fault is Fault.EXCESS),
        tuple(
            one for fault in (Fault.PERHAPS_MISSING, Fault.PERHAPS_EXCESS) for one in differences if one.fault is fault
        ),
        tuple(_open(unclosed, ground.units, comparison)),
        tuple(ground.expectations.unjudged),
        ground.assumptions,
    )


def _open(unclosed: Sequence[Unclosed], units: Units, comparison: Comparison) -> Iterator[Open]:
    for one in unclosed:
        if any((unit, one.direction) in comparison.used_unclosed for unit in units.by_root.get(one.key, ())):
            yield Open(one.key, one.direction, one.reason)
