"""What can be wrong with contracts as written, L0350 to L0369."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

from licet.diag.diagnostic import Diagnostic, Fix, Related, Severity
from licet.diag.place import Place
from licet.manifest.decode.findings import path_text

WRONG_VALUE = "L0350"
WRONG_TYPE = "L0351"
UNKNOWN_FIELD = "L0352"
MISSING = "L0353"
NOT_ONE_PEER = "L0354"
NAME_TWICE = "L0355"
CONFLICT = "L0356"
CONTRACT_TWICE = "L0357"
NOT_DEFAULT = "L0358"
UNKNOWN_VERSION = "L0359"
UNKNOWN_KIND = "L0360"
BAD_ANNOTATION = "L0361"
NOTHING_THERE = "L0362"

_LEFT_OUT = ("it is left out whole: nothing of it is agreed",)
_OF_CALLERS = ("namespace", "gateway", "spiffeID")
_OF_CALLS = ("service", "dns", "self")


def wrong_value(where: Place, problem: str, help: str) -> Diagnostic:
    """A value that the field does not take."""
    return _fault(WRONG_VALUE, Severity.ERROR, where, f"`{path_text(where.path)}` {problem}", help)


def wrong_word(where: Place, word: str, known: Sequence[str]) -> Diagnostic:
    """A word that is none of those that the field takes."""
    close = {name.lower(): name for name in known}
    meant = [close[name] for name in difflib.get_close_matches(word.lower(), close, 1, 0.6)]
    shown = word if len(word) <= 80 else f"{word[:76]}..."
    help = f"did you mean `{meant[0]}`?" if meant else f"use {_either(known)}"
    fix = Fix("correct the word", meant[0]) if meant else None
    return _fault(WRONG_VALUE, Severity.ERROR, where, f"`{path_text(where.path)}` is `{shown}`", help, fix=fix)


def wrong_type(where: Place, got: str, due: str) -> Diagnostic:
    """A value of a type that the field does not have."""
    name = f"`{path_text(where.path)}`" if where.path else "the object"
    help = f"write {due}"
    if got == "empty":
        help += ", or leave the field out"
    elif due == "a string":
        help += "; quote the value to make it one"
    return _fault(WRONG_TYPE, Severity.ERROR, where, f"{name} is {got} where {due} is due", help)


def quoted_number(where: Place, digits: str) -> Diagnostic:
    """Text of digits where a number is due."""
    shown = digits if len(digits) <= 80 else f"{digits[:76]}..."
    message = f"`{path_text(where.path)}` is the string `{shown}` where a number is due"
    return _fault(WRONG_TYPE, Severity.ERROR, where, message, f"write {shown} without quotes")


def unknown_field(place: Place, field: str, known: Sequence[str], free: Collection[str]) -> Diagnostic:
    """A field that is not there; `free` are the known ones that are not used yet."""
    where = Place(place.origin, (*place.path, field), key=True)
    message = f"`{path_text(where.path)}` is not a field of a contract"
    close = {name.lower(): name for name in known if name in free}
    meant = [close[name] for name in difflib.get_close_matches(field.lower(), close, 1, 0.7)]
    if field == "protocol" and "transport" in free:
        meant = ["transport"]
    if meant:
        fix = Fix("rename the field", meant[0])
        return _fault(UNKNOWN_FIELD, Severity.ERROR, where, message, f"did you mean `{meant[0]}`?", fix=fix)
    if field in _OF_CALLS and "spiffeID" in known:
        return _fault(UNKNOWN_FIELD, Severity.ERROR, where, message, f"`{field}` is whom one calls, not who calls")
    if field in _OF_CALLERS and "dns" in known:
        return _fault(UNKNOWN_FIELD, Severity.ERROR, where, message, f"`{field}` is who calls, not whom one calls")
    names = ", ".join(f"`{name}`" for name in known)
    return _fault(
        UNKNOWN_FIELD,
        Severity.ERROR,
        where,
        message,
        f"the fields here are {names}" if names else "there is no field here",
    )


def missing(place: Place, field: str, description: str) -> Diagnostic:
    """A field that must be there and is not."""
    where = place.at(field)
    words = description.partition(".")[0]
    return _fault(
        MISSING,
        Severity.ERROR,
        where,
        f"`{path_text(where.path)}` is missing",
        f"add it: {words[:1].lower()}{words[1:]}",
    )


def not_built_in(where: Place, kind: str, known: Sequence[str]) -> Diagnostic:
    """A kind without its group that is none of those which need none."""
    close = difflib.get_close_matches(kind, known, 1, 0.7)
    help = (
        f"did you mean `{close[0]}`?" if close else f"name its API group: `group` is left out for {_either(known)} only"
    )
    fix = Fix("correct the kind", close[0]) if close else None
    return _fault(
        WRONG_VALUE,
        Severity.ERROR,
        where,
        f"`{path_text(where.path)}` is `{kind}`, which is no built-in kind",
        help,
        fix=fix,
    )


def not_one_peer(where: Place, given: Sequence[str], known: Sequence[str]) -> Diagnostic:
    """A peer of no kind or of several, which is nobody."""
    has = " and ".join(f"`{name}`" for name in given) if given else "no peer"
    return _fault(
        NOT_ONE_PEER,
        Severity.ERROR,
        where,
        f"`{path_text(where.path)}` has {has}",
        f"set exactly one of {', '.join(known)}",
    )


def name_twice(where: Place, name: str, first: Place) -> Diagnostic:
    """Two entries of one list that bear one name."""
    return _fault(
        NAME_TWICE,
        Severity.ERROR,
        where,
        f"`{name}` stands twice in `{path_text(where.path[:-2])}`",
        "give each entry a name of its own",
        related=(Related(first, "the first one"),),
    )


def conflict(where: Place, problem: str, help: str) -> Diagnostic:
    """Two fields that do not go together, or one that asks for another."""
    return _fault(CONFLICT, Severity.ERROR, where, f"`{path_text(where.path)}` {problem}", help)


def contract_twice(where: Place, kind: str, name: str, first: Place) -> Diagnostic:
    """A second object of one kind and name."""
    return _fault(
        CONTRACT_TWICE,
        Severity.ERROR,
        where,
        f"a second {kind} `{name}`",
        "give it another name, or keep one of them",
        notes=("the first one counts",),
        related=(Related(first, "the first one"),),
    )


def not_default(where: Place, kind: str, name: str) -> Diagnostic:
    """An object that there is one of, under another name than the one it has."""
    return _fault(
        NOT_DEFAULT,
        Severity.ERROR,
        where,
        f"a {kind} is named `{name}`",
        f"name it `default`: a namespace has one {kind}",
        fix=Fix("name it `default`", "default"),
    )


def unknown_version(where: Place, version: str, known: str, kind: str) -> Diagnostic:
    """A version of the form that is not known."""
    shown = version if len(version) <= 80 else f"{version[:76]}..."
    message, fix = f"`{shown}` is no known version of {kind}", Fix("correct the version", known)
    return _fault(UNKNOWN_VERSION, Severity.ERROR, where, message, f"write `{known}`", fix=fix)


def unknown_kind(where: Place, kind: str, known: Sequence[str]) -> Diagnostic:
    """A kind that Licet's group does not have."""
    close = difflib.get_close_matches(kind, known, 1, 0.6)
    help = f"did you mean `{close[0]}`?" if close else f"the kinds are {', '.join(known)}"
    fix = Fix("correct the kind", close[0]) if close else None
    return _fault(UNKNOWN_KIND, Severity.ERROR, where, f"`licet.dev` has no kind `{kind}`", help, fix=fix)


def nothing_there(where: Place, namespace: str, known: Collection[str]) -> Diagnostic:
    """A NamespaceContract of a namespace that no manifest holds anything of."""
    close = difflib.get_close_matches(namespace, known, 1, 0.6)
    help = f"did you mean `{close[0]}`?" if close else "correct its namespace, or read the manifests of it too"
    message = f"no manifest holds anything of the namespace `{namespace}`"
    notes = ("the NamespaceContract holds for nobody that is known",)
    return _fault(NOTHING_THERE, Severity.WARNING, where, message, help, notes=notes)


def bad_annotation(where: Place, item: str, problem: str, help: str) -> Diagnostic:
    """A call in an annotation that cannot be read."""
    shown = item if len(item) <= 80 else f"{item[:76]}..."
    return _fault(
        BAD_ANNOTATION,
        Severity.ERROR,
        where,
        f"`{shown}` {problem}",
        help,
        notes=("no call of this annotation is agreed",),
    )


def _fault(
    code: str,
    severity: Severity,
    where: Place,
    message: str,
    help: str,
    *,
    notes: tuple[str, ...] = _LEFT_OUT,
    fix: Fix | None = None,
    related: tuple[Related, ...] = (),
) -> Diagnostic:
    return Diagnostic(code, severity, message, where, help=help, notes=notes, fix=fix, related=related)


def _either(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]
