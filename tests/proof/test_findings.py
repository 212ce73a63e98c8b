"""What a proof says to people."""

from __future__ import annotations

from licet.app.report import report
from licet.contracts.agreement import Addresses, Agreement, Domain, EdgeKind
from licet.diag.diagnostic import Diagnostic, Related, Severity
from licet.diag.place import Origin, Place
from licet.model.addresses import AddressSet
from licet.model.policy import Direction
from licet.model.ports import PortRange, PortSet, Protocol
from licet.model.profiles import PROFILES
from licet.model.verdict import Cause
from licet.proof.findings import findings
from licet.proof.proof import Difference, Fault, Open, Proof, Unjudged, Witness
from licet.proof.prove import prove
from tests.analysis.small import key, tcp
from tests.proof.estate import CORRECT, changed, estate

PLACE = Place(Origin("contracts.yaml"), ("spec",))
RULE = Place(Origin("policy.yaml"), ("spec", "ingress", 0))
WEB = key("Deployment", "web")
EMPTY = Proof("kubernetes", 1, 0, 0)
ON_80 = PortSet.of(tcp(80))
BY_RULE = Cause("NetworkPolicy", Direction.INGRESS, WEB, "ingress[0]", "undetermined", "it may", RULE)


def told(**fields: object) -> list[Diagnostic]:
    return findings(Proof("kubernetes", 1, 0, 0, **fields))  # type: ignore[arg-type]


def difference(fault: Fault, **fields: object) -> Difference:
    witness = Witness("shop/cart[Deployment]", "shop/web[Deployment]", Protocol.TCP, 80)
    settled: dict[str, object] = {"ports": ON_80, "count": 1, "cause": None, **fields}
    return Difference(fault, witness, **settled)  # type: ignore[arg-type]


def test_what_is_not_certain_says_what_it_hangs_on() -> None:
    one = difference(Fault.PERHAPS_EXCESS, cause=BY_RULE, isolation=PLACE, assumptions=("nodes have labels",))
    assert told(unproved=(one,)) == [
        Diagnostic(
            "L0422",
            Severity.ERROR,
            "`shop/cart[Deployment]` may reach `shop/web[Deployment]` on TCP 80, which nobody agreed to",
            RULE,
            label="may let it through",
            help="name the peer so that nothing is left open, or put what is not known into the manifests",
            notes=(
                "witness: shop/cart[Deployment] -> shop/web[Deployment], TCP 80",
                "it may",
                "hangs on: nodes have labels",
            ),
            related=(Related(PLACE, "this makes it default-deny"),),
        )
    ]


def test_without_a_rule_the_contract_is_the_place() -> None:
    """Such as where no policy isolates at all."""
    (found,) = told(excess=(difference(Fault.EXCESS, isolation=PLACE, count=3, ports=ON_80 | PortSet.of(tcp(90))),))
    assert (found.code, found.where, found.label, found.related) == ("L0420", PLACE, "", ())
    assert found.notes[1:] == ("differs on TCP 80,90", "3 pairs of endpoints more")


def test_what_is_not_judged_or_not_refused_is_told_and_is_no_error() -> None:
    """Alike for many workloads: once, with a few of their names."""
    call = Agreement(EdgeKind.DOMAIN, WEB, Domain("api.example.com"), ON_80, PLACE, None)
    opened = tuple(Open(key("Deployment", f"w{i}"), Direction.INGRESS, "it cannot") for i in range(5))
    found = told(unjudged=(Unjudged(call, "a name is no address"),), open=opened)
    assert [(one.code, one.severity, one.message) for one in found] == [
        ("L0424", Severity.INFO, "whether `shop/web[Deployment]` reaches `api.example.com` is not judged"),
        (
            "L0425",
            Severity.WARNING,
            "traffic of `shop/w0[Deployment]`, `shop/w1[Deployment]`, `shop/w2[Deployment]` and 2 more from addresses "
            "outside is not refused",
        ),
    ]
    assert EMPTY.holds


def test_a_missing_edge_points_at_policy_call_and_caller() -> None:
    """All three with their lines."""
    spoilt = estate(changed("endPort: 5445", "endPort: 5444", of="checkout"))
    proof = prove(spoilt.agreements, spoilt.cluster, PROFILES["kubernetes"])
    (found,) = report(findings(proof), spoilt.texts).findings
    lines = CORRECT.splitlines()
    assert [lines[one.where.line - 1].split("{")[1].split(",")[0] for one in found.related] == ["name: archive"]  # type: ignore[union-attr]
    (missing,) = proof.missing
    assert missing.agreement is not None
    assert missing.agreement.dst == Addresses(
        AddressSet.of(["203.0.113.0/25"]),
        missing.agreement.dst.text,  # type: ignore[union-attr]
    )
    assert missing.ports == PortSet.of(PortRange(Protocol.TCP, 5445, 5445))
