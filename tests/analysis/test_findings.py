"""Every finding of the room, with all of its text: wording is for readers, and no law sees it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeAlias

from licet.analysis import findings
from licet.analysis.findings import Tied
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Origin, Place
from tests.analysis.told import lines
from tests.conftest import Golden

PAGE = Path(__file__).parent / "golden" / "findings.txt"
RULE = "`shop/p` ingress[1]"
NOTES = ("a note of the caller",)


def here(*path: str | int) -> Place:
    """A place of its own for each finding."""
    return Place(Origin("k8s/p.yaml"), ("spec", *path))


PAIR = Tied("`b` ingress[0]", "`a` ingress[2]", 2, "`a`, `b`", 1000)
CROWD = Tied("`b` ingress[0]", "`a` ingress[2]", 1234, "`a`, `b`, `c` and 1231 more", 0)

Told: TypeAlias = dict[str, list[Diagnostic]]


def of_absence() -> Told:
    """Who and what is not there."""
    return {
        "a policy for nobody, and one whose labels come close": [
            findings.selects_nothing(here("podSelector"), "shop/p", meant, NOTES) for meant in ("", "app: web")
        ],
        "policies for pods that are elsewhere": [
            findings.selects_nobody_here(here("podSelector"), "2 policies are", "namespace `mail`")
        ],
        "a peer, and a whole rule, of hostNetwork pods only": [
            findings.hosts_only(here("ingress", 1, "from", 0), RULE, whole) for whole in (False, True)
        ],
        "a peer, and a whole rule, of nobody; with and without labels that come close": [
            findings.unused_peer(here("ingress", 1, "from", 0), RULE, meant, whole, NOTES)
            for meant, whole in (("", False), ("app: web", True))
        ],
        "peers that are elsewhere": [
            findings.elsewhere(here("egress", 0, "to", 0), "team=red", "1 rule names pods of namespaces")
        ],
        "an empty block, and a rule that has no other peer": [
            findings.empty_block(here("ingress", 1, "from", 0), RULE, "10.0.0.0/8 except 10.0.0.0/8", whole)
            for whole in (False, True)
        ],
        "a port name of nobody, and a rule that has no other port; with and without a name that comes close": [
            findings.nameless_port(here("ingress", 1, "ports", 0), RULE, "TCP htpp", "no pod has", meant, whole)
            for meant, whole in (("", False), ("http", True))
        ],
        "a backend that is not there, or perhaps not; with and without one that comes close": [
            findings.no_backend(here("rules", 0), "shop/r[Ingress]", "port `81` of `shop/web`", meant, sure, NOTES)
            for meant, sure in (("", False), ("80", True))
        ],
        "a policy for hostNetwork pods too, and one for them only": [
            findings.host_network(here("podSelector"), "`shop/p` may not apply to `shop/agent[DaemonSet]`", only)
            for only in (False, True)
        ],
    }


def of_rules() -> Told:
    """What rules and policies do for nothing, or against each other."""
    return {
        "half an edge": [findings.half_an_edge(here("ingress", 1), RULE, "source's")],
        "a rule for no traffic": [findings.empty_rule(here("ingress", 1), RULE)],
        "a shadowed rule, whatever pods there are or only for these": [
            findings.shadowed(here("ingress", 1), RULE, "`shop/q` ingress[0]", sure) for sure in (True, False)
        ],
        "a rule that never decides": [findings.never_decides(here("ingress", 1), RULE, "`a` ingress[0]")],
        "rules behind NetworkPolicies": [
            findings.behind_network_policies(here("ingress"), "base", "ingress", "`shop/web[Deployment]`")
        ],
        "equal policies": [findings.equal_policies(here("podSelector"), "shop/q", "shop/p")],
        "equal rules": [findings.equal_rules(here("ingress", 1), RULE, "`shop/p` ingress[0]")],
        "two policies that disagree, and many": [
            findings.tie(here("ingress", 0), tied, "witness: a -> b, TCP 1") for tied in (PAIR, CROWD)
        ],
        "domain names in a rule that denies": [findings.names_to_deny(here("egress", 1), "`a` egress[1]", "Deny")],
    }


def of_assertions() -> Told:
    """What does not hold."""
    return {
        "an assertion that does not hold": [
            findings.failed(here("assertions", 0), "db", "`a` reaches `b` on TCP 5432", NOTES)
        ],
        "an assertion that may not hold": [
            findings.open_question(here("assertions", 0), "db", "`a` may reach `b` on TCP 5432", NOTES)
        ],
        "an assertion about nobody, with and without a name that comes close": [
            findings.matches_nobody(here("assertions", 0, "deny", "from", 0), "db", meant) for meant in ("", "shop/web")
        ],
        "an assertion about no connection": [findings.asks_nothing(here("assertions", 0), "db")],
    }


def everything() -> Told:
    """All of them."""
    return of_absence() | of_rules() | of_assertions()


def test_findings_read_as_written(golden: Golden) -> None:
    golden(PAGE, "\n".join(line for about, told in everything().items() for line in (f"# {about}", *lines(told))))


def test_every_code_of_the_room_is_among_them() -> None:
    codes = {value for value in vars(findings).values() if isinstance(value, str) and re.fullmatch("L0[0-9]{3}", value)}
    assert {finding.code for told in everything().values() for finding in told} == codes
