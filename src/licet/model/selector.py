"""Label selectors."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Set

import msgspec

from licet.model.ternary import Ternary


class Operator(enum.StrEnum):
    """What a requirement asks of a label."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class Requirement(msgspec.Struct, frozen=True, cache_hash=True):
    """One condition on one label. `values` is sorted, without repetitions, and empty for Exists and DoesNotExist."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str], unknown: Set[str], certain: Set[str] = frozenset()) -> Ternary:
        """Whether labels meet this condition; UNKNOWN where it hangs on a value that manifests do not hold.

        A label whose key is in `unknown` may be there, with any value; where its key is in `certain` as well, it surely
        is. NotIn and DoesNotExist hold for a missing key (`k8s.io/apimachinery/pkg/labels`, Requirement.Matches).
        """
        value = labels.get(self.key)
        if value is None and self.key in unknown:
            if self.key not in certain or self.operator in (Operator.IN, Operator.NOT_IN):
                return Ternary.UNKNOWN
            return Ternary.YES if self.operator is Operator.EXISTS else Ternary.NO
        return Ternary.YES if self._holds(value) else Ternary.NO

    def _holds(self, value: str | None) -> bool:
        match self.operator:
            case Operator.IN:
                return value is not None and value in self.values
            case Operator.NOT_IN:
                return value is None or value not in self.values
            case Operator.EXISTS:
                return value is not None
            case Operator.DOES_NOT_EXIST:
                return value is None


class Selector(msgspec.Struct, frozen=True, cache_hash=True):
    """Requirements that must all hold; none at all selects everything. Equal selectors compare equal."""

    requirements: tuple[Requirement, ...] = ()

    @classmethod
    def of(cls, requirements: list[Requirement]) -> Selector:
        """The selector in its canonical form: each requirement once, in a fixed order."""
        if len(requirements) < 2:
            return cls(tuple(requirements))
        return cls(tuple(sorted(set(requirements), key=lambda r: (r.key, r.operator.value, r.values))))

    def matches(
        self, labels: Mapping[str, str], unknown: Set[str] = frozenset(), certain: Set[str] = frozenset()
    ) -> Ternary:
        """The conjunction over all requirements."""
        return min((r.matches(labels, unknown, certain) for r in self.requirements), default=Ternary.YES)


EVERYTHING = Selector()
