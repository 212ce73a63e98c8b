"""Rules that are one half of an edge: all that they allow is refused by the other side, or before they are read."""

from __future__ import annotations

from licet.analysis import bits
from licet.analysis.lint.survey import Survey
from licet.analysis.rules import Match
from licet.model.policy import Direction

_MOST_LOOKED_AT = 100_000
"""Pairs of classes. A rule about more of them is taken to be used, as nearly every such rule is."""


class Use:
    """Looks for one possible connection that a rule allows."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey
        self._reach = survey.reach

    def is_used(self, number: int, at: int, direction: Direction) -> bool:
        """Whether there may be one; where an ingress controller may come in, there always is."""
        subjects = self._survey.applied[number].possible
        inward = direction is Direction.INGRESS
        if inward and subjects & self._survey.routed:
            return True
        looked_at = 0
        stand_of = self._survey.stands(direction).of_class
        for subject in bits.indices(subjects):
            match = self._survey.match(number, at, direction, stand_of[subject])
            if self._outside(match, subject, inward):
                return True
            if inward:
                if self._arrives(match, subject):
                    return True
                continue
            looked_at += sum(region.bit_count() for region, _ in match.pods)
            if looked_at > _MOST_LOOKED_AT or self._leaves(match, subject):
                return True
        return False

    def _outside(self, match: Match, at: int, inward: bool) -> bool:
        row = (self._reach.ingress if inward else self._reach.egress)[at].outside
        return any(
            region & part and grant.may & held.may for region, grant in match.outside for held, part in row.items()
        )

    def _arrives(self, match: Match, at: int) -> bool:
        column = self._reach.columns[at]
        return any(
            region & part and grant.may & held.may for region, grant in match.pods for held, part in column.items()
        )

    def _leaves(self, match: Match, at: int) -> bool:
        return any(
            self._reach.at(self._reach.columns[to], at).may & grant.may
            for region, grant in match.pods
            for to in bits.indices(region)
        )
