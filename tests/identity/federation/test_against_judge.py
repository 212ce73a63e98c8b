"""go-spiffe judges: what an ID is, what a bundle holds, and whether its federation and ours understand each other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from licet.identity.bundle import Bundle, JwtKey
from licet.identity.bundle_document import decode, encode
from licet.identity.errors import MalformedError, UnavailableError
from licet.identity.federation.fetch import fetch
from licet.identity.federation.relationship import Profile, Relationship
from licet.identity.spiffeid import TrustDomain, parse
from tests.identity.federation.authority import WEB_NAMES, Authority, jwt_key
from tests.identity.federation.judge.driver import Judge, build
from tests.identity.federation.serving import CA, ENDPOINT_ID, SVID, THERE, WEB, WEB_CA, endpoint, web_roots

BANK = TrustDomain(THERE)
BUNDLE = Bundle(BANK, (CA.der, Authority(f"spiffe://{THERE}").der), (jwt_key("a"), jwt_key("b")), 7, 600)
PIECES = [
    "spiffe://",
    "spiffe:/",
    "SPIFFE://",
    "/",
    "//",
    ".",
    "..",
    "a",
    "Z",
    "0",
    "-",
    "_",
    "%41",
    "%",
    "?",
    "#",
    "@",
]
PIECES += [":", ":1", " ", "\n", "\x00", "\x7f", "\xe4", "\u212a", "\U0001f600", "[::1]", "~", "!", "\\", "example.org"]


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(build()) as running:
        yield running


def is_id(text: str) -> bool:
    try:
        parse(text)
    except MalformedError:
        return False
    return True


def mutated(random: Random) -> str:
    """An ID, or nearly one."""
    if random.random() < 0.3:
        return "spiffe://" + "".join(random.choices(PIECES, k=random.randint(0, 5)))
    text = list("spiffe://example.org" + random.choice(["", "/a", "/ns/shop/sa/checkout", "/A.b_c-9/x"]))
    for _ in range(random.randint(0, 3)):
        at = random.randrange(len(text) + 1)
        text[at : at + random.randint(0, 2)] = random.choice([*PIECES, ""])
    return "".join(text)


def test_go_spiffe_takes_the_same_for_ids(judge: Judge) -> None:
    random = Random(4)
    texts = [mutated(random) for _ in range(20_000)]
    ours = [is_id(text) for text in texts]
    assert [text for text, us, them in zip(texts, ours, judge.ids(texts), strict=True) if us != them] == []
    assert 2_000 < sum(ours) < 18_000, "valid ones and others"


def test_lengths_are_bound_here_alone(judge: Judge) -> None:
    """The one difference: go-spiffe knows no longest ID and no longest trust domain (SPIFFE-ID.md 2.3)."""
    texts = ["spiffe://a/".ljust(length, "b") for length in (2048, 2049)]
    texts += [f"spiffe://{'a' * length}/b" for length in (255, 256)]
    assert judge.ids(texts) == [True] * 4
    assert [is_id(text) for text in texts] == [True, False, True, False]


def test_go_spiffe_reads_in_a_bundle_what_was_written(judge: Judge) -> None:
    keys = [ec.generate_private_key(curve).public_key() for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())]
    spki = [each.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for each in keys]
    rsa_key = rsa.generate_private_key(65537, 2048).public_key()
    spki.append(rsa_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    many = Bundle(BANK, BUNDLE.x509, tuple(JwtKey(f"k{at}", each) for at, each in enumerate(spki)), 2**63, 1)
    for bundle in (BUNDLE, many, Bundle(BANK, (), (), 1), Bundle(BANK, (), BUNDLE.jwt, 2)):
        answer = judge.ask("parse", trust_domain=THERE, bundle=encode(bundle))
        assert answer.bundle(BANK) == bundle


def test_what_go_spiffe_writes_is_read_here(judge: Judge) -> None:
    for bundle in (BUNDLE, Bundle(BANK, BUNDLE.x509, (), 1)):
        marshaled = judge.ask("parse", trust_domain=THERE, bundle=encode(bundle)).marshaled
        assert marshaled is not None
        read = decode(marshaled, BANK)
        assert Bundle(BANK, read.x509, tuple(sorted(read.jwt, key=lambda each: each.kid)), 7, 600) == Bundle(
            BANK, bundle.x509, bundle.jwt, 7, 600
        )
        assert (read.sequence, read.refresh_hint) == (bundle.sequence, bundle.refresh_hint)


def test_damaged_bundles_are_read_no_otherwise_than_by_go_spiffe(judge: Judge) -> None:
    """Whatever both take holds the same keys."""
    random = Random(5)
    written = encode(BUNDLE)
    taken = 0
    for _ in range(1_000):
        damaged = bytearray(written)
        for _ in range(random.randint(1, 2)):
            damaged[random.randrange(len(damaged))] = random.choice(b'"{}[],:0azAZ59 ')
        try:
            ours = decode(bytes(damaged), BANK)
        except MalformedError:
            continue
        answer = judge.ask("parse", trust_domain=THERE, bundle=bytes(damaged))
        if not answer.error:
            taken += 1
            theirs = answer.bundle(BANK)
            assert (set(ours.x509), set(ours.jwt)) == (set(theirs.x509), set(theirs.jwt)), bytes(damaged)
    assert taken > 20


def test_go_spiffe_fetches_from_our_endpoint_in_both_profiles(judge: Judge) -> None:
    async def run() -> None:
        async with endpoint(lambda: BUNDLE, lambda: WEB) as port:
            answer = await asyncio.to_thread(
                judge.ask, "fetch", trust_domain=THERE, url=f"https://localhost:{port}/bundle", roots=WEB_CA.pem
            )
            assert answer.bundle(BANK) == BUNDLE
        async with endpoint(lambda: BUNDLE, lambda: SVID) as port:
            url = f"https://127.0.0.1:{port}/bundle"
            for endpoint_id, accepted in ((ENDPOINT_ID, True), (ENDPOINT_ID + "x", False)):
                answer = await asyncio.to_thread(
                    judge.ask,
                    "fetch",
                    trust_domain=THERE,
                    url=url,
                    bundle=encode(BUNDLE),
                    endpoint_id=endpoint_id,
                )
                assert (answer.error == "") is accepted
                assert not accepted or answer.bundle(BANK) == BUNDLE

    asyncio.run(run())


def test_we_fetch_from_go_spiffes_endpoint_in_both_profiles(judge: Judge, tmp_path: Path) -> None:
    svid, web = CA.svid(ENDPOINT_ID), WEB_CA.leaf(*WEB_NAMES)
    urls = [
        judge.ask("serve", trust_domain=THERE, bundle=encode(BUNDLE), certificate=each.pem, key=each.key_pem).url
        for each in (svid, web)
    ]

    async def run() -> None:
        by_id = Relationship(BANK, Profile.HTTPS_SPIFFE, urls[0], parse(ENDPOINT_ID))
        by_web = Relationship(BANK, Profile.HTTPS_WEB, urls[1])
        for fetched in (await fetch(by_id, None, BUNDLE), await fetch(by_web, None, None, web_roots(tmp_path))):
            assert set(fetched.jwt) == set(BUNDLE.jwt)
            assert fetched.x509 == BUNDLE.x509
            assert (fetched.sequence, fetched.refresh_hint) == (7, 600)
        wrong = Relationship(BANK, Profile.HTTPS_SPIFFE, urls[0], parse(ENDPOINT_ID + "x"))
        with pytest.raises(UnavailableError):
            await fetch(wrong, None, BUNDLE)

    asyncio.run(run())
