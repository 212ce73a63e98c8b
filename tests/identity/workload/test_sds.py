"""The xDS protocol: what is said when, and what is not said again."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pytest
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret  # type: ignore[import-untyped]
from envoy.extensions.transport_sockets.tls.v3.tls_spiffe_validator_config_pb2 import (  # type: ignore[import-untyped]
    SPIFFECertValidatorConfig,
)
from envoy.service.discovery.v3.discovery_pb2 import (  # type: ignore[import-untyped]
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    DiscoveryResponse,
)
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from structlog.testing import capture_logs

from licet.identity.errors import MalformedError, RefusedError
from licet.identity.svid import View
from licet.identity.workload.sds import Delta, Whole
from licet.identity.workload.secrets import TYPE, find
from tests.identity.workload.serving import serving, status
from tests.identity.workload.sources import Authority, Scripted

OURS, FOREIGN = Authority("example.org"), Authority("federated.example")


def view(*paths: str) -> View:
    foreign = FOREIGN.bundle()
    svids = tuple(OURS.svid(path) for path in paths or ("/myservice",))
    return View(svids, OURS.bundle(), {foreign.trust_domain: foreign})


def say(conversation: Whole | Delta, request: Any) -> Any:
    """The response to a request, or none."""
    data = conversation.hear(request.SerializeToString())
    kind = DiscoveryResponse if isinstance(conversation, Whole) else DeltaDiscoveryResponse
    return None if data is None else kind.FromString(data)


def names(resources: Any) -> list[str]:
    return [Secret.FromString(each.value).name for each in resources]


def test_names_stand_for_secrets() -> None:
    seen = view("/one", "/two")
    shown: dict[str, object] = {}
    for name in ("default", "spiffe://example.org/two", "ROOTCA", "spiffe://federated.example", "ALL", "unknown"):
        if (found := find(seen, name)) is None:
            shown[name] = None
            continue
        secret = Secret.FromString(found.body.value)
        assert secret.name == name
        if secret.HasField("tls_certificate"):
            shown[name] = secret.tls_certificate.certificate_chain.inline_bytes.decode()
        else:
            config = secret.validation_context.custom_validator_config.typed_config
            validator = SPIFFECertValidatorConfig.FromString(config.value)
            shown[name] = [domain.name for domain in validator.trust_domains]

    assert shown == {
        "default": ssl.DER_cert_to_PEM_cert(seen.svids[0].chain[0]),
        "spiffe://example.org/two": ssl.DER_cert_to_PEM_cert(seen.svids[1].chain[0]),
        "ROOTCA": ["example.org"],
        "spiffe://federated.example": ["federated.example"],
        "ALL": ["example.org", "federated.example"],
        "unknown": None,
    }


def test_a_domain_that_revoked_everything_is_not_believed() -> None:
    seen = view()
    empty = msgspec.structs.replace(FOREIGN.bundle(), x509=())
    seen = msgspec.structs.replace(seen, federated={FOREIGN.domain: empty})
    assert find(seen, "spiffe://federated.example") is None
    every = find(seen, "ALL")
    assert every is not None
    assert b"federated.example" not in every.body.value


def test_every_response_has_all_that_is_asked_for_and_leaves_out_what_is_unknown() -> None:
    whole = Whole()
    assert whole.see(view()) is None
    response = say(whole, DiscoveryRequest(resource_names=["default", "unknown", "ALL"], type_url=TYPE))
    assert (names(response.resources), response.type_url, response.nonce) == (["default", "ALL"], TYPE, "1")
    assert response.version_info


def test_nothing_is_said_of_names_that_are_all_unknown_until_they_are_not() -> None:
    whole = Whole()
    whole.see(view("/one"))
    assert say(whole, DiscoveryRequest(resource_names=["spiffe://example.org/two"])) is None
    data = whole.see(view("/one", "/two"))
    assert data is not None
    assert names(DiscoveryResponse.FromString(data).resources) == ["spiffe://example.org/two"]


def test_an_acknowledgement_and_an_unchanged_view_are_answered_with_nothing() -> None:
    whole, seen = Whole(), view()
    whole.see(seen)
    response = say(whole, DiscoveryRequest(resource_names=["default"]))
    accepted = DiscoveryRequest(
        resource_names=["default"], version_info=response.version_info, response_nonce=response.nonce
    )
    assert say(whole, accepted) is None
    assert whole.see(seen) is None
    assert whole.see(msgspec.structs.replace(seen, federated={})) is None


def test_a_refusal_is_logged_and_answered_with_nothing_until_there_is_something_new() -> None:
    counted: list[str] = []
    whole, seen = Whole(lambda: counted.append("one")), view()
    whole.see(seen)
    first = DiscoveryRequest(resource_names=["default"])
    first.node.id = "sidecar-1"
    response = say(whole, first)
    refused = DiscoveryRequest(
        resource_names=["default"], response_nonce=response.nonce, error_detail=Status(code=3, message="no key")
    )
    with capture_logs() as logs:
        assert say(whole, refused) is None
    assert logs == [
        {
            "event": "the sidecar `sidecar-1` does not take the secret `default`, and keeps the one it has",
            "log_level": "error",
            "code": "L0547",
            "node": "sidecar-1",
            "notes": ["Envoy says: no key"],
            "help": "look at what the identity node hands out (`licet identity doctor`), before the old one expires",
        }
    ]
    assert counted == ["one"]
    assert whole.see(seen) is None
    assert whole.see(view()) is not None


def test_an_answer_to_an_older_response_is_passed_over() -> None:
    whole = Whole()
    whole.see(view())
    say(whole, DiscoveryRequest(resource_names=["default"]))
    whole.see(view())
    assert say(whole, DiscoveryRequest(resource_names=["default", "ALL"], response_nonce="1")) is None
    response = say(whole, DiscoveryRequest(resource_names=["default", "ALL"], response_nonce="2"))
    assert (names(response.resources), response.nonce) == (["default", "ALL"], "3")


def test_delta_says_what_is_new_and_what_is_not_there() -> None:
    delta, seen = Delta(), view()
    delta.see(seen)
    asked = DeltaDiscoveryRequest(resource_names_subscribe=["default", "ALL", "unknown"])
    response = say(delta, asked)
    assert ([each.name for each in response.resources], list(response.removed_resources)) == (
        ["default", "ALL"],
        ["unknown"],
    )
    assert say(delta, DeltaDiscoveryRequest(response_nonce=response.nonce)) is None
    data = delta.see(msgspec.structs.replace(seen, svids=view().svids))
    assert data is not None
    assert [each.name for each in DeltaDiscoveryResponse.FromString(data).resources] == ["default"]


def test_delta_does_not_repeat_what_a_client_has_from_before() -> None:
    seen = view()
    default = find(seen, "default")
    assert default is not None
    delta = Delta()
    delta.see(seen)
    again = DeltaDiscoveryRequest(
        resource_names_subscribe=["default"], initial_resource_versions={"default": default.version}
    )
    assert say(delta, again) is None


@pytest.mark.parametrize("conversation", [Whole, Delta])
def test_other_types_and_endless_names_are_refused(conversation: type[Whole | Delta]) -> None:
    many = [str(number) for number in range(1001)]
    whole = conversation is Whole
    requests = [
        DiscoveryRequest(type_url="type.googleapis.com/envoy.config.cluster.v3.Cluster"),
        DiscoveryRequest(resource_names=many),
        DiscoveryRequest(resource_names=["x" * 3000]),
    ]
    deltas = [
        DeltaDiscoveryRequest(type_url="type.googleapis.com/envoy.config.cluster.v3.Cluster"),
        DeltaDiscoveryRequest(resource_names_subscribe=many),
        DeltaDiscoveryRequest(resource_names_subscribe=["x" * 3000]),
    ]
    for request in requests if whole else deltas:
        with pytest.raises(MalformedError):
            conversation().hear(request.SerializeToString())


def test_secrets_are_fetched_once_without_the_header_and_only_by_who_has_an_identity(tmp_path: Path) -> None:
    async def story() -> None:
        source = Scripted()
        async with (
            serving(tmp_path, source),
            grpc.aio.insecure_channel(f"unix:{tmp_path / 'api.sock'}") as channel,
        ):
            method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
                "/envoy.service.secret.v3.SecretDiscoveryService/FetchSecrets"
            )
            asked = DiscoveryRequest(resource_names=["default"]).SerializeToString()
            assert names(DiscoveryResponse.FromString(await method(asked)).resources) == ["default"]
            source.fail(RefusedError("no identity", "register one"))
            assert await status(method(asked)) == (grpc.StatusCode.PERMISSION_DENIED, "no identity: register one")

    asyncio.run(story())
