"""The findings on documents, L0050 to L0069: text that kubectl refuses, misreads or never reads.

And those on the Platform, L0160 to L0169.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from licet.diag.diagnostic import Diagnostic, Fix, Related, Severity
from licet.diag.place import Origin, Place, Span
from licet.manifest.bounds import BYTES, DEPTH, NODES

NOT_AN_OBJECT = "L0058"
NOT_KUBERNETES = "L0059"
MISSING = "L0060"

_KUBECTL = "kubectl refuses it too"


def broken(where: Span, problem: str, context: str) -> Diagnostic:
    """L0050: a document that is no YAML."""
    return Diagnostic(
        "L0050",
        Severity.ERROR,
        f"this is not valid YAML: {problem}",
        where,
        label="cannot be read from here on",
        help=next((way_out for part, way_out in _WAYS_OUT.items() if part in problem), _WAY_OUT),
        notes=(context,) if context else (),
    )


def template(where: Span, others: int) -> Diagnostic:
    """L0051: a Go template, which is YAML only once it is rendered."""
    return Diagnostic(
        "L0051",
        Severity.ERROR,
        "this is a template, not YAML",
        where,
        label="not rendered",
        help="render the chart with helm and give licet the result, or point licet at the chart's folder",
        notes=(f"{others} more {_documents(others)} of this file cannot be read for the same reason",)
        if others
        else (),
    )


def too_large(where: Place, length: int) -> Diagnostic:
    """L0052: a document beyond the bound on bytes."""
    return Diagnostic(
        "L0052",
        Severity.ERROR,
        f"this document has {length / 2**20:,.0f} MiB, more than the {BYTES // 2**20} MiB that licet reads",
        where,
        help="split it into documents with `---` between them, or a `List` into its items",
    )


def too_deep(where: Span | Place) -> Diagnostic:
    """L0053: a document beyond the bound on depth."""
    return Diagnostic(
        "L0053",
        Severity.ERROR,
        f"this document is nested more than {DEPTH} levels deep",
        where,
        help="no Kubernetes object is nested like that; look at what wrote it",
    )


def too_many_nodes(where: Span | Place) -> Diagnostic:
    """L0054: a document beyond the bound on nodes."""
    return Diagnostic(
        "L0054",
        Severity.ERROR,
        f"this document has more than {NODES:,} keys and values",
        where,
        help="split it into documents with `---` between them",
    )


def exploding(where: Span, problem: str) -> Diagnostic:
    """L0055: aliases that multiply."""
    return Diagnostic(
        "L0055",
        Severity.ERROR,
        f"the aliases of this document multiply: {problem}",
        where,
        help="write out what they stand for where it is needed, or split the document",
    )


def cyclic(where: Span, problem: str) -> Diagnostic:
    """L0056: an alias inside what it refers to."""
    return Diagnostic(
        "L0056",
        Severity.ERROR,
        f"an alias has no end: {problem}",
        where,
        label="leads back to here",
        help="remove the alias; JSON, which kubectl turns every manifest into, cannot hold a cycle",
    )


def repeated_key(where: Span | Place, key: str, first_line: int | None) -> Diagnostic:
    """L0057: a key that stands twice in one mapping."""
    return Diagnostic(
        "L0057",
        Severity.WARNING,
        f"`{key}` stands twice in one mapping, and only the last one counts",
        where,
        label="this one counts",
        help="remove the one that is not meant",
        notes=(f"the first one is in line {first_line}",) if first_line is not None else (),
    )


def not_an_object(where: Place, value: object) -> Diagnostic:
    """L0058: a document that is no mapping."""
    return Diagnostic(
        NOT_AN_OBJECT,
        Severity.ERROR,
        f"this document is {_kind_of(value)}, not an object",
        where,
        label="expected `apiVersion`, `kind` and `metadata`",
        help=f"write a Kubernetes object, or take the file out of what licet reads; {_KUBECTL}",
    )


def not_kubernetes(where: Place) -> Diagnostic:
    """L0059: a mapping with neither kind nor apiVersion: most likely the settings of some other program."""
    return Diagnostic(
        NOT_KUBERNETES,
        Severity.WARNING,
        "this document has neither `apiVersion` nor `kind`, so it is no Kubernetes object",
        where,
        label="left out",
        help="add both, or take the file out of what licet reads",
    )


def missing(where: Place, field: str, found: object) -> Diagnostic:
    """L0060: an object with only one of kind and apiVersion, or one that is no text."""
    problem = f"this object has no `{field}`" if found is None else f"`{field}` is {_kind_of(found)}, not a text"
    return Diagnostic(MISSING, Severity.ERROR, problem, where, help=f"give `{field}`, such as {_EXAMPLES[field]}")


def more_strangers(source: str, first: Diagnostic, count: int) -> Diagnostic:
    """L0058, L0059, L0060: the rest, in a text where these are many."""
    return Diagnostic(
        first.code,
        first.severity,
        f"{count} more {_documents(count)} of `{source}` {'is' if count == 1 else 'are'} no Kubernetes object either",
        Place(Origin(source)),
        label="left out",
        help="take the file out of what licet reads",
    )


def unread_rest(where: Span) -> Diagnostic:
    """L0061: text after the end of a document, where kubectl stops reading it."""
    return Diagnostic(
        "L0061",
        Severity.WARNING,
        "kubectl never reads this: the document has ended before it",
        where,
        label="not read",
        help="begin a new document with a line of `---` before it, or remove it",
    )


def refused_separator(where: Span, line: str) -> Diagnostic:
    """L0062: a line that begins like a separator and goes on."""
    return Diagnostic(
        "L0062",
        Severity.ERROR,
        f"`{line}` is no separator: kubectl takes only a comment after `---`",
        where,
        label="what follows is not read",
        help="put `---` on a line of its own",
    )


def binary(source: str) -> Diagnostic:
    """L0063: a file that holds no text."""
    return Diagnostic(
        "L0063",
        Severity.ERROR,
        f"`{source}` holds binary data, not YAML",
        Span(source, 1, 1, 1, 1),
        help="take the file out of what licet reads, or give it a name that does not end in .yaml, .yml or .json",
    )


def utf16(source: str) -> Diagnostic:
    """L0064: a file in UTF-16, of which kubectl reads one document at best."""
    return Diagnostic(
        "L0064",
        Severity.ERROR,
        f"`{source}` is in UTF-16, of which kubectl reads one document at best",
        Span(source, 1, 1, 1, 1),
        help="save it as UTF-8",
    )


def encoding(where: Span, problem: str) -> Diagnostic:
    """L0065: bytes that are no UTF-8, or characters that YAML does not allow."""
    return Diagnostic(
        "L0065",
        Severity.ERROR,
        f"this is not text: {problem}",
        where,
        label="here",
        help="save the file as UTF-8 without control characters, or put the data into base64",
    )


def broken_json(where: Span, problem: str) -> Diagnostic:
    """L0066: JSON that stops being JSON."""
    return Diagnostic(
        "L0066",
        Severity.ERROR,
        f"this is not valid JSON: {problem}",
        where,
        label=problem,
        help="correct it; what follows in this file is not read, by kubectl neither",
    )


def unfit_number(where: Place, number: str) -> Diagnostic:
    """L0068: a number in JSON that no 64 bits hold."""
    return Diagnostic(
        "L0068",
        Severity.ERROR,
        f"`{number}` is a larger number than 64 bits hold",
        where,
        help=f"write a smaller number, or a text; {_KUBECTL}",
    )


def bad_items(where: Place, value: object) -> Diagnostic:
    """L0067: a list whose items are no list, or an item that is no object."""
    return Diagnostic(
        "L0067",
        Severity.ERROR,
        f"this is {_kind_of(value)}, where a list has its items",
        where,
        help=f"`items` is a list of objects; {_KUBECTL}",
    )


def bad_block(where: Place, block: str) -> Diagnostic:
    """L0160: a range of a Platform that is no block of addresses."""
    return Diagnostic(
        "L0160",
        Severity.ERROR,
        f"`{block}` is not a block of addresses",
        where,
        help="write it as address/length, such as `10.244.0.0/16`",
        notes=("Platform: this block is left out",),
    )


def bad_exposure(where: Place, exposure: str) -> Diagnostic:
    """L0161: a gateway of a Platform with an unknown exposure."""
    return Diagnostic(
        "L0161",
        Severity.ERROR,
        f"`{exposure}` is not an exposure",
        where,
        help="write `World` where the internet reaches it, `Cluster` where only the cluster does",
        notes=("Platform: taken as `World`",),
    )


def second_platform(where: Place) -> Diagnostic:
    """L0162: a second Platform."""
    return Diagnostic(
        "L0162",
        Severity.ERROR,
        "a second Platform; a cluster has one",
        where,
        help="keep one of them, or name the one that is meant with `--platform`",
        notes=("the first one counts",),
    )


def unknown_platform_version(where: Place, version: str, known: str) -> Diagnostic:
    """L0163: a Platform in a version that is not known."""
    return Diagnostic(
        "L0163",
        Severity.ERROR,
        f"`{version}` is not a version of Platform that is known",
        where,
        help=f"write `apiVersion: {known}`",
        notes=("Platform: it is left out",),
    )


def bad_mode(where: Place, mode: str, known: Sequence[str]) -> Diagnostic:
    """L0164: a mode of a Platform that is none."""
    return Diagnostic(
        "L0164",
        Severity.ERROR,
        f"`{mode}` is not a mode",
        where,
        help=f"write one of {', '.join(known)}",
        notes=("Platform: no mode is taken from it",),
    )


def bad_address(where: Place, address: str) -> Diagnostic:
    """L0165: text of a Platform that is no address."""
    return Diagnostic(
        "L0165",
        Severity.ERROR,
        f"`{address}` is not an address",
        where,
        help="write one address without a prefix length, such as `169.254.20.10`",
        notes=("Platform: it is left out",),
    )


def platform_name(where: Place, name: str, due: str) -> Diagnostic:
    """L0166: a Platform under another name, of which a cluster takes none."""
    return Diagnostic(
        "L0166",
        Severity.WARNING,
        f"a Platform is named `{name}`; it is read all the same",
        where,
        help=f"name it `{due}`: a cluster has one Platform, and takes no other name",
        fix=Fix(f"name it `{due}`", due),
    )


def unknown_enforcer(where: Place, name: str, known: Sequence[str]) -> Diagnostic:
    """L0167: an enforcer of a Platform that nothing is known of."""
    close = difflib.get_close_matches(name.lower(), known, 1)
    listed = ", ".join(f"`{one}`" for one in known)
    return Diagnostic(
        "L0167",
        Severity.WARNING,
        f"`{name}` is not an enforcer that is known",
        where,
        help=f"did you mean `{close[0]}`?" if close else f"those that are known are {listed}",
        notes=("Platform: its name is kept, and says nothing",),
        fix=Fix("correct the name", close[0]) if close else None,
    )


def second_gateway(where: Place, name: str, first: Place) -> Diagnostic:
    """L0168: two gateways of a Platform of one name."""
    return Diagnostic(
        "L0168",
        Severity.ERROR,
        f"a second gateway `{name}`",
        where,
        help="give it another name, or keep one of them",
        notes=("Platform: the first one counts",),
        related=(Related(first, "the first one"),),
    )


_WAY_OUT = "correct the document; the others of the file are read"
_WAYS_OUT = {
    "tab": "indent with spaces",
    "cannot start": "put quotes round a text that begins with `@`, `%` or a backtick",
    "mapping values are not allowed": "put quotes round a text with `: ` in it, or correct the indentation",
    "could not find expected `:`": "end the key with `:`, or indent the text that goes on from the line above",
    "did not find expected key": "correct the indentation: a mapping's keys stand in one column",
    "did not find expected `-`": "correct the indentation: the dashes of a list stand in one column",
    "no anchor": "define the anchor first, in the same document",
}
_EXAMPLES = {"kind": "`kind: Deployment`", "apiVersion": "`apiVersion: apps/v1`"}


def _kind_of(value: object) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return f"`{str(value).lower()}`"
        case int() | float():
            return f"the number `{value}`"
        case str():
            return "a text"
        case list():
            return "a list"
    return "a mapping"


def _documents(count: int) -> str:
    return "document" if count == 1 else "documents"
