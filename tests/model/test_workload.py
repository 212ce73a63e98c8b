"""What pods surely bear, perhaps bear and do not bear."""

import pytest

from licet.diag.place import Origin
from licet.model.addresses import AddressSet
from licet.model.key import Key
from licet.model.selector import Operator, Requirement, Selector
from licet.model.ternary import Ternary
from licet.model.workload import Workload

PODS = Workload(
    Key("", "apps", "Deployment", "shop", "web"),
    {"app": "web"},
    frozenset({"hash", "zone"}),
    (),
    False,
    AddressSet(),
    "web",
    Origin("web.yaml"),
    certain_labels=frozenset({"hash"}),
)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Requirement("app", Operator.IN, ("web",)), Ternary.YES),
        (Requirement("app", Operator.IN, ("api",)), Ternary.NO),
        (Requirement("zone", Operator.EXISTS), Ternary.UNKNOWN),
        (Requirement("hash", Operator.EXISTS), Ternary.YES),
        (Requirement("hash", Operator.DOES_NOT_EXIST), Ternary.NO),
        (Requirement("hash", Operator.IN, ("abc",)), Ternary.UNKNOWN),
    ],
)
def test_labels_that_a_controller_sets_are_there_or_may_be(asked: Requirement, expected: Ternary) -> None:
    assert PODS.bears(Selector((asked,))) is expected
