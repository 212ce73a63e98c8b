"""What can be wrong with policies, L0200 to L0249, and with assertions about a cluster, L0300 to L0349, as findings."""

from __future__ import annotations

import msgspec

from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Place

SELECTS_NOTHING = "L0200"
UNUSED_PEER = "L0201"
NAMELESS_PORT = "L0202"
EMPTY_BLOCK = "L0203"
EMPTY_RULE = "L0204"
SHADOWED = "L0205"
NEVER_DECIDES = "L0206"
BEHIND_NETWORK_POLICIES = "L0207"
EQUAL_POLICIES = "L0208"
EQUAL_RULES = "L0209"
TIE = "L0210"
HOST_NETWORK = "L0211"
ELSEWHERE = "L0212"
HALF_AN_EDGE = "L0213"
NAMES_TO_DENY = "L0214"
NO_BACKEND = "L0215"
FAILED = "L0300"
OPEN_QUESTION = "L0301"
MATCHES_NOBODY = "L0302"
ASKS_NOTHING = "L0303"


UNREAD = "objects of unknown kinds are left out (L0103, L0104): what is missing may be theirs"
"""What a finding says of something that is not there, where not everything is known that is."""


def selects_nothing(where: Place, policy: str, meant: str, notes: tuple[str, ...]) -> Diagnostic:
    """A policy that selects no pod."""
    return Diagnostic(
        SELECTS_NOTHING,
        Severity.WARNING,
        f"`{policy}` selects no pod",
        where,
        label="no pod there has these labels",
        help=f"did you mean `{meant}`?" if meant else "correct the labels, or delete the policy: it has no effect",
        notes=notes,
    )


def selects_nobody_here(where: Place, policies: str, around: str) -> Diagnostic:
    """Policies for namespaces of which the manifests hold no pod."""
    return Diagnostic(
        SELECTS_NOTHING,
        Severity.INFO,
        f"{policies} for {around}, where the manifests hold no pod",
        where,
        help="nothing is wrong where these pods are deployed from elsewhere; read their manifests too to judge",
    )


def hosts_only(where: Place, rule: str, whole: bool) -> Diagnostic:
    """A peer of a rule whose labels only hostNetwork pods have, which no selector of a peer matches."""
    return Diagnostic(
        UNUSED_PEER,
        Severity.WARNING,
        f"{rule} matches nobody" if whole else f"a peer of {rule} matches nobody",
        where,
        label="only hostNetwork pods have these labels",
        help="their traffic is their node's: name the addresses of the nodes instead",
    )


def half_an_edge(where: Place, rule: str, side: str) -> Diagnostic:
    """A rule that is never used: all that it allows is refused by the other side, or by the Admin tier."""
    return Diagnostic(
        HALF_AN_EDGE,
        Severity.WARNING,
        f"{rule} is never used",
        where,
        label="half an edge",
        help=f"let the {side} side do the same, or take the rule out; `licet why` says who refuses",
        notes=(f"the policies of the {side} side, or the Admin tier, refuse all that it allows",),
    )


def unused_peer(where: Place, rule: str, meant: str, whole: bool, notes: tuple[str, ...]) -> Diagnostic:
    """A peer of a rule that matches no pod, though there are pods in its namespaces."""
    return Diagnostic(
        UNUSED_PEER,
        Severity.WARNING,
        f"{rule} matches nobody" if whole else f"a peer of {rule} matches nobody",
        where,
        label="no pod there has these labels",
        help=f"did you mean `{meant}`?" if meant else "correct the labels, or take the peer out",
        notes=notes,
    )


def elsewhere(where: Place, namespaces: str, rules: str) -> Diagnostic:
    """Peers in namespaces of which the manifests hold no pod."""
    return Diagnostic(
        ELSEWHERE,
        Severity.INFO,
        f"{rules} `{namespaces}`, where the manifests hold no pod",
        where,
        help="nothing is wrong where these pods are deployed from elsewhere; read their manifests too to judge",
    )


def empty_block(where: Place, rule: str, block: str, whole: bool) -> Diagnostic:
    """A block of addresses whose exceptions take out all of it."""
    return Diagnostic(
        EMPTY_BLOCK,
        Severity.WARNING,
        f"`{block}` in {rule} is empty",
        where,
        label="the exceptions take out the whole block",
        help=f"make the exceptions smaller, or take the {'rule' if whole else 'peer'} out",
    )


def nameless_port(where: Place, rule: str, port: str, whose: str, meant: str, whole: bool) -> Diagnostic:
    """A port name that no pod has at which the rule's traffic arrives."""
    effect = "the rule allows nothing" if whole else "this entry has no effect"
    return Diagnostic(
        NAMELESS_PORT,
        Severity.WARNING,
        f"{rule} asks for port `{port}`, which {whose}",
        where,
        label=effect,
        help=f"did you mean `{meant}`?" if meant else "name a port that a container declares, or write its number",
    )


def empty_rule(where: Place, rule: str) -> Diagnostic:
    """A rule that matches no traffic of which policies decide."""
    return Diagnostic(
        EMPTY_RULE,
        Severity.WARNING,
        f"{rule} matches no traffic",
        where,
        help="take it out, or widen its peers or ports; a pod reaches itself without a rule",
    )


def shadowed(where: Place, rule: str, by: str, sure: bool) -> Diagnostic:
    """A rule without which nothing changes, since others of the policies that select its pods allow the same."""
    known = () if sure else ("this holds for the pods of these manifests; others may exist",)
    return Diagnostic(
        SHADOWED,
        Severity.WARNING,
        f"{rule} is shadowed: others allow all that it allows",
        where,
        label="changes nothing",
        help="take it out, or narrow the rules that cover it",
        notes=(f"covered by {by}", *known),
    )


def never_decides(where: Place, rule: str, by: str) -> Diagnostic:
    """A rule of a cluster policy that never decides, since others decide before it."""
    return Diagnostic(
        NEVER_DECIDES,
        Severity.WARNING,
        f"{rule} never decides",
        where,
        label="all that it matches is decided before it",
        help="put it before them, give its policy a lower priority, or take it out",
        notes=(f"decided by {by}",),
    )


def behind_network_policies(where: Place, policy: str, direction: str, pods: str) -> Diagnostic:
    """Rules of the Baseline tier for pods all of which NetworkPolicies select in that direction."""
    return Diagnostic(
        BEHIND_NETWORK_POLICIES,
        Severity.WARNING,
        f"the {direction} rules of `{policy}` never decide",
        where,
        label="a NetworkPolicy selects every pod that they apply to",
        help="use the Admin tier for what must hold whatever NetworkPolicies say, or take the rules out",
        notes=(f"applies to {pods}",),
    )


def equal_policies(where: Place, policy: str, first: str) -> Diagnostic:
    """A policy that says the same as another of its namespace."""
    return Diagnostic(
        EQUAL_POLICIES,
        Severity.WARNING,
        f"`{policy}` says the same as `{first}`",
        where,
        help="keep one of them",
    )


def equal_rules(where: Place, rule: str, first: str) -> Diagnostic:
    """A rule that says the same as another of its policy."""
    return Diagnostic(
        EQUAL_RULES,
        Severity.WARNING,
        f"{rule} says the same as {first}",
        where,
        help="keep one of them",
    )


class Tied(msgspec.Struct, frozen=True):
    """Policies of one tier and priority that disagree: two of their rules that do, and how many policies there are."""

    rule: str
    other: str
    number: int
    policies: str
    priority: int


def tie(where: Place, tied: Tied, witness: str) -> Diagnostic:
    """Cluster policies of one tier and priority that decide one connection differently."""
    pair = f"{tied.rule} and {tied.other} disagree"
    if tied.number == 2:
        said, notes = f"{pair}, and both have priority {tied.priority}", [witness]
        advice = "give one of the two policies another priority"
    else:
        said = f"{tied.number:,} policies disagree, and all have priority {tied.priority}"
        notes = [tied.policies, f"{pair}, for one", witness]
        advice = "make them agree, or give them priorities of their own"
    return Diagnostic(
        TIE,
        Severity.WARNING,
        said,
        where,
        label="which of them decides is not defined",
        help=advice,
        notes=tuple(notes),
    )


def names_to_deny(where: Place, rule: str, action: str) -> Diagnostic:
    """Domain names in a rule of a cluster policy that does anything but accept."""
    return Diagnostic(
        NAMES_TO_DENY,
        Severity.ERROR,
        f"{rule} has domain names and the action `{action}`",
        where,
        label="the API allows them in Accept rules only",
        help="deny by addresses, `networks`, and accept the names in a rule before it",
        notes=("an enforcer may refuse the policy, or leave these names out",),
    )


def no_backend(where: Place, route: str, said: str, meant: str, sure: bool, notes: tuple[str, ...]) -> Diagnostic:
    """A backend of a route that is not there; `sure` is False where nothing of its namespace is."""
    return Diagnostic(
        NO_BACKEND,
        Severity.WARNING if sure else Severity.INFO,
        f"`{route}` leads to {said}",
        where,
        label="leads nowhere",
        help=f"did you mean `{meant}`?" if meant else "correct the backend, or give the manifests of its Service too",
        notes=notes,
    )


def host_network(where: Place, said: str, only: bool) -> Diagnostic:
    """A NetworkPolicy whose labels fit hostNetwork pods, to which it does not, or may not, apply."""
    return Diagnostic(
        HOST_NETWORK,
        Severity.WARNING if only else Severity.INFO,
        said,
        where,
        label="only hostNetwork pods have these labels" if only else "hostNetwork pods have these labels too",
        help="their traffic is their node's: restrict it on the nodes, or take hostNetwork from the pods",
    )


def failed(where: Place, name: str, said: str, notes: tuple[str, ...]) -> Diagnostic:
    """An assertion that does not hold."""
    return Diagnostic(
        FAILED,
        Severity.ERROR,
        f"`{name}` does not hold: {said}",
        where,
        help="change the policies, or, where this is meant, the assertion",
        notes=notes,
    )


def open_question(where: Place, name: str, said: str, notes: tuple[str, ...]) -> Diagnostic:
    """An assertion that may not hold: the answer hangs on what is not known."""
    return Diagnostic(
        OPEN_QUESTION,
        Severity.ERROR,
        f"`{name}` may not hold: {said}",
        where,
        help="settle what it hangs on: in the policies, in the manifests, with `--platform` or with `--enforcer`",
        notes=notes,
    )


def matches_nobody(where: Place, name: str, meant: str) -> Diagnostic:
    """A party of an assertion that is nobody: what it says about them would always hold."""
    return Diagnostic(
        MATCHES_NOBODY,
        Severity.ERROR,
        f"`{name}` names somebody who is not in the manifests",
        where,
        label="this is nobody",
        help=f"did you mean `{meant}`?" if meant else "`licet map` lists those there are",
    )


def asks_nothing(where: Place, name: str) -> Diagnostic:
    """An assertion about no connection at all: it would always hold."""
    return Diagnostic(
        ASKS_NOTHING,
        Severity.ERROR,
        f"`{name}` is about no connection",
        where,
        help="name other parties or ports: a pod to itself, or outside to outside, is no connection to judge",
    )
