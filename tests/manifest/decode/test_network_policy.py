"""NetworkPolicy: defaults, meanings, and what the API server would not take."""

from __future__ import annotations

import pytest

from licet.diag.place import Path
from licet.model.addresses import AddressSet
from licet.model.policy import BlockPeer, NetworkPolicy, NetworkRule, Peer, PodPeer
from licet.model.ports import NamedPort, PortRange, PortRule, Protocol
from licet.model.selector import EVERYTHING, Operator, Requirement, Selector
from tests.manifest.decode.given import faults, given

A = Selector((Requirement("app", Operator.IN, ("a",)),))
ANY = NetworkRule(0, None, None)


def policy(spec: str) -> NetworkPolicy:
    """The policy with this spec, which must be without fault, rules that mean nothing left aside."""
    decoded = given(f"{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p}}, spec: {spec}}}")
    assert [code for code, _, _ in faults(decoded) if code != "L0116"] == []
    (only,) = decoded.cluster.network_policies
    return only


@pytest.mark.parametrize(
    ("spec", "ingress", "egress"),
    [
        ("null", (), None),
        ("{}", (), None),
        ("{podSelector: null}", (), None),
        ("{ingress: []}", (), None),
        ("{ingress: [{}]}", (ANY,), None),
        ("{ingress: [null]}", (ANY,), None),
        ("{ingress: [{from: []}]}", (ANY,), None),
        ("{ingress: [{from: null, ports: []}]}", (ANY,), None),
        ("{egress: []}", (), None),
        ("{egress: null}", (), None),
        ("{egress: [{}]}", (), (ANY,)),
        ("{policyTypes: []}", (), None),
        ("{policyTypes: [], egress: [{}]}", (), (ANY,)),
        ("{policyTypes: [Ingress], egress: [{}]}", (), None),
        ("{policyTypes: [Egress]}", None, ()),
        ("{policyTypes: [Egress], ingress: [{}]}", None, ()),
        ("{policyTypes: [Egress, Ingress]}", (), ()),
        ("{policyTypes: [Egress, Egress]}", None, ()),
    ],
)
def test_which_directions_a_policy_governs(
    spec: str, ingress: tuple[NetworkRule, ...] | None, egress: tuple[NetworkRule, ...] | None
) -> None:
    """`SetDefaults_NetworkPolicy`: without types, ingress always and egress where it has rules."""
    found = policy(spec)
    assert (found.ingress, found.egress) == (ingress, egress)
    assert found.pods == EVERYTHING


@pytest.mark.parametrize(("named", "field"), [("Egress", "ingress"), ("Ingress", "egress")])
def test_rules_of_a_direction_that_is_not_named_are_told(named: str, field: str) -> None:
    metadata = "apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}"
    told = faults(given(f"{{{metadata}, spec: {{policyTypes: [{named}], {field}: [{{}}]}}}}"))
    message = f"`spec.{field}` means nothing: `policyTypes` does not name `{field.capitalize()}`"
    assert told == [("L0116", message, ("spec", field))]
    assert not faults(given(f"{{{metadata}, spec: {{policyTypes: [{named}], {field}: []}}}}"))


@pytest.mark.parametrize(
    ("peer", "meaning"),
    [
        ("{podSelector: {}}", PodPeer(None, EVERYTHING)),
        ("{podSelector: {matchLabels: {app: a}}}", PodPeer(None, A)),
        ("{namespaceSelector: {}}", PodPeer(EVERYTHING, EVERYTHING)),
        ("{namespaceSelector: {matchLabels: {app: a}}, podSelector: {}}", PodPeer(A, EVERYTHING)),
        ("{namespaceSelector: {}, podSelector: {matchLabels: {app: a}}}", PodPeer(EVERYTHING, A)),
        ("{ipBlock: {cidr: 10.0.0.0/8}}", BlockPeer(AddressSet.of(["10.0.0.0/8"]), "10.0.0.0/8")),
        ("{ipBlock: {cidr: 0.0.0.0/0}}", BlockPeer(AddressSet.of(["0.0.0.0/0"]), "0.0.0.0/0")),
        ("{ipBlock: {cidr: 'fd00::/8', except: []}}", BlockPeer(AddressSet.of(["fd00::/8"]), "fd00::/8")),
        (
            "{ipBlock: {cidr: 10.0.0.0/30, except: [10.0.0.1/32, 10.0.0.2/32]}}",
            BlockPeer(AddressSet.of(["10.0.0.0/32", "10.0.0.3/32"]), "10.0.0.0/30 except 10.0.0.1/32, 10.0.0.2/32"),
        ),
    ],
)
def test_what_a_peer_means(peer: str, meaning: Peer) -> None:
    assert policy(f"{{ingress: [{{from: [{peer}]}}]}}").ingress == (NetworkRule(0, (meaning,), None),)
    assert policy(f"{{egress: [{{}}, {{to: [{peer}]}}]}}").egress == (ANY, NetworkRule(1, (meaning,), None))


@pytest.mark.parametrize(
    ("port", "meaning"),
    [
        ("{}", PortRange(Protocol.TCP)),
        ("null", PortRange(Protocol.TCP)),
        ("{protocol: SCTP}", PortRange(Protocol.SCTP)),
        ("{port: 80}", PortRange(Protocol.TCP, 80, 80)),
        ("{port: 53, protocol: UDP}", PortRange(Protocol.UDP, 53, 53)),
        ("{port: 80, endPort: 90}", PortRange(Protocol.TCP, 80, 90)),
        ("{port: 80, endPort: 80}", PortRange(Protocol.TCP, 80, 80)),
        ("{port: 1, endPort: 65535}", PortRange(Protocol.TCP, 1, 65535)),
        ("{port: http}", NamedPort("http")),
        ("{port: a-1, protocol: UDP}", NamedPort("a-1", Protocol.UDP)),
    ],
)
def test_what_a_port_means(port: str, meaning: PortRule) -> None:
    assert policy(f"{{ingress: [{{ports: [{port}]}}]}}").ingress == (NetworkRule(0, None, (meaning,)),)


IN, OUT = ("spec", "ingress", 0), ("spec", "egress", 0)


@pytest.mark.parametrize(
    ("spec", "message", "path"),
    [
        ("{ingress: [{from: [{}]}]}", "names no peer", (*IN, "from", 0)),
        ("{ingress: [{from: [null]}]}", "names no peer", (*IN, "from", 0)),
        ("{egress: [{to: [{podSelector: null}]}]}", "names no peer", (*OUT, "to", 0)),
        (
            "{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}]}",
            "has ipBlock beside a selector",
            (*IN, "from", 0),
        ),
        ("{ingress: [{from: [{ipBlock: {}}]}]}", "is missing", (*IN, "from", 0, "ipBlock", "cidr")),
        (
            "{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0}}]}]}",
            "has no prefix length: `10.0.0.0`",
            (*IN, "from", 0, "ipBlock", "cidr"),
        ),
        (
            "{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}]}",
            "has no prefix length from 0 to 32: `10.0.0.0/33`",
            (*IN, "from", 0, "ipBlock", "cidr"),
        ),
        (
            "{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/255.0.0.0}}]}]}",
            "has no prefix length from 0 to 32: `10.0.0.0/255.0.0.0`",
            (*IN, "from", 0, "ipBlock", "cidr"),
        ),
        (
            "{ingress: [{from: [{ipBlock: {cidr: 10.0.0.256/8}}]}]}",
            "is not a CIDR block: `10.0.0.256/8`",
            (*IN, "from", 0, "ipBlock", "cidr"),
        ),
        (
            "{ingress: [{from: [{ipBlock: {cidr: 'fe80::1%eth0/64'}}]}]}",
            "is not a CIDR block: `fe80::1%eth0/64`",
            (*IN, "from", 0, "ipBlock", "cidr"),
        ),
        (
            "{egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 11.0.0.0/16]}}]}]}",
            "does not lie inside `10.0.0.0/8`: `11.0.0.0/16`",
            (*OUT, "to", 0, "ipBlock", "except", 1),
        ),
        (
            "{egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}]}",
            "does not lie inside `10.0.0.0/8`: `10.0.0.0/8`",
            (*OUT, "to", 0, "ipBlock", "except", 0),
        ),
        (
            "{egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: ['fd00::/8']}}]}]}",
            "does not lie inside `0.0.0.0/0`: `fd00::/8`",
            (*OUT, "to", 0, "ipBlock", "except", 0),
        ),
        ("{ingress: [{ports: [{port: 0}]}]}", "is 0", (*IN, "ports", 0, "port")),
        ("{ingress: [{ports: [{port: 65536}]}]}", "is 65536", (*IN, "ports", 0, "port")),
        ("{ingress: [{ports: [{port: '80'}]}]}", "is not a port name: `80`", (*IN, "ports", 0, "port")),
        ("{ingress: [{ports: [{port: ''}]}]}", "is not a port name: ``", (*IN, "ports", 0, "port")),
        ("{ingress: [{ports: [{port: HTTP}]}]}", "is not a port name: `HTTP`", (*IN, "ports", 0, "port")),
        ("{ingress: [{ports: [{port: a--b}]}]}", "is not a port name: `a--b`", (*IN, "ports", 0, "port")),
        (
            "{ingress: [{ports: [{port: longer-than-fifteen}]}]}",
            "is not a port name: `longer-than-fifteen`",
            (*IN, "ports", 0, "port"),
        ),
        ("{ingress: [{ports: [{endPort: 90}]}]}", "needs a `port` that is a number", (*IN, "ports", 0, "endPort")),
        (
            "{ingress: [{ports: [{port: http, endPort: 90}]}]}",
            "needs a `port` that is a number",
            (*IN, "ports", 0, "endPort"),
        ),
        (
            "{ingress: [{ports: [{port: 80, endPort: 79}]}]}",
            "is 79, before `port`, 80",
            (*IN, "ports", 0, "endPort"),
        ),
        ("{ingress: [{ports: [{port: 80, endPort: 65536}]}]}", "is 65536", (*IN, "ports", 0, "endPort")),
        ("{ingress: [{ports: [{protocol: tcp}]}]}", "is `tcp`", (*IN, "ports", 0, "protocol")),
        ("{ingress: [{ports: [{protocol: ICMP}]}]}", "is `ICMP`", (*IN, "ports", 0, "protocol")),
        ("{ingress: [{ports: [{port: 1, protocol: ''}]}]}", "is ``", (*IN, "ports", 0, "protocol")),
        ("{ingress: [{ports: [{port: 1, protocol: tcp}]}]}", "is `tcp`", (*IN, "ports", 0, "protocol")),
        ("{policyTypes: [ingress]}", "is `ingress`", ("spec", "policyTypes", 0)),
        ("{policyTypes: [Ingress, Egress, Ingress]}", "has more than two entries", ("spec", "policyTypes")),
    ],
)
def test_what_the_api_server_refuses_is_left_out_with_its_place(spec: str, message: str, path: Path) -> None:
    decoded = given(f"{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p}}, spec: {spec}}}")
    assert [(code, text.partition("` ")[2], where) for code, text, where in faults(decoded)] == [
        ("L0100", message, path)
    ]
    assert decoded.cluster.network_policies == ()


def test_every_fault_of_a_policy_is_told_at_once() -> None:
    decoded = given(
        "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p},"
        " spec: {policyTypes: [x], ingress: [{from: [{}], ports: [{port: 0}]}]}}"
    )
    assert [path for _, _, path in faults(decoded)] == [
        ("spec", "policyTypes", 0),
        (*IN, "from", 0),
        (*IN, "ports", 0, "port"),
    ]


@pytest.mark.parametrize(
    ("spec", "message", "help", "rules"),
    [
        (
            "{podselector: {matchLabels: {app: a}}}",
            "`spec.podselector` is not a field of NetworkPolicy; it has no effect",
            "did you mean `podSelector`?",
            (),
        ),
        (
            "{ingress: [{to: [{podSelector: {}}]}]}",
            "`spec.ingress[0].to` is not a field of NetworkPolicy; it has no effect",
            "take it out, or look for its place in the reference of NetworkPolicy",
            (ANY,),
        ),
        (
            "{ingress: [{form: [{podSelector: {}}]}]}",
            "`spec.ingress[0].form` is not a field of NetworkPolicy; it has no effect",
            "did you mean `from`?",
            (ANY,),
        ),
    ],
)
def test_an_unknown_field_is_dropped_as_the_api_server_drops_it(
    spec: str, message: str, help: str, rules: tuple[NetworkRule, ...]
) -> None:
    """What is left may mean something quite different, so the finding says what it means now."""
    decoded = given(f"{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p}}, spec: {spec}}}")
    (finding,) = decoded.diagnostics
    assert (finding.code, finding.message, finding.help) == ("L0102", message, help)
    (found,) = decoded.cluster.network_policies
    assert (found.pods, found.ingress) == (EVERYTHING, rules)


def test_a_misspelt_ip_block_leaves_a_peer_that_names_nothing() -> None:
    decoded = given(
        "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p},"
        " spec: {ingress: [{from: [{ipblock: {cidr: 10.0.0.0/8}}]}]}}"
    )
    assert [code for code, _, _ in faults(decoded)] == ["L0102", "L0100"]
    assert decoded.diagnostics[0].help == "did you mean `ipBlock`?"


@pytest.mark.parametrize(
    ("cidr", "problem", "read"),
    [
        ("10.1.2.3/8", "has bits set behind its prefix", "10.0.0.0/8"),
        ("010.0.0.0/8", "has leading zeros, which newer API servers refuse", "10.0.0.0/8"),
        ("fd00::1/8", "has bits set behind its prefix", "fd00::/8"),
    ],
)
def test_a_doubtful_block_is_read_as_older_api_servers_read_it(cidr: str, problem: str, read: str) -> None:
    decoded = given(
        "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p},"
        f" spec: {{ingress: [{{from: [{{ipBlock: {{cidr: '{cidr}'}}}}]}}]}}}}"
    )
    assert [(code, text) for code, text, _ in faults(decoded)] == [
        ("L0110", f"`{cidr}` {problem}; it is read as `{read}`")
    ]
    (found,) = decoded.cluster.network_policies
    assert found.ingress == (NetworkRule(0, (BlockPeer(AddressSet.of([read]), cidr),), None),)


@pytest.mark.parametrize(
    ("spec", "message", "path"),
    [
        ("[]", "`spec` is a list where a mapping is due", ("spec",)),
        ("{ingress: {}}", "`spec.ingress` is a mapping where a list is due", ("spec", "ingress")),
        ("{ingress: [x]}", "`spec.ingress[0]` is a string where a mapping is due", IN),
        (
            "{ingress: [{ports: [{port: true}]}]}",
            "`spec.ingress[0].ports[0].port` is true or false where a whole number or a string is due",
            (*IN, "ports", 0, "port"),
        ),
        (
            "{podSelector: {matchLabels: {a: b, app.kubernetes.io/x: 1}}}",
            "`spec.podSelector.matchLabels[app.kubernetes.io/x]` is a whole number where a string is due",
            ("spec", "podSelector", "matchLabels", "app.kubernetes.io/x"),
        ),
        ("{policyTypes: Ingress}", "`spec.policyTypes` is a string where a list is due", ("spec", "policyTypes")),
    ],
)
def test_a_wrong_type_is_told_with_its_exact_place(spec: str, message: str, path: Path) -> None:
    decoded = given(f"{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p}}, spec: {spec}}}")
    assert faults(decoded) == [("L0101", message, path)]
    assert decoded.cluster.network_policies == ()


def test_the_former_group_of_policies_is_the_same_kind() -> None:
    decoded = given("{apiVersion: extensions/v1beta1, kind: NetworkPolicy, metadata: {name: p}, spec: {}}")
    assert [str(p.key) for p in decoded.cluster.network_policies] == ["default/p[NetworkPolicy]"]
