"""Nothing is issued that must not be, and nothing is handed out that is not in the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from licet.audit.ledger import Change, Ledger
from licet.audit.read import Wanted, records
from licet.identity import certificate, registry, token
from licet.identity.authority import Kind, Standing, active
from licet.identity.errors import IdentityError, MalformedError, RefusedError, UnavailableError
from licet.identity.issuer import Issuer
from licet.identity.keys import KeyKind, generate, kind_of
from licet.identity.node.upstream import Ask, Issued, Refusal, Witness
from licet.identity.spiffeid import parse
from licet.store import tables
from licet.store.errors import StoreError
from tests.identity.domains import ADMINISTRATOR, DOMAIN, NODE, Founded, ask, entry, founded, witness

T = TypeVar("T")
OTHER = DOMAIN.member("/licet/agent/two")
CART = DOMAIN.member("/cart")


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[Founded]:
    with founded(tmp_path) as made:
        made.register(entry())
        yield made


def leaf(answer: Issued | Refusal) -> x509.Certificate:
    assert isinstance(answer, Issued), answer
    return x509.load_der_x509_certificate(answer.chain[0])


def issued(domain: Founded) -> int:
    with domain.database.read() as connection:
        return connection.execute(select(func.count()).select_from(tables.issuance)).scalar_one()


def deny(domain: Founded) -> None:
    domain.change(lambda change: registry.deny(change, CART, "stolen", domain.clock(), ADMINISTRATOR))


def csr(sign: Callable[[x509.CertificateSigningRequestBuilder], x509.CertificateSigningRequestBuilder]) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = sign(x509.CertificateSigningRequestBuilder(x509.Name([])))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_what_is_issued_is_recorded_with_who_asked_and_verifies(domain: Founded) -> None:
    [answer] = domain.issuer().mint(NODE, [ask()])
    made = leaf(answer)
    assert isinstance(answer, Issued)
    assert certificate.verify(answer.chain, domain.state.bundle.x509, domain.clock()) == CART
    [record] = domain.recorded("svid.issued")
    under = active(domain.state.authorities, Kind.INTERMEDIATE)
    assert under is not None
    assert record == {
        "type": "x509",
        "serial": f"{made.serial_number:x}",
        "spiffe_id": str(CART),
        "entry": "cart",
        "issuer": under.id,
        "not_before": "2026-06-01T11:59:30.000000Z",
        "not_after": "2026-06-01T13:00:00.000000Z",
        "key": "ec-p256",
    }
    assert issued(domain) == 1


def test_a_token_is_recorded_with_whom_it_is_for(domain: Founded) -> None:
    key = active(domain.state.authorities, Kind.JWT)
    assert key is not None
    domain.issuer().mint_token(NODE, "cart", ("db", "cache"), witness())
    assert domain.recorded("svid.issued") == [
        {
            "type": "jwt",
            "spiffe_id": str(CART),
            "entry": "cart",
            "issuer": key.id,
            "audience": ["db", "cache"],
            "lifetime": 300,
        }
    ]


def test_every_record_of_issuing_names_the_process_and_its_node(domain: Founded) -> None:
    issuer = domain.issuer()
    issuer.mint(NODE, [ask()])
    issuer.mint_token(OTHER, "cart", ("db",), witness(pid=4712))
    issuer.directly(CART, ask().request, 0, (), ADMINISTRATOR)
    with domain.database.read() as connection:
        actors = [each.record.actor for each in records(connection, Wanted(("svid.issued",)))]
    who = {"type": "workload", "uid": 1000, "gid": 1000, "selectors": ["unix:gid:1000", "unix:uid:1000"]}
    assert actors == [{**who, "node": str(NODE), "pid": 4711}, {**who, "node": str(OTHER), "pid": 4712}, ADMINISTRATOR]


def test_every_refusal_says_why_and_leaves_nothing(domain: Founded) -> None:
    domain.register(entry("cash", 1001, nodes=(OTHER,)))
    issuer = domain.issuer()
    before = domain.recorded()
    asks = {
        "gone": ask("gone"),
        "cash": ask("cash", 1001),
        "shown": ask("cart", 1002),
        "named": ask("cart", spiffe_id=f"{DOMAIN.id}/cash"),
        "garbage": Ask("cart", b"\x30\x00", witness()),
        "long": Ask("cart", b"\x30" * 9000, witness()),
        "nothing shown": Ask("cart", ask().request, Witness(1, 1000, 1000, ())),
        "two names": Ask(
            "cart",
            csr(
                lambda builder: builder.add_extension(
                    x509.SubjectAlternativeName(
                        [x509.UniformResourceIdentifier(str(CART)), x509.UniformResourceIdentifier(str(CART))]
                    ),
                    critical=True,
                )
            ),
            witness(),
        ),
        "authority": Ask(
            "cart",
            csr(lambda builder: builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)),
            witness(),
        ),
    }
    assert dict(zip(asks, issuer.mint(NODE, list(asks.values())), strict=True)) == {
        "gone": Refusal("no entry `gone`: it may have been removed"),
        "cash": Refusal(f"`{NODE}` may not ask for `{DOMAIN.id}/cash`: its entry names other nodes"),
        "shown": Refusal(f"the workload does not show what `{CART}` asks for: selectors unix:uid:1000"),
        "named": Refusal(f"the request names `{DOMAIN.id}/cash`, and not `{CART}`: leave the name out, or ask for it"),
        "garbage": Refusal("the certificate request is unreadable: PKCS#10 in DER (RFC 2986)"),
        "long": Refusal("the certificate request is too long: 8192 bytes at most"),
        "nothing shown": Refusal(f"the workload does not show what `{CART}` asks for: selectors unix:uid:1000"),
        "two names": Refusal("the certificate request has more than one URI: one SPIFFE ID, or none"),
        "authority": Refusal("a certificate authority was asked for: authorities are made by the server alone"),
    }
    assert domain.recorded() == before
    assert issuer.refused.counts() == {"refused": 6, "malformed": 3}
    assert issuer.issued.counts() == {}


def test_an_entry_of_other_nodes_is_issued_there(domain: Founded) -> None:
    domain.register(entry("cash", 1001, nodes=(OTHER,)))
    [answer] = domain.issuer().mint(OTHER, [ask("cash", 1001)])
    assert certificate.spiffe_id_of(leaf(answer)) == DOMAIN.member("/cash")


def test_answers_come_in_the_order_of_asks_whatever_becomes_of_each(domain: Founded) -> None:
    domain.register(*(entry(f"w{number}", number) for number in range(10)))
    names = ["w3", "gone", "w1", "w1", "lost", "w9"]
    answers = domain.issuer().mint(NODE, [ask(name, int(name[1:]) if name[1:].isdigit() else 0) for name in names])
    assert [
        str(certificate.spiffe_id_of(leaf(answer)).path) if isinstance(answer, Issued) else "" for answer in answers
    ] == ["/w3", "", "/w1", "/w1", "", "/w9"]
    assert len({leaf(answer).serial_number for answer in answers if isinstance(answer, Issued)}) == 4
    assert issued(domain) == 4


def test_a_revoked_identity_gets_nothing_until_it_is_permitted(domain: Founded) -> None:
    issuer = domain.issuer()
    deny(domain)
    said = f"`{CART}` is revoked: `licet identity permit` takes that back"
    assert issuer.mint(NODE, [ask()]) == [Refusal(said)]
    with pytest.raises(RefusedError) as raised:
        issuer.mint_token(NODE, "cart", ("db",), witness())
    assert str(raised.value) == said
    with pytest.raises(RefusedError) as raised:
        issuer.directly(CART, ask().request, 0, (), ADMINISTRATOR)
    assert str(raised.value) == said
    domain.change(lambda change: registry.permit(change, CART, ADMINISTRATOR))
    assert certificate.spiffe_id_of(leaf(issuer.mint(NODE, [ask()])[0])) == CART


class Between(Ledger):
    """A ledger that lets something else happen after a certificate was signed and before its record is committed."""

    then: Callable[[], None] | None = None

    def change(self, do: Callable[[Change], T]) -> Future[T]:
        """As Ledger."""
        then, self.then = self.then, None
        if then is not None:
            then()
        return super().change(do)


def interrupted(domain: Founded, then: Callable[[], None]) -> Issuer:
    ledger = domain.ledger
    between = Between.__new__(Between)
    between.__dict__.update(ledger.__dict__)
    issuer = Issuer(domain.database, between, domain.keyring, domain.clock)
    between.then = then
    return issuer


def test_a_revocation_between_signing_and_recording_holds(domain: Founded) -> None:
    said = Refusal(f"`{CART}` is revoked: `licet identity permit` takes that back")
    assert interrupted(domain, lambda: deny(domain)).mint(NODE, [ask()]) == [said]
    assert domain.recorded("svid.issued") == []
    domain.change(lambda change: registry.permit(change, CART, ADMINISTRATOR))
    with pytest.raises(RefusedError, match="is revoked"):
        interrupted(domain, lambda: deny(domain)).mint_token(NODE, "cart", ("db",), witness())
    assert domain.recorded("svid.issued") == []


def test_a_theft_between_signing_and_recording_has_the_certificate_signed_by_the_next(domain: Founded) -> None:
    before = active(domain.state.authorities, Kind.ROOT)
    assert before is not None
    issuer = interrupted(domain, lambda: domain.succeed(lambda succession: succession.taint(before)))
    [answer] = issuer.mint(NODE, [ask()])
    assert isinstance(answer, Issued)
    tainted = [a.certificate for a in domain.state.authorities if a.standing is Standing.TAINTED and a.certificate]
    with pytest.raises(RefusedError):
        certificate.verify(answer.chain, tainted, domain.clock())
    assert len(domain.recorded("svid.issued")) == 1


def test_a_domain_that_never_holds_still_is_unavailable_and_not_an_endless_loop(domain: Founded) -> None:
    ledger = Between.__new__(Between)
    ledger.__dict__.update(domain.ledger.__dict__)
    issuer = Issuer(domain.database, ledger, domain.keyring, domain.clock)

    def again() -> None:
        domain.register(entry(hint=str(domain.state.version)))
        ledger.then = again

    ledger.then = again
    with pytest.raises(UnavailableError, match="the domain keeps changing: ask again"):
        issuer.mint(NODE, [ask()])


def test_of_two_servers_neither_issues_by_what_the_other_has_revoked_nor_refuses_what_the_other_registered(
    domain: Founded,
) -> None:
    first, second = domain.issuer(), domain.issuer()
    deny(domain)
    assert isinstance(first.mint(NODE, [ask()])[0], Refusal)
    assert isinstance(second.mint(NODE, [ask()])[0], Refusal)
    domain.register(entry("late", 1005))
    assert isinstance(first.mint(NODE, [ask("late", 1005)])[0], Issued)
    assert second.mint_token(NODE, "late", ("db",), witness(1005))


def test_no_record_no_certificate(domain: Founded) -> None:
    issuer = domain.issuer()
    domain.ledger.close()
    with pytest.raises(StoreError, match="no more changes are taken"):
        issuer.mint(NODE, [ask()])
    with pytest.raises(StoreError):
        issuer.mint_token(NODE, "cart", ("db",), witness())
    assert issued(domain) == 0
    assert issuer.issued.counts() == {}
    assert issuer.refused.counts() == {"store": 2}


def test_a_serial_that_is_there_already_is_issued_to_nobody(domain: Founded, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = domain.issuer()
    monkeypatch.setattr(certificate, "new_serial", lambda: 77)
    assert leaf(issuer.mint(NODE, [ask()])[0]).serial_number == 77
    with pytest.raises(IntegrityError):
        issuer.mint(NODE, [ask()])
    assert issued(domain) == 1
    assert len(domain.recorded("svid.issued")) == 1


def test_many_threads_of_two_issuers_never_share_a_serial(domain: Founded) -> None:
    issuers = [domain.issuer(), domain.issuer()]
    with ThreadPoolExecutor(8) as pool:
        batches = list(pool.map(lambda number: issuers[number % 2].mint(NODE, [ask(), ask(), ask()]), range(40)))
    serials = [leaf(answer).serial_number for batch in batches for answer in batch]
    assert len(set(serials)) == 120
    assert sorted(str(each["serial"]) for each in domain.recorded("svid.issued")) == sorted(f"{s:x}" for s in serials)


def test_lifetimes_are_those_of_the_entry_or_the_domain(domain: Founded) -> None:
    domain.register(entry("brief", 1001, x509_lifetime=60, jwt_lifetime=5, dns_names=("brief.shop.example",)))
    issuer = domain.issuer()
    made = leaf(issuer.mint(NODE, [ask("brief", 1001)])[0])
    assert made.not_valid_after_utc == domain.clock() + timedelta(seconds=60)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["brief.shop.example"]
    bundles = {DOMAIN: domain.state.bundle}
    for name, uid, lifetime in (("brief", 1001, 5), ("cart", 1000, 300)):
        said = issuer.mint_token(NODE, name, ("db",), witness(uid))
        spiffe_id, claims = token.validate(said, "db", bundles, domain.clock())
        assert (spiffe_id, claims["exp"] - claims["iat"]) == (DOMAIN.member(f"/{name}"), lifetime)


@pytest.mark.parametrize("lifetime", [-1, 28801])
def test_an_entry_or_a_request_cannot_outlive_what_authorities_guarantee(domain: Founded, lifetime: int) -> None:
    wrong = f"`{CART}` cannot live that long: between 0 (the domain's) and 28800 s, a sixth of an intermediate"
    for field in ("x509_lifetime", "jwt_lifetime"):
        with pytest.raises(IdentityError) as raised:
            domain.register(replace(entry(), **{field: lifetime}))
        assert str(raised.value) == wrong
    with pytest.raises(RefusedError) as refused:
        domain.issuer().directly(CART, ask().request, lifetime, (), ADMINISTRATOR)
    assert str(refused.value) == f"{lifetime} s is no lifetime here: 0 to 28800 s, a sixth of an intermediate's"


def test_a_certificate_asked_for_directly_is_of_this_domain_for_a_request_that_holds(domain: Founded) -> None:
    issuer = domain.issuer()
    with pytest.raises(RefusedError, match="is of another trust domain: this one is"):
        issuer.directly(parse("spiffe://bank.example/cart"), ask().request, 0, (), ADMINISTRATOR)
    with pytest.raises(RefusedError, match="is the ID of no workload"):
        issuer.directly(parse(DOMAIN.id), ask(spiffe_id=DOMAIN.id).request, 0, (), ADMINISTRATOR)
    elsewhere = ask(spiffe_id="spiffe://bank.example/licet/agent/new").request
    with pytest.raises(RefusedError, match="not of `bank"):
        issuer.directly(DOMAIN.member("/licet/agent/join/node-7"), elsewhere, 0, (), ADMINISTRATOR)
    with pytest.raises(MalformedError):
        issuer.directly(CART, b"", 0, (), ADMINISTRATOR)
    with pytest.raises(RefusedError, match="the request names"):
        issuer.directly(DOMAIN.member("/cash"), ask().request, 0, (), ADMINISTRATOR)
    assert leaf(issuer.directly(CART, ask().request, 60, (), ADMINISTRATOR)).not_valid_after_utc == (
        domain.clock() + timedelta(seconds=60)
    )


@pytest.mark.parametrize("path", ["/licet", "/licet/server", "/licet/agent/join/x"])
def test_names_of_servers_and_agents_are_nobody_elses(domain: Founded, path: str) -> None:
    with pytest.raises(IdentityError, match="is reserved: nothing may be registered below `/licet/`"):
        domain.register(replace(entry(), spiffe_id=DOMAIN.member(path)))
    for name in ("licet-identity-server", "LICET-identity-server."):
        with pytest.raises(IdentityError, match="`licet-identity-server` is reserved"):
            domain.register(entry(dns_names=(name,)))


def test_an_issuer_that_has_expired_signs_nothing(domain: Founded) -> None:
    issuer = domain.issuer()
    domain.clock.pass_by(3 * 86400)
    with pytest.raises(UnavailableError, match="no intermediate authority signs now: `licet identity doctor` says why"):
        issuer.mint(NODE, [ask()])
    with pytest.raises(UnavailableError, match="no jwt authority signs now"):
        issuer.mint_token(NODE, "cart", ("db",), witness())
    domain.reconcile()
    assert isinstance(issuer.mint(NODE, [ask()])[0], Issued)


def test_witnesses_that_cannot_be_recorded_refuse_themselves_alone(domain: Founded) -> None:
    odd = Ask("cart", ask().request, Witness(1, 1000, 1000, ("unix:uid:1000", "unix:path:/tmp/\udcff")))
    answers = domain.issuer().mint(NODE, [ask(), odd])
    assert [type(answer) for answer in answers] == [Issued, Refusal]
    assert issued(domain) == 1


@pytest.mark.parametrize("kind", list(KeyKind))
def test_workloads_choose_the_kind_of_their_keys(domain: Founded, kind: KeyKind) -> None:
    made = leaf(domain.issuer().mint(NODE, [ask(key=generate(kind))])[0])
    assert kind_of(made.public_key()) is kind


@pytest.mark.parametrize("kind", [KeyKind.EC_P384, KeyKind.ED25519])
def test_domains_of_other_keys_issue_certificates_and_tokens(tmp_path: Path, kind: KeyKind) -> None:
    with founded(tmp_path, kind=kind) as domain:
        domain.register(entry())
        issuer = domain.issuer()
        [answer] = issuer.mint(NODE, [ask()])
        assert isinstance(answer, Issued)
        assert certificate.verify(answer.chain, domain.state.bundle.x509, domain.clock()) == CART
        said = issuer.mint_token(NODE, "cart", ("db",), witness())
        assert token.validate(said, "db", {DOMAIN: domain.state.bundle}, domain.clock())[0] == CART
