"""Namespaces and their labels."""

from __future__ import annotations

import msgspec

from licet.manifest.decode import findings
from licet.manifest.decode.fields import Meta, Reader
from licet.manifest.decode.selectors import Selectors
from licet.model.key import Key
from licet.model.workload import METADATA_NAME, Namespace


class NamespaceFields(msgspec.Struct, gc=False):
    """v1 Namespace."""

    metadata: Meta | None = None


def namespace(wire: NamespaceFields, key: Key, reader: Reader, selectors: Selectors) -> Namespace:
    """A declared namespace. Its name is always a label of it (`SetDefaults_Namespace`)."""
    path = ("metadata", "labels")
    labels = selectors.labels(wire.metadata.labels if wire.metadata else None, path)
    if labels.get(METADATA_NAME, key.name) != key.name:
        reader.report(findings.overridden_label(reader.origin, (*path, METADATA_NAME), key.name))
    labels[METADATA_NAME] = key.name
    return Namespace(key.name, labels, True, reader.origin)


def undeclared(name: str) -> Namespace:
    """A namespace that objects stand in and no manifest holds."""
    return Namespace(name, {METADATA_NAME: name}, False)
