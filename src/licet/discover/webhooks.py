"""Services that the API server calls: admission and conversion webhooks, and extensions of its API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from licet.contracts.contract import ServicePeer
from licet.diag.place import Path, Place
from licet.discover.edge import Evidence
from licet.discover.names import API_SERVER, Names
from licet.discover.pods import items, mapping, text
from licet.manifest.documents import Document
from licet.model.ports import Protocol

_ADMISSION = frozenset({"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"})
_KINDS = _ADMISSION | {"APIService", "CustomResourceDefinition"}
_DEFAULT_PORT = 443


def evidence_of(document: Document, names: Names) -> Iterator[Evidence]:
    """The calls of the API server that a document asks for; a URL in place of a Service is no pod's."""
    if document.kind not in _KINDS:
        return
    value = document.value
    meta = mapping(value.get("metadata"))
    said = f"{document.kind} `{text(meta.get('name'))}`"
    for reference, path in _references(value):
        namespace, name = text(reference.get("namespace")), text(reference.get("name"))
        if not namespace or not name:
            continue
        port = reference.get("port", _DEFAULT_PORT)
        port = port if isinstance(port, int) else _DEFAULT_PORT
        place = Place(document.origin, (*path, "name"))
        service = names.service(namespace, name)
        if service is None:
            peer = ServicePeer(namespace, name)
            doubt = f"the manifests hold no Service `{namespace}/{name}`"
            yield Evidence(API_SERVER, peer, place, f"{said} calls `{name}`", peer, None, port, doubt)
            continue
        for found in names.reach(service, port, Protocol.TCP):
            shown = f"{said} calls `{name}`"
            yield Evidence(
                API_SERVER, found.callee, place, shown, found.service, found.port, found.service_port, found.doubt
            )


def _references(value: dict[str, Any]) -> Iterator[tuple[Any, Path]]:
    kind = value["kind"]
    if kind in _ADMISSION:
        for at, webhook in enumerate(items(value.get("webhooks"))):
            reference = mapping(mapping(mapping(webhook).get("clientConfig")).get("service"))
            yield reference, ("webhooks", at, "clientConfig", "service")
    elif kind == "APIService":
        yield mapping(mapping(value.get("spec")).get("service")), ("spec", "service")
    elif kind == "CustomResourceDefinition":
        webhook = mapping(mapping(mapping(value.get("spec")).get("conversion")).get("webhook"))
        reference = mapping(mapping(webhook.get("clientConfig")).get("service"))
        yield reference, ("spec", "conversion", "webhook", "clientConfig", "service")
