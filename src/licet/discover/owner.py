"""Who answers for a workload, as its labels and annotations say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from licet.diag.place import Path, Place
from licet.discover.pods import mapping
from licet.manifest.documents import Document

_NAMES = ("owner", "team")
_FIELDS = ("labels", "annotations")
_FORM = re.compile(r"[!-~]{1,253}")


class Owner(msgspec.Struct, frozen=True):
    """An owner's name, the field that says so, and that field as it is shown."""

    name: str
    place: Place
    text: str


def owner(documents: Iterable[tuple[Document, Path]]) -> Owner | None:
    """The first owner that documents name, each in the metadata at the path; `owner` and `team` before `x.y/owner`.

    Who manages an object, such as Helm by `app.kubernetes.io/managed-by`, does not own it.
    """
    for document, path in documents:
        value: Mapping[str, Any] = document.value
        for step in path:
            value = mapping(value.get(step)) if isinstance(step, str) else {}
        for wanted in _NAMES:
            for own in (True, False):
                for field in _FIELDS:
                    for key, name in mapping(value.get(field)).items():
                        fits = key == wanted if own else key.endswith(f"/{wanted}")
                        if fits and isinstance(name, str) and _FORM.fullmatch(name):
                            return Owner(name, Place(document.origin, (*path, field, key)), f"{key}: {name}")
    return None
