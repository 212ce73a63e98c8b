"""What can be wrong with an object, as findings L0100 to L0149."""

from __future__ import annotations

from collections.abc import Iterable

from licet.diag.diagnostic import Diagnostic, Fix, Severity
from licet.diag.place import Origin, Path, Place
from licet.model.key import Key

REFUSED = "L0100"
WRONG_TYPE = "L0101"
UNKNOWN_FIELD = "L0102"
UNKNOWN_KIND = "L0103"
UNKNOWN_TEMPLATE = "L0104"
UNREAD_POLICY = "L0105"
DUPLICATE = "L0106"
READ_ANYWAY = "L0107"
FINISHED_PODS = "L0108"
APART_FROM_OWNER = "L0109"
DOUBTFUL_BLOCK = "L0110"
NULL_LABEL = "L0111"
FAILS_CLOSED = "L0112"
UNRESOLVED = "L0113"
UNKNOWN_VERSION = "L0114"
OVERRIDDEN_LABEL = "L0115"
UNGOVERNED = "L0116"
BAD_ASSERTION = "L0140"
NO_ASSERTIONS = "L0141"
ASSERTION_TWICE = "L0142"
NOT_ONE_VERB = "L0143"


_CUSTOM = ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy")
_ABSENT = {
    "podSelector": "left out, it selects every pod",
    "namespaceSelector": "left out, the peer is in the policy's own namespace only",
    "ingress": "left out, nothing may come in",
    "egress": "left out, the policy does not govern egress unless `policyTypes` says so",
    "policyTypes": "left out, it means Ingress, and Egress only where there are egress rules",
    "from": "left out, the rule admits every source, the outside included",
    "to": "left out, the rule admits every destination, the outside included",
    "ports": "left out, the rule admits every port",
    "protocols": "left out, the rule covers every port of every protocol",
    "port": "left out, it means every port of the protocol",
    "endPort": "left out, the rule covers one port only",
    "protocol": "left out, it means TCP",
    "except": "left out, nothing is taken out of the block",
    "matchLabels": "left out, it asks for no label",
    "matchExpressions": "left out, it asks for nothing",
    "labels": "left out, the object has no labels",
    "namespace": "left out, the object is in the default namespace",
}


def path_text(path: Path) -> str:
    """A path as people write it: `spec.ingress[0].from`; keys that are no identifiers stand in brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.replace("-", "_").isidentifier():
            text += f".{part}" if text else part
        else:
            text += f"[{part}]"
    return text or "the document"


def refused(origin: Origin, kind: str, path: Path, problem: str, help: str, *, key: bool = False) -> Diagnostic:
    """A value that the API server, or for custom resources their controller, does not take; the object is left out."""
    return Diagnostic(
        REFUSED,
        Severity.ERROR,
        f"`{path_text(path)}` {problem}",
        Place(origin, path, key),
        help=help,
        notes=(_refusal(kind),),
    )


def read_anyway(origin: Origin, kind: str, path: Path, problem: str, help: str, meaning: str) -> Diagnostic:
    """A value that the API server does not take, of an object whose meaning is plain all the same."""
    return Diagnostic(
        READ_ANYWAY,
        Severity.ERROR,
        f"`{path_text(path)}` {problem}",
        Place(origin, path),
        help=help,
        notes=(f"the API server refuses this {kind}; here {meaning}",),
    )


def ungoverned(origin: Origin, field: str, name: str) -> Diagnostic:
    """Rules of a NetworkPolicy in a direction that its `policyTypes` do not name, where they mean nothing."""
    return Diagnostic(
        UNGOVERNED,
        Severity.WARNING,
        f"`spec.{field}` means nothing: `policyTypes` does not name `{name}`",
        Place(origin, ("spec", field), key=True),
        label="these rules neither allow nor deny",
        help=f"add `{name}` to `policyTypes`, or take the rules out",
    )


def wrong_type(origin: Origin, kind: str, path: Path, got: str, due: str) -> Diagnostic:
    """A value of a type that the field does not have."""
    where = f"`{path_text(path)}`" if path else "the object"
    return Diagnostic(
        WRONG_TYPE,
        Severity.ERROR,
        f"{where} is {got} where {due} is due",
        Place(origin, path),
        help=f"write {due}" + ("; quote the value to make it a string" if due == "a string" else ""),
        notes=(_refusal(kind),),
    )


def unknown_field(origin: Origin, kind: str, path: Path, field: str, meant: str | None) -> Diagnostic:
    """A field that the kind does not have, and that is therefore dropped."""
    notes = ["`kubectl apply` refuses it; from other clients the API server drops it, and so it is read here"]
    if meant in _ABSENT:
        notes.append(f"`{meant}`: {_ABSENT[meant]}")
    return Diagnostic(
        UNKNOWN_FIELD,
        Severity.WARNING,
        f"`{path_text((*path, field))}` is not a field of {kind}; it has no effect",
        Place(origin, (*path, field), key=True),
        help=f"did you mean `{meant}`?" if meant else f"take it out, or look for its place in the reference of {kind}",
        notes=tuple(notes),
        fix=Fix("rename the field", meant) if meant else None,
    )


def wrong_group(origin: Origin, api_version: str, kind: str, meant: str) -> Diagnostic:
    """A kind of Kubernetes under a group that does not have it."""
    group = f"the group `{meant}`" if meant else "the core group, `v1`"
    return Diagnostic(
        READ_ANYWAY,
        Severity.ERROR,
        f"`{api_version}` has no kind `{kind}`",
        Place(origin, ("apiVersion",)),
        help=f"`{kind}` is of {group}",
        notes=(f"the API server refuses it; here it is read as a {kind} of that group",),
    )


def misspelt_kind(origin: Origin, group: str, kind: str, count: int, meant: str) -> Diagnostic:
    """Objects of a kind that Kubernetes does not have, and that is close to one it has."""
    objects = "1 object" if count == 1 else f"{count} objects"
    return Diagnostic(
        UNKNOWN_KIND,
        Severity.WARNING,
        f"{objects} of the unknown kind `{_kind(group, kind)}` left out",
        Place(origin, ("kind",)),
        help=f"did you mean `{meant}`?",
    )


def unknown_kind(origin: Origin, group: str, kind: str, count: int) -> Diagnostic:
    """Objects of a kind that Licet does not know and that hold no pod template."""
    objects = "1 object" if count == 1 else f"{count} objects"
    return Diagnostic(
        UNKNOWN_KIND,
        Severity.INFO,
        f"{objects} of the unknown kind `{_kind(group, kind)}` left out",
        Place(origin, ("kind",)),
        help="if it runs pods, name its pod template under `templates` in licet.toml",
    )


def unknown_template(origin: Origin, group: str, kind: str, count: int) -> Diagnostic:
    """Objects of an unknown kind that do hold a pod template."""
    objects = "1 object" if count == 1 else f"{count} objects"
    return Diagnostic(
        UNKNOWN_TEMPLATE,
        Severity.WARNING,
        f"{objects} of the unknown kind `{_kind(group, kind)}` left out, although there is a pod template",
        Place(origin, ("spec", "template")),
        label="these pods are not in the map",
        help="name the kind and the path `spec.template` under `templates` in licet.toml",
    )


def unread_policy(origin: Origin, group: str, kind: str, count: int, effect: str) -> Diagnostic:
    """Objects that decide about traffic, of a kind that is not read yet."""
    objects = "1 object" if count == 1 else f"{count} objects"
    return Diagnostic(
        UNREAD_POLICY,
        Severity.WARNING,
        f"{objects} of kind `{_kind(group, kind)}` not read",
        Place(origin, ("kind",)),
        help=f"{effect}: the cluster may allow less or more than the map says",
    )


def duplicate(key: Key, first: Origin, second: Origin, *, alike: bool) -> Diagnostic:
    """One object given twice; `alike` where it makes no difference which one holds."""
    return Diagnostic(
        DUPLICATE,
        Severity.INFO if alike else Severity.WARNING,
        f"`{key}` is given twice, alike" if alike else f"`{key}` is given twice; the later holds",
        Place(second, ("metadata", "name")),
        label="this one is read",
        help="keep one of them",
        notes=(f"the one that is left out: {_where(first)}",),
    )


def patch(key: Key, whole: Origin, part: Origin) -> Diagnostic:
    """A second object of one key that lacks what a whole one has."""
    return Diagnostic(
        DUPLICATE,
        Severity.WARNING,
        f"`{key}` is given again, without images; this part is left out",
        Place(part, ("metadata", "name")),
        label="looks like a patch",
        help="read the kustomization that applies it, or leave the file out of the paths",
        notes=(f"the one that is read: {_where(whole)}",),
    )


def finished_pods(origin: Origin, count: int) -> Diagnostic:
    """Pods that have ended and therefore take part in nothing."""
    pods = "1 finished pod is" if count == 1 else f"{count} finished pods are"
    return Diagnostic(
        FINISHED_PODS,
        Severity.INFO,
        f"{pods} left out",
        Place(origin, ("status", "phase")),
        help="a pod whose phase is Succeeded or Failed has no network any more",
    )


def apart_from_owner(origin: Origin, owner: Key, count: int, difference: str) -> Diagnostic:
    """Pods of one owner that are not alike, and therefore stand on their own."""
    pods = "1 pod differs" if count == 1 else f"{count} pods differ"
    return Diagnostic(
        APART_FROM_OWNER,
        Severity.INFO,
        f"{pods} from `{owner}` or from each other in {difference}",
        Place(origin),
        help="policies may treat them differently, so each is listed on its own",
    )


def doubtful_block(origin: Origin, path: Path, text: str, problem: str, read: str) -> Diagnostic:
    """A block that older API servers take and newer ones refuse."""
    return Diagnostic(
        DOUBTFUL_BLOCK,
        Severity.WARNING,
        f"`{text}` {problem}; it is read as `{read}`",
        Place(origin, path),
        help=f"write `{read}`, which every API server understands alike",
    )


def null_label(origin: Origin, path: Path) -> Diagnostic:
    """A label without a value."""
    return Diagnostic(
        NULL_LABEL,
        Severity.WARNING,
        f"`{path_text(path)}` has no value; the API server stores the empty string",
        Place(origin, path),
        help='write `""` if that is meant',
    )


def fails_closed(origin: Origin, kind: str, path: Path) -> Diagnostic:
    """A peer of a cluster policy in which no known field is set."""
    return Diagnostic(
        FAILS_CLOSED,
        Severity.WARNING,
        f"`{path_text(path)}` has no known field of {kind}; it fails closed",
        Place(origin, path),
        help="an Accept rule with it matches nothing, a Deny or Pass rule denies everything; use a known kind of peer",
    )


def unresolved(origin: Origin, path: Path, problem: str, help: str) -> Diagnostic:
    """A reference to something that the manifests do not hold."""
    return Diagnostic(UNRESOLVED, Severity.WARNING, f"`{path_text(path)}` {problem}", Place(origin, path), help=help)


def unknown_version(origin: Origin, api_version: str, kind: str, known: Iterable[str]) -> Diagnostic:
    """A version of a policy's API that Licet does not know."""
    return Diagnostic(
        UNKNOWN_VERSION,
        Severity.WARNING,
        f"`{api_version}` is no known version of {kind}",
        Place(origin, ("apiVersion",)),
        help="it is read as " + " or ".join(f"`{version}`" for version in known) + "; check that this is what you mean",
    )


def overridden_label(origin: Origin, path: Path, value: str) -> Diagnostic:
    """A label of a namespace that the API server sets itself."""
    return Diagnostic(
        OVERRIDDEN_LABEL,
        Severity.WARNING,
        f"`{path_text(path)}` has no effect; the API server sets it to `{value}`",
        Place(origin, path),
        help=f"write `{value}`, or take the label out",
    )


def bad_assertion(where: Place, problem: str, help: str, left: str) -> Diagnostic:
    """A fault in an assertion, which is therefore left out."""
    return Diagnostic(BAD_ASSERTION, Severity.ERROR, problem, where, help=help, notes=(left,))


def no_assertions(where: Place, found: str) -> Diagnostic:
    """A document that holds no assertion, where assertions are due."""
    return Diagnostic(
        NO_ASSERTIONS,
        Severity.ERROR,
        f"{found}",
        where,
        help="begin with `apiVersion: licet.dev/v1alpha1` and `kind: Assertions`, and list them in `spec.assertions`",
    )


def assertion_twice(where: Place, name: str) -> Diagnostic:
    """Two assertions of one name."""
    return Diagnostic(
        ASSERTION_TWICE,
        Severity.ERROR,
        f"`{name}` is asserted twice",
        where,
        help="give each assertion a name of its own",
        notes=("the second one is left out",),
    )


def not_one_verb(where: Place, name: str, said: str) -> Diagnostic:
    """An assertion that does not say exactly one of `deny`, `allow` and `only`."""
    return Diagnostic(
        NOT_ONE_VERB,
        Severity.ERROR,
        f"`{name}` says {said}",
        where,
        help="say exactly one of `deny`, `allow` and `only`",
        notes=("the assertion is left out",),
    )


def _refusal(kind: str) -> str:
    judge = "the enforcer or the API server" if kind in _CUSTOM else "the API server"
    return f"{judge} refuses this {kind}; it is left out"


def _kind(group: str, kind: str) -> str:
    return f"{kind}.{group}" if group else kind


def _where(origin: Origin) -> str:
    item = f", item {path_text(origin.path)}" if origin.path else ""
    return f"{origin.source}, at byte {origin.offset}{item}"
