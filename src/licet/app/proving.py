"""What is declared and what is permitted, compared as they stand."""

from __future__ import annotations

from datetime import datetime

import msgspec

from licet.app.load import Loaded
from licet.contracts.agree import agree
from licet.diag.diagnostic import Diagnostic, Severity
from licet.model.profile import Profile
from licet.proof import findings
from licet.proof.proof import Proof
from licet.proof.prove import prove
from licet.sources import SourceError


class Proved(msgspec.Struct, frozen=True):
    """A proof; `diagnostics` are what agreeing found, then what the proof did."""

    proof: Proof
    diagnostics: tuple[Diagnostic, ...]


def proving(loaded: Loaded, at: datetime, profile: Profile) -> Proved:
    """Whether the policies that were loaded permit what is agreed at a time.

    Raises SourceError where there is no contract, and none that could not be read.
    """
    agreements = agree(loaded.contracts, loaded.cluster, at)
    is_broken = any(one.severity is Severity.ERROR for one in loaded.diagnostics)
    if not (loaded.contracts.contracts or agreements.isolated or is_broken):
        raise SourceError("no contract to prove", "`licet init` drafts them")
    proof = prove(agreements, loaded.cluster, profile)
    return Proved(proof, (*agreements.diagnostics, *findings.findings(proof)))
