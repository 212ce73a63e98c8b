"""What does not meet, as findings, L0370 to L0389; each points at the line to change and at the other side."""

from __future__ import annotations

from collections.abc import Sequence

from licet.diag.diagnostic import Diagnostic, Related, Severity
from licet.diag.place import Origin, Place
from licet.diag.wording import listed

NO_WORKLOAD = "L0370"
SECOND_CONTRACT = "L0371"
ON_THE_HOST = "L0372"
WITHOUT_CONTRACT = "L0373"
NO_NAMED_PORT = "L0374"
NOBODY_LISTENS = "L0375"
NO_CALLEE = "L0376"
NOT_SERVED = "L0377"
NO_CONSENT = "L0378"
WHICH_PORTS = "L0379"
STRANGER = "L0380"
EXPIRED = "L0381"
NEVER_CALLED = "L0382"
NO_CALLER = "L0383"
UNDEFINED_PART = "L0384"
NAMELESS_CALLER = "L0385"

_SHOWN = 5


def _found(
    code: str, severity: Severity, where: Place, message: str, label: str, help: str, *related: Related
) -> Diagnostic:
    return Diagnostic(code, severity, message, where, label=label, help=help, related=related)


def no_workload(where: Place, contract: str, target: str, meant: str) -> Diagnostic:
    """A contract whose workload is not there."""
    help = (
        f"did you mean `{meant}`?" if meant else "add the workload's manifests to what is read, or delete the contract"
    )
    return _found(
        NO_WORKLOAD,
        Severity.ERROR,
        where,
        f"`{contract}` binds `{target}`, which is not there",
        "no such workload",
        help,
    )


def several_workloads(where: Place, contract: str, fitting: Sequence[str]) -> Diagnostic:
    """A target that fits more than one workload."""
    return _found(
        NO_WORKLOAD,
        Severity.ERROR,
        where,
        f"the target of `{contract}` fits {listed(fitting, _SHOWN)}",
        "which of them?",
        "say `kind` and, for custom resources, `group`",
    )


def second_contract(where: Place, workload: str, first: Place) -> Diagnostic:
    """Two contracts for one workload."""
    return _found(
        SECOND_CONTRACT,
        Severity.ERROR,
        where,
        f"`{workload}` has a contract already",
        "a second contract",
        "make them one: two declarations of one workload cannot both be its declaration",
        Related(first, "the first one"),
    )


def host_network(where: Place, workload: str) -> Diagnostic:
    """A contract for a workload that uses its node's network."""
    return _found(
        ON_THE_HOST,
        Severity.ERROR,
        where,
        f"`{workload}` uses its node's network",
        "no policy selects its pods",
        "take `hostNetwork` away from the pods, or delete the contract: nothing could hold it",
    )


def without_contract(where: Place, namespace: str, names: Sequence[str], whole: int) -> Diagnostic:
    """Workloads of a namespace that others have contracts in, or that is isolated as a whole."""
    return _found(
        WITHOUT_CONTRACT,
        Severity.INFO,
        where,
        f"{len(names)} of {whole} workloads of `{namespace}` have no contract: {listed(names, _SHOWN)}",
        "",
        "`licet init` drafts them",
    )


def no_named_port(where: Place, workload: str, name: str, known: Sequence[str]) -> Diagnostic:
    """A port served by a name that no container gives."""
    help = f"there are {listed(known, _SHOWN)}" if known else "the containers name no port: give its number"
    return _found(
        NO_NAMED_PORT, Severity.ERROR, where, f"no container of `{workload}` has a port `{name}`", "no such port", help
    )


def nobody_listens(where: Place, workload: str, ports: str, known: str) -> Diagnostic:
    """A port that no container declares."""
    return _found(
        NOBODY_LISTENS,
        Severity.WARNING,
        where,
        f"no container of `{workload}` declares {ports}",
        "",
        f"declared are {known}; correct the port, or declare it under `ports` of the container",
    )


def no_callee(where: Place, call: str, callee: str, meant: str) -> Diagnostic:
    """A call to what does not exist."""
    help = (
        f"did you mean `{meant}`?" if meant else "correct the name, or add the manifests that hold it to what is read"
    )
    return _found(
        NO_CALLEE,
        Severity.ERROR,
        where,
        f"call `{call}` goes to `{callee}`, which is not there",
        "nobody of that name",
        help,
    )


def ambiguous(where: Place, call: str, fitting: Sequence[str]) -> Diagnostic:
    """A call whose callee is more than one workload."""
    return _found(
        NO_CALLEE,
        Severity.ERROR,
        where,
        f"call `{call}` fits {listed(fitting, _SHOWN)}",
        "which of them?",
        "say `kind` and, for custom resources, `group`",
    )


def leads_nowhere(where: Place, call: str, service: str) -> Diagnostic:
    """A call to a Service behind which there is nobody."""
    return _found(
        NO_CALLEE,
        Severity.ERROR,
        where,
        f"call `{call}` goes to Service `{service}`, behind which there is no workload",
        "",
        "correct the Service's selector, or add the manifests of its pods to what is read",
    )


def no_entry(where: Place, call: str, callee: str, entry: str, known: Sequence[str], contract: Place) -> Diagnostic:
    """A call to an entry that the callee's contract does not have."""
    help = (
        f"it serves {listed(known, _SHOWN)}" if known else "it serves nothing: ask its owner to declare what is called"
    )
    return _found(
        NOT_SERVED,
        Severity.ERROR,
        where,
        f"call `{call}`: `{callee}` serves no `{entry}`",
        "no such entry",
        help,
        Related(contract, "what it serves"),
    )


def which_entry(where: Place, call: str, callee: str, known: Sequence[str], contract: Place) -> Diagnostic:
    """A call that does not say which of several entries it means."""
    help = (
        f"say `serves`, one of {listed(known, _SHOWN)}"
        if known
        else "it serves nothing: ask its owner to declare what is called"
    )
    message = (
        f"call `{call}` does not say which entry of `{callee}` it means"
        if known
        else f"call `{call}`: `{callee}` serves nothing"
    )
    return _found(NOT_SERVED, Severity.ERROR, where, message, "", help, Related(contract, "what it serves"))


def not_served(where: Place, call: str, callee: str, ports: str, served: str, contract: Place) -> Diagnostic:
    """A call to ports that the callee does not serve."""
    return _found(
        NOT_SERVED,
        Severity.ERROR,
        where,
        f"call `{call}`: `{callee}` does not serve {ports}",
        "a port nobody serves",
        f"it serves {served}",
        Related(contract, "what it serves"),
    )


def no_consent(where: Place, caller: str, callee: str, entry: str, served: Place, owner: str) -> Diagnostic:
    """A call that the callee does not admit."""
    who = f"`{owner}`" if owner else "the callee's owner"
    return _found(
        NO_CONSENT,
        Severity.ERROR,
        where,
        f"`{callee}` does not admit `{caller}`",
        "half an agreement",
        f"ask {who} to name the caller under `callers` of `{entry}`",
        Related(served, "whom it admits"),
    )


def isolated_callee(where: Place, caller: str, callee: str, by: Place) -> Diagnostic:
    """A call to a workload without a contract in a namespace that is isolated whole."""
    return _found(
        NO_CONSENT,
        Severity.ERROR,
        where,
        f"`{callee}` has no contract and so admits nobody, `{caller}` neither",
        "half an agreement",
        "write a contract for the callee, since its namespace isolates all workloads",
        Related(by, "isolated here"),
    )


def nothing_in_common(where: Place, call: str, callee: str, admitted: Place) -> Diagnostic:
    """A call of which the callee admits no request."""
    return _found(
        NO_CONSENT,
        Severity.ERROR,
        where,
        f"call `{call}`: `{callee}` admits none of these requests",
        "half an agreement",
        "make the paths and methods of both sides meet",
        Related(admitted, "what is admitted"),
    )


def which_ports(where: Place, call: str, callee: str) -> Diagnostic:
    """A call to somebody without a contract that names no ports."""
    return _found(
        WHICH_PORTS,
        Severity.ERROR,
        where,
        f"call `{call}` names no port, and `{callee}` has no contract that does",
        "",
        "add `ports`, such as `ports: [{port: 443}]`",
    )


def no_service_port(where: Place, call: str, service: str, port: str, known: Sequence[str]) -> Diagnostic:
    """A call to a port that the Service does not have."""
    return _found(
        NOT_SERVED,
        Severity.ERROR,
        where,
        f"call `{call}`: Service `{service}` has no port {port}",
        "no such port",
        f"it has {listed(known, _SHOWN)}" if known else "it has no ports at all",
    )


def stranger(where: Place, call: str, service: str, stranger: str, origin: Origin) -> Diagnostic:
    """A Service that leads to somebody besides the callee."""
    return _found(
        STRANGER,
        Severity.ERROR,
        where,
        f"call `{call}`: Service `{service}` also leads to `{stranger}`, which has no contract",
        "",
        "narrow the Service's selector, or write a contract for the stranger",
        Related(Place(origin, ("spec", "selector")), "selects both"),
    )


def expired(where: Place, call: str, callee: str) -> Diagnostic:
    """A call whose time is over."""
    return _found(
        EXPIRED,
        Severity.ERROR,
        where,
        f"call `{call}` to `{callee}` is no longer agreed",
        "its time is over",
        "remove the call, or agree on a later `notAfter`",
    )


def expires(where: Place, call: str, callee: str, days: int) -> Diagnostic:
    """A call whose time will be over soon."""
    left = f"in {days} days" if days > 1 else "within a day"
    return _found(
        EXPIRED,
        Severity.WARNING,
        where,
        f"call `{call}` to `{callee}` ends {left}",
        "from then on it is refused",
        "remove the call, or agree on a later `notAfter`",
    )


def never_called(where: Place, workload: str, entry: str) -> Diagnostic:
    """An entry that nobody calls."""
    return _found(
        NEVER_CALLED,
        Severity.WARNING,
        where,
        f"nobody calls `{entry}` of `{workload}`",
        "",
        "remove the entry, or let a caller declare the call; `from: None` says that this is meant",
    )


def does_not_call(where: Place, caller: str, workload: str, entry: str, contract: Place) -> Diagnostic:
    """A caller that is admitted and does not declare a call."""
    return _found(
        NEVER_CALLED,
        Severity.WARNING,
        where,
        f"`{caller}` is admitted to `{entry}` of `{workload}` and does not call it",
        "half an agreement",
        "remove the caller, or let it declare the call",
        Related(contract, "the caller's contract"),
    )


def closed_caller(where: Place, caller: str, workload: str, entry: str, by: Place) -> Diagnostic:
    """Pods of the Platform that are admitted, and whose namespace isolates all, so that they need contracts."""
    return _found(
        NEVER_CALLED,
        Severity.ERROR,
        where,
        f"`{caller}` is admitted to `{entry}` of `{workload}` and has no contract, which its namespace asks for",
        "half an agreement",
        "write a contract for its workload that declares the call, or isolate `ContractedWorkloads` there",
        Related(by, "isolated here"),
    )


def ambiguous_caller(where: Place, caller: str, fitting: Sequence[str]) -> Diagnostic:
    """A caller that is more than one workload."""
    return _found(
        NO_CALLER,
        Severity.ERROR,
        where,
        f"`{caller}` is admitted and fits {listed(fitting, _SHOWN)}",
        "which of them?",
        "say `kind` and, for custom resources, `group`: each would be let in",
    )


def no_caller(where: Place, caller: str, meant: str) -> Diagnostic:
    """A caller that does not exist."""
    help = f"did you mean `{meant}`?" if meant else "correct the name, or remove the caller"
    return _found(
        NO_CALLER, Severity.WARNING, where, f"`{caller}` is admitted and is not there", "nobody of that name", help
    )


def undefined_part(where: Place, part: str, field: str) -> Diagnostic:
    """A part of the platform that the Platform says nothing of."""
    return _found(
        UNDEFINED_PART,
        Severity.ERROR,
        where,
        f"nothing says where `{part}` is",
        "",
        f"say it in the `Platform`, under `spec.{field}` (`--platform FILE`)",
    )


def no_gateway(where: Place, name: str) -> Diagnostic:
    """A gateway that neither the Platform nor a manifest knows."""
    return _found(
        NO_CALLER,
        Severity.ERROR,
        where,
        f"gateway `{name}` is not there",
        "no such gateway",
        "name it in the `Platform`, under `spec.gateways`, or add its manifest to what is read",
    )


def nameless_caller(where: Place, entry: str, caller: str) -> Diagnostic:
    """Mutual TLS that a caller without identity cannot do."""
    return _found(
        NAMELESS_CALLER,
        Severity.ERROR,
        where,
        f"`{entry}` asks for mutual TLS, which `{caller}` cannot do",
        "has no identity",
        "admit it on an entry of its own with `mtls: Permissive`, or lead it through a gateway",
    )
