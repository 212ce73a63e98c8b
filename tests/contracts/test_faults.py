"""Every fault of a contract: what is said, what is advised, and what is underlined."""

from __future__ import annotations

import pytest

from tests.contracts.read import HEAD, TARGET, faults

_PEER = "  serves:\n  - name: a\n    ports: [{port: 1}]\n    callers: {from: Selected, peers: [{name: b, %s}]}\n"
_TO = "  calls:\n  - {name: a, ports: [{port: 1}], to: {%s}}\n"
_PORT = "  calls:\n  - {name: a, to: {workload: {name: b}}, ports: [%s]}\n"
_FIELD = "  calls:\n  - {name: a, to: {workload: {name: b}}, %s}\n"
_AT = "spec.calls[0]"
_WHO = "spec.serves[0].callers.peers[0]"

_FAULTS: list[tuple[str, str, str, str, str]] = [
    # a field that is not there
    ("  cals: []\n", "L0352", "`spec.cals` is not a field of a contract", "did you mean `calls`?", "cals"),
    (
        _FIELD % "port: [{port: 1}]",
        "L0352",
        f"`{_AT}.port` is not a field of a contract",
        "did you mean `ports`?",
        "port",
    ),
    (
        _PORT % "{port: 1, protocol: UDP}",
        "L0352",
        f"`{_AT}.ports[0].protocol` is not a field of a contract",
        "did you mean `transport`?",
        "protocol",
    ),
    (
        _TO % "self: {name: a}",
        "L0352",
        f"`{_AT}.to.self.name` is not a field of a contract",
        "there is no field here",
        "name",
    ),
    (
        _TO % "dns: {host: api.example.com, name: a.example.com}",
        "L0352",
        f"`{_AT}.to.dns.host` is not a field of a contract",
        "the fields here are `name`",
        "host",
    ),
    # peers of one side only
    (
        _PEER % "dns: {name: a.example.com}",
        "L0352",
        f"`{_WHO}.dns` is not a field of a contract",
        "`dns` is whom one calls, not who calls",
        "dns",
    ),
    (
        _PEER % "service: {name: a}",
        "L0352",
        f"`{_WHO}.service` is not a field of a contract",
        "`service` is whom one calls, not who calls",
        "service",
    ),
    (
        _TO % "namespace: {name: a}",
        "L0352",
        f"`{_AT}.to.namespace` is not a field of a contract",
        "`namespace` is who calls, not whom one calls",
        "namespace",
    ),
    (
        _TO % "spiffeID: spiffe://a/b",
        "L0352",
        f"`{_AT}.to.spiffeID` is not a field of a contract",
        "`spiffeID` is who calls, not whom one calls",
        "spiffeID",
    ),
    (
        _TO % "platform: Metrics",
        "L0350",
        f"`{_AT}.to.platform` is `Metrics`",
        "use APIServer, Nodes or World",
        "Metrics",
    ),
    # exactly one peer
    (
        "  calls:\n  - {name: a, to: {}}\n",
        "L0354",
        f"`{_AT}.to` has no peer",
        "set exactly one of workload, service, dns, cidr, self, platform",
        "{}",
    ),
    (
        _TO % "workload: {name: a}, dns: {name: b.example.com}",
        "L0354",
        f"`{_AT}.to` has `workload` and `dns`",
        "set exactly one of workload, service, dns, cidr, self, platform",
        "{workload: {name: a}, dns: {name: b.example.com}}",
    ),
    (
        _PEER % "http: [{}]",
        "L0354",
        f"`{_WHO}` has no peer",
        "set exactly one of workload, namespace, gateway, spiffeID, cidr, platform",
        "{name: b, http: [{}]}",
    ),
    # callers
    (
        "  serves:\n  - {name: a, ports: [{port: 1}], callers: {from: Selected}}\n",
        "L0356",
        "`spec.serves[0].callers.from` selects nobody",
        "list them in `peers`, or write `from: None`",
        "Selected",
    ),
    (
        "  serves:\n  - {name: a, ports: [{port: 1}], callers: {from: All, peers: [{name: b, platform: World}]}}\n",
        "L0356",
        "`spec.serves[0].callers.peers` goes with `from: Selected`, not `All`",
        "write `from: Selected`, or take it out",
        "[{name: b, platform: World}]",
    ),
    (
        "  serves:\n  - {name: a, ports: [{port: 1}], callers: {peers: [{name: b, platform: World}]}}\n",
        "L0353",
        "`spec.serves[0].callers.from` is missing",
        "add it: `None`: nobody",
        "{peers: [{name: b, platform: World}]}",
    ),
    # ports
    (
        _PORT % '{port: "80"}',
        "L0351",
        f"`{_AT}.ports[0].port` is the string `80` where a number is due",
        "write 80 without quotes",
        '"80"',
    ),
    (
        _PORT % '{port: 80, endPort: "90"}',
        "L0351",
        f"`{_AT}.ports[0].endPort` is the string `90` where a number is due",
        "write 90 without quotes",
        '"90"',
    ),
    (_PORT % "{port: 0}", "L0350", f"`{_AT}.ports[0].port` is 0", "a port is a number from 1 to 65535", "0"),
    (
        _PORT % "{port: 65536}",
        "L0350",
        f"`{_AT}.ports[0].port` is 65536",
        "a port is a number from 1 to 65535",
        "65536",
    ),
    (
        _PORT % "{port: 80, endPort: 79}",
        "L0356",
        f"`{_AT}.ports[0].endPort` is 79, before `port`, 80",
        "make it at least `port`",
        "79",
    ),
    (
        _PORT % "{port: http, endPort: 79}",
        "L0356",
        f"`{_AT}.ports[0].endPort` needs a `port` that is a number",
        "write both as numbers",
        "79",
    ),
    (
        _PORT % "{port: 1.5}",
        "L0351",
        f"`{_AT}.ports[0].port` is the number 1.5 where a whole number or a string is due",
        "write a whole number or a string",
        "1.5",
    ),
    (
        _PORT % "{port: 1, transport: udp}",
        "L0350",
        f"`{_AT}.ports[0].transport` is `udp`",
        "did you mean `UDP`?",
        "udp",
    ),
    (
        "  calls:\n  - {name: a, to: {dns: {name: a.example.com}}}\n",
        "L0353",
        f"`{_AT}.ports` is missing",
        "add it: the ports of the `dns` called",
        "{name: a, to: {dns: {name: a.example.com}}}",
    ),
    (
        _FIELD % "serves: b, ports: [{port: 1}]",
        "L0356",
        f"`{_AT}.ports` stands beside `serves`",
        "name the callee's entry with `serves`, or `ports` where the callee has no contract",
        "[{port: 1}]",
    ),
    (
        "  calls:\n  - {name: a, serves: b, to: {cidr: {block: 10.0.0.0/8}}}\n",
        "L0356",
        f"`{_AT}.serves` names an entry of a `cidr`",
        "write `ports`: only workloads have entries",
        "b",
    ),
    # times
    *(
        (
            _FIELD % f"notAfter: {time}",
            "L0350",
            f"`{_AT}.notAfter` is `{time}`",
            "write date, time and time zone, such as `2027-03-31T00:00:00Z`",
            time,
        )
        for time in ("2027-03-31", "2027-03-31T00:00:00", "31.03.2027", "2027-03-31 00:00:00Z")
    ),
    (
        _FIELD % "notAfter: 2027-02-30T00:00:00Z",
        "L0350",
        f"`{_AT}.notAfter` is `2027-02-30T00:00:00Z`, which is no time: day is out of range for month",
        "correct it",
        "2027-02-30T00:00:00Z",
    ),
    (
        _FIELD % "notAfter: 2027",
        "L0351",
        f"`{_AT}.notAfter` is the number 2027 where a string is due",
        "write a string; quote the value to make it one",
        "2027",
    ),
    # names
    (
        "  calls:\n  - {name: a, to: {workload: {name: b}}}\n  - {name: a, to: {workload: {name: c}}}\n",
        "L0355",
        "`a` stands twice in `spec.calls`",
        "give each entry a name of its own",
        "a",
    ),
    (
        "  serves:\n  - {name: a, ports: [{port: 1}]}\n  - {name: a, ports: [{port: 2}]}\n",
        "L0355",
        "`a` stands twice in `spec.serves`",
        "give each entry a name of its own",
        "a",
    ),
    (
        _PEER % "platform: World}, {name: b, platform: Nodes",
        "L0355",
        "`b` stands twice in `spec.serves[0].callers.peers`",
        "give each entry a name of its own",
        "b",
    ),
    (
        _FIELD.replace("name: a", "name: A") % "need: Optional",
        "L0350",
        f"`{_AT}.name` is `A`",
        "use at most 63 of a-z, 0-9 and `-`, beginning and ending with a letter or digit",
        "A",
    ),
    # words
    (_FIELD % "need: required", "L0350", f"`{_AT}.need` is `required`", "did you mean `Required`?", "required"),
    ("  mode: Audit\n", "L0350", "`spec.mode` is `Audit`", "use Observe, Shadow, Canary or Enforce", "Audit"),
    (
        _FIELD % "http: [{methods: [get]}]",
        "L0350",
        f"`{_AT}.http[0].methods[0]` is `get`",
        "did you mean `GET`?",
        "get",
    ),
    # addresses and names outside
    (
        _TO % "cidr: {block: 10.0.0.0/33}",
        "L0350",
        f"`{_AT}.to.cidr.block` has no prefix length from 0 to 32: `10.0.0.0/33`",
        "write a block such as `10.0.0.0/8` or `fd00::/8`",
        "10.0.0.0/33",
    ),
    (
        _TO % "cidr: {block: 10.0.0.1}",
        "L0350",
        f"`{_AT}.to.cidr.block` is `10.0.0.1`",
        "write a block such as `10.0.0.0/8` or `fd00::/8`",
        "10.0.0.1",
    ),
    (
        _TO % "cidr: {block: 10.0.0.0/16, except: [10.1.0.0/24]}",
        "L0350",
        f"`{_AT}.to.cidr.except[0]` does not lie inside `10.0.0.0/16`: `10.1.0.0/24`",
        "name a smaller block inside `block`",
        "10.1.0.0/24",
    ),
    *(
        (
            _TO % f"dns: {{name: '{name}'}}",
            "L0350",
            f"`{_AT}.to.dns.name` is `{name}`",
            "write a whole name in lower case, such as `api.example.com`, "
            "or `*.example.com` for exactly one label more",
            f"'{name}'",
        )
        for name in (
            "*.com",
            "a.*.example.com",
            "**.example.com",
            "localhost",
            "API.example.com",
            "example.com.",
            "10.0.0.1",
        )
    ),
    *(
        (
            _PEER % f"spiffeID: '{name}'",
            "L0350",
            f"`{_WHO}.spiffeID` is `{name}`",
            "write `spiffe://`, the trust domain in lower case, and a path, such as `spiffe://corp/vm/ledger`",
            f"'{name}'",
        )
        for name in ("spiffe://corp", "spiffe://Corp/a", "https://corp/a", "spiffe://corp/a/", "spiffe://corp//a")
    ),
    # requests
    (
        _FIELD % "http: [{path: {value: v1}}]",
        "L0350",
        f"`{_AT}.http[0].path.value` is `v1`",
        "begin with `/`, and leave out spaces, `?` and `#`",
        "v1",
    ),
    (
        _FIELD % "grpc: [{service: shop/Payment}]",
        "L0350",
        f"`{_AT}.grpc[0].service` is `shop/Payment`",
        "write package and service, such as `shop.Payment`",
        "shop/Payment",
    ),
    (_FIELD % "http: []", "L0350", f"`{_AT}.http` is empty", "name at least one, or leave the field out", "[]"),
    (
        _FIELD % "http: [{}], grpc: [{service: a.B}]",
        "L0356",
        f"`{_AT}.grpc` stands beside `http`",
        "keep one; gRPC is matched by `grpc` alone",
        "[{service: a.B}]",
    ),
    (
        _FIELD % "http: [{}], ports: [{port: 53, transport: UDP}]",
        "L0356",
        f"`{_AT}.http` is of TCP, and some of the ports are not",
        "make two entries of it, one for each transport",
        "[{}]",
    ),
    (
        "  serves:\n  - {name: a, ports: [{port: 1}], application: HTTP, callers: {from: Selected, peers: "
        "[{name: b, platform: World, grpc: [{service: a.B}]}]}}\n",
        "L0356",
        f"`{_WHO}.grpc` does not go with `application: HTTP`",
        "write `application: gRPC`, or take `grpc` out",
        "[{service: a.B}]",
    ),
    (
        "  serves:\n  - {name: a, ports: [{port: 1, transport: UDP}], application: HTTP}\n",
        "L0356",
        "`spec.serves[0].application` is of TCP, and some of the ports are not",
        "make two entries of it, one for each transport",
        "HTTP",
    ),
    # types
    ("  serves: {}\n", "L0351", "`spec.serves` is a mapping where a list is due", "write a list", "{}"),
    (
        "  calls:\n",
        "L0351",
        "`spec.calls` is empty where a list is due",
        "write a list, or leave the field out",
        "calls",
    ),
    (_FIELD % "reason: ''", "L0350", f"`{_AT}.reason` is empty", "write something, or leave the field out", "''"),
]


@pytest.mark.parametrize("fault", _FAULTS, ids=lambda fault: fault[2] if isinstance(fault, tuple) else None)
def test_a_fault_is_told_where_it_stands_and_the_contract_left_out(fault: tuple[str, str, str, str, str]) -> None:
    spec, *expected = fault
    [found] = faults(HEAD + TARGET + spec)
    assert found == tuple(expected)


@pytest.mark.parametrize(
    ("target", "message", "help", "underlined"),
    [
        (
            "{kind: Deploymnet, name: a}",
            "`spec.targetRef.kind` is `Deploymnet`, which is no built-in kind",
            "did you mean `Deployment`?",
            "Deploymnet",
        ),
        (
            "{kind: Rollout, name: a}",
            "`spec.targetRef.kind` is `Rollout`, which is no built-in kind",
            "name its API group: `group` is left out for Deployment, StatefulSet, DaemonSet, ReplicaSet, "
            "ReplicationController, Job, CronJob or Pod only",
            "Rollout",
        ),
    ],
)
def test_a_kind_without_group_is_built_in(target: str, message: str, help: str, underlined: str) -> None:
    assert faults(f"{HEAD}  targetRef: {target}\n") == [("L0350", message, help, underlined)]
