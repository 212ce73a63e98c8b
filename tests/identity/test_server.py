"""What agents meet: joining, renewing, being banned, hearing of changes; and a server that outlives what fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update

from licet.audit.ledger import Change
from licet.identity import certificate, path, registry, request
from licet.identity.attest import join_token
from licet.identity.authority import Kind, active
from licet.identity.bundle import Bundle
from licet.identity.domain import Foreign
from licet.identity.errors import IdentityError, RefusedError, UnavailableError
from licet.identity.keys import KeyKind, generate
from licet.identity.node.authority import Admission
from licet.identity.node.upstream import Delivery, NodeState
from licet.identity.server import Server
from licet.identity.spiffeid import SpiffeID, TrustDomain
from licet.store import tables
from licet.store.moment import text
from tests.identity.authorities import Authority
from tests.identity.domains import ADMINISTRATOR, DOMAIN, NODE, Founded, ask, entry, founded, witness

AGENT = DOMAIN.member("/licet/agent/join/one")
CSR = request.make(generate(KeyKind.EC_P256), DOMAIN.member("/licet/agent/new"))


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[Founded]:
    with founded(tmp_path) as made:
        yield made


def serving(domain: Founded) -> Server:
    return Server(domain.issuer(), domain.ledger, domain.keyring, domain.clock)


def token(domain: Founded, agent: SpiffeID = AGENT, seconds: float = 600) -> str:
    made, digest = join_token.new()
    ends = text(domain.clock() + timedelta(seconds=seconds))
    row = insert(tables.join_token).values(digest=digest, spiffe_id=str(agent), expires_at=ends)
    domain.change(lambda change: change.connection.execute(row))
    return made


def ban(domain: Founded, *, banned: bool = True) -> None:
    row = update(tables.node).where(tables.node.c.spiffe_id == str(AGENT)).values(banned=int(banned))
    domain.change(lambda change: change.connection.execute(row))


def serial(admission: Admission) -> str:
    return f"{path.read(admission.chain)[0].serial_number:x}"


def rows(domain: Founded, table: str) -> int:
    with domain.database.read() as connection:
        return connection.execute(select(func.count()).select_from(tables.metadata.tables[table])).scalar_one()


async def refused(call: Awaitable[object], kind: type[IdentityError] = RefusedError) -> str:
    with pytest.raises(kind) as raised:
        await call
    return str(raised.value)


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[None]:
    task = asyncio.create_task(server.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)


def test_a_join_token_brings_in_one_agent_once(domain: Founded) -> None:
    async def story() -> None:
        server, made = serving(domain), token(domain)
        admission = await server.attest_join(made, CSR)
        assert certificate.verify(admission.chain, admission.bundle.x509, domain.clock()) == AGENT
        await server.admit(AGENT, serial(admission))
        said = await refused(server.attest_join(made, CSR))
        assert said.startswith("this join token has been used: ")
        late = token(domain, seconds=5)
        domain.clock.pass_by(5)
        assert (await refused(server.attest_join(late, CSR))).startswith("this join token has expired: ")
        for stranger in ("guessed", "", "x" * 100_000, "\udcff"):
            assert (await refused(server.attest_join(stranger, CSR))).startswith("this join token is not known: ")

    asyncio.run(story())
    assert domain.recorded("node.attested") == [{"method": "join token"}]


def test_of_two_that_race_with_one_token_on_two_servers_one_joins(domain: Founded) -> None:
    async def story() -> None:
        made, servers = token(domain), [serving(domain), serving(domain)]
        answers = await asyncio.gather(
            *(servers[number % 2].attest_join(made, CSR) for number in range(8)), return_exceptions=True
        )
        [admission] = [answer for answer in answers if isinstance(answer, Admission)]
        assert sum(isinstance(answer, RefusedError) for answer in answers) == 7
        await servers[1].admit(AGENT, serial(admission))

    asyncio.run(story())
    assert len(domain.recorded("node.attested")) == 1


def test_a_token_is_not_used_up_by_what_brings_nobody_in(domain: Founded) -> None:
    async def story() -> None:
        server, made = serving(domain), token(domain, seconds=20 * 86400)
        await refused(server.attest_join(made, b"garbage"), IdentityError)
        domain.clock.pass_by(5 * 86400)
        assert (await refused(server.attest_join(made, CSR), UnavailableError)).startswith("no intermediate authority")
        domain.reconcile()
        await server.attest_join(made, CSR)

    asyncio.run(story())


def test_an_agent_is_known_by_its_newest_certificate_and_the_one_before(domain: Founded) -> None:
    async def story() -> None:
        server = serving(domain)
        serials = [serial(await server.attest_join(token(domain), CSR))]
        serials += [serial(await server.renew(AGENT, CSR)) for _ in range(2)]
        for known in serials[1:]:
            await server.admit(AGENT, known)
        assert await refused(server.admit(AGENT, serials[0])) == (
            f"`{AGENT}` shows a certificate that was replaced: another agent has joined as it"
        )
        anew = serial(await server.attest_join(token(domain), CSR))
        await server.admit(AGENT, anew)
        for old in serials:
            await refused(server.admit(AGENT, old))
        assert await refused(server.admit(NODE, anew)) == f"`{NODE}` is unknown: let it join anew with another token"

    asyncio.run(story())


def test_a_banned_agent_gets_nothing_until_it_is_permitted(domain: Founded) -> None:
    async def story() -> None:
        server = serving(domain)
        known = serial(await server.attest_join(token(domain), CSR))
        ban(domain)
        before = domain.recorded("svid.issued")
        said = f"`{AGENT}` is banned: `licet identity agents permit` takes that back"
        assert await refused(server.admit(AGENT, known)) == said
        assert await refused(server.renew(AGENT, CSR)) == said
        made = token(domain)
        assert await refused(server.attest_join(made, CSR)) == said
        assert domain.recorded("svid.issued") == before
        ban(domain, banned=False)
        await server.admit(AGENT, known)
        await server.attest_join(made, CSR)

    asyncio.run(story())


def test_an_agent_in_the_same_process_has_no_certificate_that_anybody_could_show(domain: Founded) -> None:
    async def story() -> None:
        server = serving(domain)
        await server.register(AGENT, "embedded")
        for shown in ("", " ", "0"):
            await refused(server.admit(AGENT, shown))

    asyncio.run(story())


def test_states_come_at_once_and_then_only_when_something_changed(domain: Founded) -> None:
    async def story() -> None:
        domain.register(entry(), entry("mine", 1001, nodes=(AGENT,)), entry("theirs", 1002, nodes=(NODE,)))
        server = serving(domain)
        async with running(server):
            states = server.upstream(AGENT).states()
            first = await anext(states)
            state = domain.state
            assert {each.id for each in first.entries} == {"cart", "mine"}
            assert first == NodeState(state.version, first.entries, state.bundle, {}, frozenset(), frozenset())
            coming = asyncio.ensure_future(anext(states))
            await server.applied(AGENT, first.version)
            domain.register(entry("late", 1003))
            second = await coming
            assert second.version > first.version
            assert {each.id for each in second.entries} == {"cart", "mine", "late"}
            domain.change(lambda change: registry.deny(change, entry().spiffe_id, "", domain.clock(), ADMINISTRATOR))
            assert (await anext(states)).denied == {entry().spiffe_id}
            root = active(domain.state.authorities, Kind.ROOT)
            assert root is not None
            under = active(domain.state.authorities, Kind.INTERMEDIATE)
            assert under is not None
            domain.succeed(lambda succession: succession.taint(root))
            assert (await anext(states)).reissue == {under.id}
            await states.aclose()

    asyncio.run(story())


def test_nodes_share_the_entries_that_are_everybodys(domain: Founded) -> None:
    async def story() -> None:
        domain.register(entry(), entry("mine", 1001, nodes=(AGENT,)))
        server = serving(domain)
        one = await anext(server.upstream(NODE).states())
        two = await anext(server.upstream(DOMAIN.member("/licet/agent/two")).states())
        mine = await anext(server.upstream(AGENT).states())
        again = await anext(server.upstream(AGENT).states())
        assert one.entries is two.entries
        assert mine.entries is again.entries

    asyncio.run(story())


def test_bundles_of_distrusted_and_of_unknown_domains_are_not_handed_on(domain: Founded) -> None:
    bank, post = TrustDomain("bank.example"), TrustDomain("post.example")

    def foreign(name: TrustDomain, bundle: Bundle | None, *, distrusted: bool) -> Foreign:
        return Foreign(name, "https_web", "https://x", "", bundle, domain.clock(), "", distrusted)

    def write(change: Change, *, distrusted: bool) -> None:
        known = Authority.of(bank.name).bundle
        registry.federate(change, foreign(bank, known, distrusted=distrusted), ADMINISTRATOR)
        registry.federate(change, foreign(post, None, distrusted=False), ADMINISTRATOR)

    async def federated() -> set[TrustDomain]:
        return set((await anext(serving(domain).upstream(NODE).states())).federated)

    domain.change(lambda change: write(change, distrusted=False))
    assert asyncio.run(federated()) == {bank}
    domain.change(lambda change: write(change, distrusted=True))
    assert asyncio.run(federated()) == set()


def test_a_foreign_bundle_that_cannot_be_read_fails_its_domain_alone(domain: Founded) -> None:
    bank = TrustDomain("bank.example")
    foreign = Foreign(bank, "", "", "", Authority.of(bank.name).bundle, domain.clock(), "", distrusted=False)
    domain.change(lambda change: registry.federate(change, foreign, ADMINISTRATOR))
    domain.change(lambda change: change.connection.execute(update(tables.foreign_domain).values(bundle="{")))
    [kept] = domain.state.foreign
    assert (kept.bundle, kept.failure) == (None, "the bundle that is stored cannot be read: a bundle is no JWK Set")
    assert domain.state.federated == {}


def test_deliveries_are_recorded_with_who_got_what(domain: Founded) -> None:
    domain.register(entry())
    issuer = domain.issuer()
    for _ in range(2):
        issuer.mint(NODE, [ask()])
    serials = [str(issued["serial"]) for issued in domain.recorded("svid.issued")]
    other = entry().spiffe_id.trust_domain.member("/other")

    async def story() -> None:
        upstream = serving(domain).upstream(NODE)
        await upstream.report(
            [
                *(Delivery(entry().spiffe_id, serial, witness()) for serial in serials),
                Delivery(entry().spiffe_id, "ab", witness()),
                Delivery(other, serials[0], witness()),
            ]
        )

    asyncio.run(story())
    assert domain.recorded("svid.delivered") == [
        {"spiffe_id": str(entry().spiffe_id), "serial": serial} for serial in serials
    ]


def test_no_node_follows_a_version_that_there_is_not_yet(domain: Founded) -> None:
    async def story() -> None:
        upstream = serving(domain).upstream(NODE)
        with pytest.raises(RefusedError, match="there is no version 1000 of the domain"):
            await upstream.applied(1000)

    asyncio.run(story())


def test_what_a_node_follows_and_when_it_was_heard_of_is_remembered(domain: Founded) -> None:
    async def story() -> None:
        server = serving(domain)
        await server.register(NODE, "embedded")
        domain.clock.pass_by(60)
        await server.upstream(NODE).applied(7)

    asyncio.run(story())
    with domain.database.read() as connection:
        row = connection.execute(select(tables.node)).one()
    assert (row.applied_version, row.seen_at) == (7, text(domain.clock()))


def test_what_has_expired_is_forgotten_and_stays_in_the_log(domain: Founded) -> None:
    async def story() -> None:
        domain.register(entry())
        server = serving(domain)
        token(domain)
        await server.upstream(NODE).mint([ask()])
        domain.clock.pass_by(700)
        await server.catch_up()
        assert (rows(domain, "issuance"), rows(domain, "join_token")) == (1, 0)
        domain.clock.pass_by(3600)
        await server.catch_up()
        assert (rows(domain, "issuance"), rows(domain, "join_token")) == (0, 0)

    asyncio.run(story())
    assert len(domain.recorded("svid.issued")) == 1


def test_a_server_that_cannot_rotate_says_so_goes_on_and_recovers(domain: Founded) -> None:
    async def story() -> None:
        server = serving(domain)
        keepers, domain.keyring._keepers = domain.keyring._keepers, {}
        async with running(server):
            domain.clock.pass_by(30 * 3600)
            await until(lambda: server.failure != "")
            assert server.failure == "nothing here keeps keys by `sealed`: there are "
            domain.register(entry())
            await until(lambda: "cart" in server.state.entries)
            domain.keyring._keepers = keepers
            await until(lambda: len([a for a in server.state.authorities if a.kind is Kind.INTERMEDIATE]) == 2)
            assert server.failure == ""

    asyncio.run(story())


def test_a_server_outlives_what_nobody_foresaw(domain: Founded, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        server = serving(domain)

        def broken(*_: object) -> None:
            raise ZeroDivisionError("secret words")

        with monkeypatch.context() as patched:
            patched.setattr("licet.identity.server.plan", broken)
            async with running(server):
                await until(lambda: server.failure == "ZeroDivisionError")
                domain.register(entry())
                await until(lambda: "cart" in server.state.entries)

    asyncio.run(story())


def test_a_server_has_the_keys_of_what_it_revokes_destroyed(domain: Founded, monkeypatch: pytest.MonkeyPatch) -> None:
    destroyed: list[str] = []
    monkeypatch.setattr(domain.keyring, "destroy", lambda authority: destroyed.append(authority.id))
    under = active(domain.state.authorities, Kind.INTERMEDIATE)
    assert under is not None

    async def story() -> None:
        server = serving(domain)
        for _ in range(4):
            domain.clock.pass_by(domain.state.settings.lifetimes.intermediate / 2)
            await server.catch_up()

    asyncio.run(story())
    revoked = {str(each["id"]) for each in domain.recorded("authority.revoked")}
    assert under.id in revoked
    assert sorted(destroyed) == sorted(revoked)


def test_keys_of_revoked_authorities_do_not_stay_open(domain: Founded) -> None:
    async def story() -> None:
        domain.register(entry())
        server, other = serving(domain), domain.keyring._open
        await server.upstream(NODE).mint([ask()])
        root, under = (active(domain.state.authorities, kind) for kind in (Kind.ROOT, Kind.INTERMEDIATE))
        assert root is not None
        assert under is not None
        key = other[under.id]
        domain.succeed(lambda succession: succession.taint(root))
        tainted = next(a for a in domain.state.authorities if a.id == root.id)
        domain.succeed(lambda succession: succession.revoke(tainted, "stolen"))
        other[under.id] = key
        await server.catch_up()
        assert under.id not in other

    asyncio.run(story())
