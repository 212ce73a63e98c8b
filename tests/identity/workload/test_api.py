"""What the SPIFFE Workload API (WA) and the Workload Endpoint (WE) demand of a server, by section; how calls end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import grpc
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from structlog.testing import capture_logs

from licet.identity.errors import RefusedError, UnavailableError
from licet.identity.svid import View
from licet.identity.workload.api import WorkloadApi
from licet.identity.workload.limits import Limits, Room
from licet.identity.workload.proto.workload_pb2 import (
    JWTBundlesResponse,
    JWTSVIDRequest,
    JWTSVIDResponse,
    ValidateJWTSVIDRequest,
    ValidateJWTSVIDResponse,
    X509BundlesResponse,
    X509SVIDResponse,
)
from tests.identity.workload.serving import HEADER, Client, Header, client, serving, status, until
from tests.identity.workload.sources import Authority, Scripted

STREAMS: dict[str, type[Message]] = {
    "FetchX509SVID": X509SVIDResponse,
    "FetchX509Bundles": X509BundlesResponse,
    "FetchJWTBundles": JWTBundlesResponse,
}
CALLS: dict[str, tuple[Message, type[Message]]] = {
    "FetchJWTSVID": (JWTSVIDRequest(audience=["db"]), JWTSVIDResponse),
    "ValidateJWTSVID": (ValidateJWTSVIDRequest(audience="db", svid="token"), ValidateJWTSVIDResponse),
}
WIT = ("FetchWITSVID", "FetchWITBundles")


@asynccontextmanager
async def connected(home: Path, source: Scripted) -> AsyncGenerator[Client, None]:
    async with serving(home, source), client(home / "api.sock") as connection:
        yield connection


def told(home: Path, source: Callable[[], Scripted], story: Callable[[Scripted, Client], Awaitable[None]]) -> None:
    """Run a story against a server that serves from this source."""

    async def run() -> None:
        made = source()
        async with connected(home, made) as connection:
            await story(made, connection)

    asyncio.run(run())


def two() -> Scripted:
    """A source with two identities."""
    source = Scripted()
    source.paths = (("/myservice", "internal"), ("/myservice2", "external"))
    source.view = source.fresh()
    return source


async def ask(connection: Client, method: str, header: Header = HEADER) -> object:
    """Call a method of either kind."""
    if method in CALLS:
        return await connection.call(method, *CALLS[method], header=header)
    return await connection.first(method, STREAMS.get(method, X509SVIDResponse), header=header)


@pytest.mark.parametrize("method", [*STREAMS, *CALLS, *WIT])
@pytest.mark.parametrize(
    "header",
    [
        (),
        (("workload.spiffe.io", "True"),),
        (("workload.spiffe.io", "false"),),
        (("workload.spiffe.io", ""),),
        (("workload.spiffe.io", "true"), ("workload.spiffe.io", "false")),
    ],
    ids=["none", "case", "false", "empty", "twice"],
)
def test_we_3_and_6_a_request_without_the_security_header_is_an_invalid_argument(
    tmp_path: Path, method: str, header: Header
) -> None:
    async def story(source: Scripted, connection: Client) -> None:
        code, details = await status(ask(connection, method, header))
        assert (code, details) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "`workload.spiffe.io` is missing in the metadata: set it to `true`",
        )
        assert source.asked == []

    told(tmp_path, Scripted, story)


def test_we_3_1_and_5_neither_tls_nor_any_credential_is_asked_for(tmp_path: Path) -> None:
    async def story(source: Scripted, connection: Client) -> None:
        assert (await connection.first("FetchX509SVID", X509SVIDResponse)).svids[0].spiffe_id
        assert {peer.pid > 0 for peer in source.asked} == {True}

    told(tmp_path, Scripted, story)


@pytest.mark.parametrize("method", [*STREAMS, *CALLS])
def test_we_6_unavailable_while_starting_or_shedding(tmp_path: Path, method: str) -> None:
    async def story(source: Scripted, connection: Client) -> None:
        source.fail(UnavailableError("the node is starting", "call again"))
        assert await status(ask(connection, method)) == (
            grpc.StatusCode.UNAVAILABLE,
            "the node is starting: call again",
        )

    told(tmp_path, Scripted, story)


@pytest.mark.parametrize("method", [*STREAMS, *CALLS])
def test_we_6_and_wa_5_and_6_permission_denied_without_an_identity(tmp_path: Path, method: str) -> None:
    async def story(source: Scripted, connection: Client) -> None:
        source.fail(RefusedError("no identity", "register one"))
        assert await status(ask(connection, method)) == (grpc.StatusCode.PERMISSION_DENIED, "no identity: register one")

    told(tmp_path, Scripted, story)


def test_wa_1_both_mandatory_profiles_are_served(tmp_path: Path) -> None:
    async def story(source: Scripted, connection: Client) -> None:
        for method in STREAMS:
            await ask(connection, method)
        await ask(connection, "FetchJWTSVID")
        token = source.authority.token("/myservice", ("db",)).token
        request = ValidateJWTSVIDRequest(audience="db", svid=token)
        await connection.call("ValidateJWTSVID", request, ValidateJWTSVIDResponse)

    told(tmp_path, Scripted, story)


def test_wa_2_the_service_is_not_extended() -> None:
    async def story() -> None:
        api = WorkloadApi(Scripted(), lambda _: None, Room(1))
        assert set(api.methods) == {*STREAMS, *CALLS, *WIT}

    asyncio.run(story())


@pytest.mark.parametrize("method", [*WIT, "NoSuchMethod"])
def test_wa_7_a_profile_that_is_not_served_is_unimplemented(tmp_path: Path, method: str) -> None:
    async def story(_: Scripted, connection: Client) -> None:
        assert (await status(ask(connection, method)))[0] is grpc.StatusCode.UNIMPLEMENTED

    told(tmp_path, Scripted, story)


def test_wa_4_3_every_response_of_x509_svids_is_complete(tmp_path: Path) -> None:
    async def story(source: Scripted, connection: Client) -> None:
        foreign = Authority("federated.example")
        async with aclosing(connection.stream("FetchX509SVID", X509SVIDResponse)) as stream:
            for bundles in ((), (foreign.bundle(),), ()):
                source.show(source.fresh(*bundles))
                response = await anext(stream)
                while response.svids[0].x509_svid != b"".join(source.view.svids[0].chain):
                    response = await anext(stream)
                assert [svid.spiffe_id for svid in response.svids] == [
                    "spiffe://example.org/myservice",
                    "spiffe://example.org/myservice2",
                ]
                assert dict(response.federated_bundles) == {each.trust_domain.id: each.x509[0] for each in bundles}

    told(tmp_path, two, story)


def test_wa_4_3_the_first_response_comes_without_a_change(tmp_path: Path) -> None:
    async def story(_: Scripted, connection: Client) -> None:
        for method, kind in STREAMS.items():
            assert (await connection.first(method, kind)).ByteSize() > 0

    told(tmp_path, Scripted, story)


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("FetchJWTSVID", JWTSVIDRequest()),
        ("FetchJWTSVID", JWTSVIDRequest(audience=["db", ""])),
        ("ValidateJWTSVID", ValidateJWTSVIDRequest(svid="token")),
        ("ValidateJWTSVID", ValidateJWTSVIDRequest(audience="db")),
    ],
)
def test_wa_4_5_a_mandatory_field_left_out_is_an_invalid_argument(
    tmp_path: Path, method: str, request_: Message
) -> None:
    async def story(_: Scripted, connection: Client) -> None:
        code, _details = await status(connection.call(method, request_, CALLS[method][1]))
        assert code is grpc.StatusCode.INVALID_ARGUMENT

    told(tmp_path, Scripted, story)


def test_wa_5_1_an_svid_is_der_with_the_leaf_first_an_unencrypted_key_and_its_bundle(tmp_path: Path) -> None:
    async def story(source: Scripted, connection: Client) -> None:
        (svid,) = (await connection.first("FetchX509SVID", X509SVIDResponse)).svids
        leaf = x509.load_der_x509_certificate(svid.x509_svid)
        key = load_der_private_key(svid.x509_svid_key, password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert leaf.public_key() == key.public_key()
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.UniformResourceIdentifier) == [svid.spiffe_id]
        assert x509.load_der_x509_certificate(svid.bundle) == source.authority.certificate

    told(tmp_path, Scripted, story)


def test_wa_5_2_1_a_hint_is_unique_in_a_response(tmp_path: Path) -> None:
    def same() -> Scripted:
        source = Scripted()
        source.paths = (("/a", "internal"), ("/b", "internal"), ("/c", ""), ("/d", "external"), ("/e", ""))
        source.view = source.fresh()
        return source

    async def story(_: Scripted, connection: Client) -> None:
        wanted = ["internal", "", "", "external", ""]
        assert [svid.hint for svid in (await connection.first("FetchX509SVID", X509SVIDResponse)).svids] == wanted
        tokens = await connection.call("FetchJWTSVID", JWTSVIDRequest(audience=["db"]), JWTSVIDResponse)
        assert [svid.hint for svid in tokens.svids] == wanted

    told(tmp_path, same, story)


def test_wa_5_2_1_an_identity_that_is_taken_away_ends_the_stream_with_permission_denied(tmp_path: Path) -> None:
    async def story(source: Scripted, connection: Client) -> None:
        async with aclosing(connection.stream("FetchX509SVID", X509SVIDResponse)) as stream:
            await anext(stream)
            source.show(View((), source.view.own, {}))
            assert (await status(anext(stream)))[0] is grpc.StatusCode.PERMISSION_DENIED

    told(tmp_path, Scripted, story)


def test_wa_5_2_2_bundles_hold_at_least_the_own_domain_keyed_by_id(tmp_path: Path) -> None:
    async def story(source: Scripted, connection: Client) -> None:
        own, foreign = source.authority.bundle(), Authority("federated.example").bundle()
        response = await connection.first("FetchX509Bundles", X509BundlesResponse)
        assert dict(response.bundles) == {"spiffe://example.org": own.x509[0]}
        source.show(source.fresh(foreign))
        response = await connection.first("FetchX509Bundles", X509BundlesResponse)
        assert dict(response.bundles) == {
            "spiffe://example.org": own.x509[0],
            "spiffe://federated.example": foreign.x509[0],
        }

    told(tmp_path, Scripted, story)


def test_wa_6_2_1_tokens_are_for_the_audience_and_for_every_identity_or_the_one_asked_for(tmp_path: Path) -> None:
    async def story(_: Scripted, connection: Client) -> None:
        async def subjects(spiffe_id: str) -> list[str]:
            request = JWTSVIDRequest(audience=["db", "cache"], spiffe_id=spiffe_id)
            response = await connection.call("FetchJWTSVID", request, JWTSVIDResponse)
            for svid in response.svids:
                claims = jwt.decode(svid.svid, options={"verify_signature": False})
                assert (claims["sub"], claims["aud"]) == (svid.spiffe_id, ["db", "cache"])
            return [svid.spiffe_id for svid in response.svids]

        assert await subjects("") == ["spiffe://example.org/myservice", "spiffe://example.org/myservice2"]
        assert await subjects("spiffe://example.org/myservice2") == ["spiffe://example.org/myservice2"]
        foreign = JWTSVIDRequest(audience=["db"], spiffe_id="spiffe://example.org/other")
        code, _details = await status(connection.call("FetchJWTSVID", foreign, JWTSVIDResponse))
        assert code is grpc.StatusCode.PERMISSION_DENIED
        broken = JWTSVIDRequest(audience=["db"], spiffe_id="no id")
        code, _details = await status(connection.call("FetchJWTSVID", broken, JWTSVIDResponse))
        assert code is grpc.StatusCode.INVALID_ARGUMENT

    told(tmp_path, two, story)


def test_wa_6_2_2_jwt_bundles_are_jwk_sets_without_keys_of_other_uses(tmp_path: Path) -> None:
    async def story(source: Scripted, connection: Client) -> None:
        source.show(source.fresh(Authority("federated.example").bundle()))
        response = await connection.first("FetchJWTBundles", JWTBundlesResponse)
        assert set(response.bundles) == {"spiffe://example.org", "spiffe://federated.example"}
        for document in map(json.loads, response.bundles.values()):
            assert [key.get("use", "jwt-svid") for key in document["keys"]] == ["jwt-svid"]
            assert jwt.PyJWKSet.from_dict(document).keys[0].key_id == document["keys"][0]["kid"]

    told(tmp_path, Scripted, story)


def test_wa_6_2_3_a_valid_token_is_told_with_its_claims(tmp_path: Path) -> None:
    async def story(source: Scripted, connection: Client) -> None:
        token = source.authority.token("/myservice", ("db",)).token
        request = ValidateJWTSVIDRequest(audience="db", svid=token)
        response = await connection.call("ValidateJWTSVID", request, ValidateJWTSVIDResponse)
        assert response.spiffe_id == "spiffe://example.org/myservice"
        assert MessageToDict(response.claims) == jwt.decode(token, options={"verify_signature": False})

    told(tmp_path, Scripted, story)


def test_wa_6_2_3_a_token_of_another_audience_key_or_domain_is_not_valid(tmp_path: Path) -> None:
    async def story(source: Scripted, connection: Client) -> None:
        stolen, foreign = Authority("example.org"), Authority("federated.example")
        source.show(source.fresh(foreign.bundle()))
        for token in (
            source.authority.token("/myservice", ("cache",)),
            stolen.token("/myservice", ("db",)),
            Authority("unknown.example").token("/myservice", ("db",)),
        ):
            request = ValidateJWTSVIDRequest(audience="db", svid=token.token)
            code, _ = await status(connection.call("ValidateJWTSVID", request, ValidateJWTSVIDResponse))
            assert code is grpc.StatusCode.INVALID_ARGUMENT
        request = ValidateJWTSVIDRequest(audience="db", svid=foreign.token("/x", ("db",)).token)
        response = await connection.call("ValidateJWTSVID", request, ValidateJWTSVIDResponse)
        assert response.spiffe_id == "spiffe://federated.example/x"

    told(tmp_path, Scripted, story)


def test_wa_8_the_default_identity_is_the_first_and_order_is_kept(tmp_path: Path) -> None:
    async def story(source: Scripted, connection: Client) -> None:
        response = await connection.first("FetchX509SVID", X509SVIDResponse)
        assert [svid.spiffe_id for svid in response.svids] == [str(svid.spiffe_id) for svid in source.view.svids]

    told(tmp_path, two, story)


def test_a_view_that_changes_nothing_of_a_response_is_not_sent(tmp_path: Path) -> None:
    """A rotated SVID is no news to those who watch bundles."""

    async def story(source: Scripted, connection: Client) -> None:
        async with aclosing(connection.stream("FetchX509Bundles", X509BundlesResponse)) as stream:
            first = await anext(stream)
            source.show(source.fresh())
            await until(lambda: source.taken is source.view)
            source.show(source.fresh(Authority("federated.example").bundle()))
            assert set((await anext(stream)).bundles) - set(first.bundles) == {"spiffe://federated.example"}

    told(tmp_path, Scripted, story)


def test_streams_over_the_limit_of_a_uid_are_unavailable_until_one_ends(tmp_path: Path) -> None:
    async def story() -> None:
        source = Scripted()
        limits = Limits(calls_for_uid=1)
        async with serving(tmp_path, source, limits=limits), client(tmp_path / "api.sock") as connection:
            async with aclosing(connection.stream("FetchX509SVID", X509SVIDResponse)) as stream:
                await anext(stream)
                code, details = await status(connection.first("FetchX509Bundles", X509BundlesResponse))
                assert (code, details.partition(":")[0]) == (
                    grpc.StatusCode.UNAVAILABLE,
                    "too many calls are open",
                )
            await until(lambda: source.watching == 0)
            await connection.first("FetchX509Bundles", X509BundlesResponse)

    asyncio.run(story())


def test_what_nobody_foresaw_is_told_without_details_and_logged_without_its_text(tmp_path: Path) -> None:
    async def story(source: Scripted, connection: Client) -> None:
        source.fail(ValueError("the key is hunter2"))
        with capture_logs() as logs:
            for method in (*STREAMS, *CALLS):
                assert await status(ask(connection, method)) == (grpc.StatusCode.INTERNAL, "internal error")
        assert [(line["method"], line["error"], line["log_level"]) for line in logs] == [
            (method, "ValueError", "error") for method in (*STREAMS, *CALLS)
        ]
        assert "hunter2" not in str(logs)

    told(tmp_path, Scripted, story)


def test_a_stream_that_the_client_leaves_is_left_by_the_server(tmp_path: Path) -> None:
    async def story(source: Scripted, connection: Client) -> None:
        async with aclosing(connection.stream("FetchX509SVID", X509SVIDResponse)) as stream:
            await anext(stream)
            assert source.watching == 1
        await until(lambda: source.watching == 0)

    told(tmp_path, Scripted, story)


def test_a_client_that_reads_slowly_gets_the_latest_view_and_holds_up_nobody(tmp_path: Path) -> None:
    async def story(source: Scripted, connection: Client) -> None:
        bulk = Authority("federated.example")
        large = bulk.bundle().x509[0] * 2000
        async with (
            aclosing(connection.stream("FetchX509SVID", X509SVIDResponse)) as slow,
            client(tmp_path / "api.sock") as other,
        ):
            await anext(slow)
            rounds = 60
            for sequence in range(rounds):
                source.show(source.heavy(large, sequence))
                response = await other.first("FetchX509SVID", X509SVIDResponse)
                assert response.svids[0].x509_svid == source.view.svids[0].chain[0]
            read = 1
            while (await anext(slow)).svids[0].x509_svid != source.view.svids[0].chain[0]:
                read += 1
            assert read < rounds // 2, "most of what was overtaken was never sent"

    told(tmp_path, Scripted, story)
