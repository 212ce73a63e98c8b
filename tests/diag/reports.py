"""Findings that the tests of the renderers share."""

from licet.diag.diagnostic import Diagnostic, Fix, Related, Severity
from licet.diag.place import Span
from licet.diag.report import Report
from licet.diag.text import Text

POLICY = "k8s/bank/ledger-policy.yaml"

LEDGER = Diagnostic(
    code="L0214",
    severity=Severity.ERROR,
    message="`shop/checkout` reaches `bank/ledger:5432`, which nobody agreed to",
    where=Span(POLICY, 3, 9, 3, 30),
    label="admits every namespace",
    help="name the caller, or let `bank/ledger` serve it (`licet rule L0214`)",
    notes=("witness: shop/checkout[Deployment] -> bank/ledger[StatefulSet], TCP 5432",),
)
NOWHERE = Diagnostic("L0022", Severity.INFO, "2 kustomizations met on the way", help="point at one")
HALF = Diagnostic(
    "L0378",
    Severity.ERROR,
    "`bank/ledger` does not admit `shop/checkout`",
    Span("a b.yaml", 1, 1, 1, 11),
    label="half an agreement",
    related=(Related(Span(POLICY, 2, 7, 2, 11), "whom it admits"),),
)
FIXED = Diagnostic(
    "L0102",
    Severity.WARNING,
    "`spec.podSelecter` is not a field",
    Span("a b.yaml", 1, 1, 1, 11),
    fix=Fix("rename it", "podSelector"),
)
REPORT = Report(
    (LEDGER, NOWHERE, HALF, FIXED),
    {
        POLICY: Text(POLICY, b"spec:\n    - from:\n        - namespaceSelector: {}\n"),
        "a b.yaml": Text("a b.yaml", b"podSelecter: {}\n"),
    },
)

HOSTILE = "\x1b[31m`<script>alert(1)</script>`|@team \u202e\x00\n::error::]]>&\"' [x](javascript:1) *b*"


def hostile(text: str = HOSTILE) -> Report:
    """One finding in which everything that a manifest may choose is this text."""
    finding = Diagnostic(
        "L0100",
        Severity.ERROR,
        f"`{text}` is wrong",
        Span(f"{text}.yaml", 1, 1, 1, 4),
        label=text,
        help=f"drop `{text}`",
        notes=(text,),
        related=(Related(Span(f"{text}.yaml", 1, 1, 1, 4), text),),
    )
    return Report((finding,), {f"{text}.yaml": Text(f"{text}.yaml", text.encode("utf-8", "replace"))})
