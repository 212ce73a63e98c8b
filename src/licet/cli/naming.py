"""From what the user writes to the endpoint that is meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from licet.model.edge import Endpoint
from licet.model.key import Pattern
from licet.sources import SourceError

_LISTED = 5


def endpoint(text: str, endpoints: Iterable[Endpoint]) -> Endpoint:
    """The endpoint with this id, or the only one that `namespace/name` or `name` fits.

    Raises SourceError where none or more than one fits.
    """
    known = list(endpoints)
    for candidate in known:
        if candidate.id == text:
            return candidate
    try:
        pattern = Pattern.parse(text)
    except ValueError:
        raise SourceError(f"`{text}` is not a name", "write `namespace/name` or `namespace/name[Kind]`") from None
    fitting = [candidate for candidate in known if candidate.key is not None and pattern.matches(candidate.key)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        some = " or ".join(f"`{candidate.id}`" for candidate in fitting[:_LISTED])
        raise SourceError(f"`{text}` fits {len(fitting)} workloads", f"say which: {some}")
    raise SourceError(f"no workload `{text}`", _near(text, known))


def _near(text: str, known: list[Endpoint]) -> str:
    stems = {candidate.id.partition("[")[0]: candidate.id for candidate in known}
    close = (
        difflib.get_close_matches(text.partition("[")[0], stems, n=3)
        or [stem for stem in stems if stem.rpartition("/")[2] == text.rpartition("/")[2]][:3]
    )
    if close:
        return f"did you mean {' or '.join(f'`{stem}`' for stem in close)}?"
    return "`licet map` lists those there are"
