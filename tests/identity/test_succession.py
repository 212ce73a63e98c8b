"""Each step of a succession by itself: what it asks for, what it leaves, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from licet.identity.authority import Authority, Kind, Standing, active, prepared
from licet.identity.errors import IdentityError, UnavailableError
from licet.identity.keyring import Keyring
from licet.identity.succession import Succession
from licet.store import tables
from tests.identity.domains import NODE, Founded, ask, entry, founded

P, A, R, T, GONE = Standing.PREPARED, Standing.ACTIVE, Standing.RETIRED, Standing.TAINTED, Standing.REVOKED


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[Founded]:
    with founded(tmp_path) as made:
        yield made


def standings(domain: Founded, kind: Kind) -> list[Standing]:
    return sorted((a.standing for a in domain.state.authorities if a.kind is kind), key=list(Standing).index)


def signing(domain: Founded, kind: Kind) -> Authority:
    found = active(domain.state.authorities, kind)
    assert found is not None
    return found


def waiting(domain: Founded, kind: Kind) -> Authority:
    found = prepared(domain.state.authorities, kind)
    assert found is not None
    return found


def kept(domain: Founded, authority: Authority) -> Authority:
    return next(a for a in domain.state.authorities if a.id == authority.id)


def alter(domain: Founded, authority: Authority, **values: object) -> None:
    with domain.database.write() as connection:
        connection.execute(update(tables.authority).where(tables.authority.c.id == authority.id).values(**values))


def test_a_domain_begins_with_a_root_that_signs_and_one_in_reserve(domain: Founded) -> None:
    assert standings(domain, Kind.ROOT) == [P, A]
    assert standings(domain, Kind.INTERMEDIATE) == [A]
    assert standings(domain, Kind.JWT) == [A]
    assert signing(domain, Kind.INTERMEDIATE).issuer == signing(domain, Kind.ROOT).id


def test_a_new_root_takes_over_with_an_intermediate_of_its_own(domain: Founded) -> None:
    root, reserve = signing(domain, Kind.ROOT), waiting(domain, Kind.ROOT)
    under = domain.succeed(lambda succession: succession.prepare(Kind.INTERMEDIATE))
    domain.succeed(lambda succession: succession.activate(reserve))
    assert kept(domain, root).standing is R
    assert kept(domain, under).standing is GONE
    assert signing(domain, Kind.ROOT).id == reserve.id
    assert signing(domain, Kind.INTERMEDIATE).issuer == reserve.id
    assert root.certificate in domain.state.bundle.x509
    assert domain.state.reissue == {under.id}


@pytest.mark.parametrize("standing", [A, R, T, GONE])
def test_only_what_is_prepared_is_activated(domain: Founded, standing: Standing) -> None:
    root = signing(domain, Kind.ROOT)
    alter(domain, root, state=standing.value)
    before = domain.state
    with pytest.raises(IdentityError) as raised:
        domain.succeed(lambda succession: succession.activate(kept(domain, root)))
    assert str(raised.value) == (
        f"Authority(root {root.id[:12]}, {standing.value}) is not prepared: `licet identity status` shows which are"
    )
    assert domain.state == before


def test_what_signs_is_not_revoked(domain: Founded) -> None:
    before = domain.state
    for kind in Kind:
        with pytest.raises(IdentityError, match="signs: rotate first"):
            domain.succeed(lambda succession, kind=kind: succession.revoke(signing(domain, kind), "why not"))  # type: ignore[misc]
    assert domain.state == before


def test_a_stolen_root_goes_with_everything_below_and_the_reserve_signs(domain: Founded) -> None:
    root, reserve, under = signing(domain, Kind.ROOT), waiting(domain, Kind.ROOT), signing(domain, Kind.INTERMEDIATE)
    domain.succeed(lambda succession: succession.activate(succession.prepare(Kind.INTERMEDIATE)))
    second = signing(domain, Kind.INTERMEDIATE)
    domain.succeed(lambda succession: succession.taint(root))
    assert [kept(domain, each).standing for each in (root, under, second, reserve)] == [T, T, T, A]
    assert domain.state.reissue == {under.id, second.id}
    domain.succeed(lambda succession: succession.revoke(kept(domain, root), "stolen"))
    assert [kept(domain, each).standing for each in (root, under, second)] == [GONE, GONE, GONE]
    assert [kept(domain, each).handle for each in (root, under, second)] == [None, None, None]
    assert domain.state.reissue == {under.id, second.id}
    assert domain.state.bundle.x509 == (reserve.certificate,)


def test_a_stolen_intermediate_takes_its_root_with_it(domain: Founded) -> None:
    root, under = signing(domain, Kind.ROOT), signing(domain, Kind.INTERMEDIATE)
    domain.succeed(lambda succession: succession.taint(under))
    assert [kept(domain, each).standing for each in (root, under)] == [T, T]


def test_a_stolen_reserve_is_replaced_and_what_signs_goes_on(domain: Founded) -> None:
    root, reserve = signing(domain, Kind.ROOT), waiting(domain, Kind.ROOT)
    domain.succeed(lambda succession: succession.taint(reserve))
    domain.reconcile()
    assert [kept(domain, each).standing for each in (root, reserve)] == [A, T]
    assert waiting(domain, Kind.ROOT).id != reserve.id


def test_a_retired_root_can_be_tainted_with_what_is_below(domain: Founded) -> None:
    root, under, reserve = signing(domain, Kind.ROOT), signing(domain, Kind.INTERMEDIATE), waiting(domain, Kind.ROOT)
    domain.succeed(lambda succession: succession.activate(reserve))
    domain.succeed(lambda succession: succession.taint(kept(domain, root)))
    assert [kept(domain, each).standing for each in (root, under, reserve)] == [T, T, A]
    assert domain.state.reissue == {under.id}


def test_tainting_twice_is_tainting_once_and_the_revoked_cannot_be(domain: Founded) -> None:
    root = signing(domain, Kind.ROOT)
    domain.succeed(lambda succession: succession.taint(root))
    before = domain.state
    domain.succeed(lambda succession: succession.taint(kept(domain, root)))
    assert domain.state == before
    domain.succeed(lambda succession: succession.revoke(kept(domain, root), "stolen"))
    with pytest.raises(IdentityError) as raised:
        domain.succeed(lambda succession: succession.taint(kept(domain, root)))
    assert str(raised.value) == (
        f"Authority(root {root.id[:12]}, revoked) is revoked already: nothing believes it any more"
    )


def test_a_stolen_jwt_key_is_replaced_and_no_certificate_is(domain: Founded) -> None:
    key = signing(domain, Kind.JWT)
    domain.succeed(lambda succession: succession.taint(key))
    assert kept(domain, key).standing is T
    assert signing(domain, Kind.JWT).id != key.id
    assert domain.state.reissue == frozenset()
    assert len(domain.state.bundle.jwt) == 2
    domain.succeed(lambda succession: succession.revoke(kept(domain, key), "stolen"))
    assert [each.kid for each in domain.state.bundle.jwt] == [signing(domain, Kind.JWT).id[:32]]


def test_a_theft_is_answered_though_no_reserve_is_there_or_it_is_about_to_expire(domain: Founded) -> None:
    root, reserve = signing(domain, Kind.ROOT), waiting(domain, Kind.ROOT)
    domain.succeed(lambda succession: succession.revoke(reserve, "lost"))
    domain.succeed(lambda succession: succession.taint(root))
    assert kept(domain, root).standing is T
    second = domain.succeed(lambda succession: succession.prepare(Kind.ROOT))
    domain.clock.pass_by(domain.state.settings.lifetimes.root - 60)
    domain.succeed(lambda succession: succession.taint(signing(domain, Kind.ROOT)))
    assert signing(domain, Kind.ROOT).id != second.id


def test_what_is_about_to_expire_is_not_activated(domain: Founded) -> None:
    reserve = waiting(domain, Kind.ROOT)
    domain.clock.pass_by(domain.state.settings.lifetimes.root - 60)
    with pytest.raises(IdentityError, match="is about to expire: prepare another: `licet identity rotate`"):
        domain.succeed(lambda succession: succession.activate(reserve))


def test_a_key_or_certificate_that_was_swapped_in_the_store_is_refused_before_anything_hangs_on_it(
    domain: Founded,
) -> None:
    root, reserve = signing(domain, Kind.ROOT), waiting(domain, Kind.ROOT)
    alter(domain, reserve, handle=root.handle)
    fresh = Keyring(domain.state.trust_domain, domain.keyring._keepers)
    domain.keyring = fresh
    before = domain.state
    with pytest.raises(IdentityError) as raised:
        domain.succeed(lambda succession: succession.activate(reserve_of(succession, reserve)))
    assert str(raised.value) == (
        f"the key that `sealed` gives for Authority(root {reserve.id[:12]}, prepared) is another one: "
        "the store or the keeper was altered: restore the domain from a backup"
    )
    assert domain.state == before
    alter(domain, reserve, handle=reserve.handle, certificate=root.certificate)
    before = domain.state
    with pytest.raises(IdentityError) as raised:
        domain.succeed(lambda succession: succession.activate(reserve_of(succession, reserve)))
    assert raised.value.message == f"the certificate of Authority(root {reserve.id[:12]}, prepared) is another one"
    assert domain.state == before


def reserve_of(succession: Succession, authority: Authority) -> Authority:
    return next(a for a in succession.state.authorities if a.id == authority.id)


def test_a_key_for_one_purpose_is_not_opened_for_another(domain: Founded) -> None:
    jwt, under = signing(domain, Kind.JWT), signing(domain, Kind.INTERMEDIATE)
    alter(domain, under, handle=jwt.handle)
    domain.keyring = Keyring(domain.state.trust_domain, domain.keyring._keepers)
    domain.register(entry())
    before = domain.recorded()
    with pytest.raises(UnavailableError, match="restore"):
        domain.issuer().mint(NODE, [ask()])
    assert domain.recorded() == before


def test_an_intermediate_with_a_forged_certificate_signs_nothing(domain: Founded) -> None:
    under = signing(domain, Kind.INTERMEDIATE)
    alter(domain, under, certificate=signing(domain, Kind.ROOT).certificate)
    domain.register(entry())
    with pytest.raises(UnavailableError, match="cannot sign"):
        domain.issuer().mint(NODE, [ask()])


def test_a_step_that_fails_leaves_nothing(domain: Founded) -> None:
    def half(succession: Succession) -> None:
        succession.activate(waiting(domain, Kind.ROOT))
        raise IdentityError("on second thoughts", "no")

    before, log = domain.state, domain.recorded()
    with pytest.raises(IdentityError, match="on second thoughts"):
        domain.succeed(half)
    assert domain.state == before
    assert domain.recorded() == log


def test_the_sequence_grows_with_every_change_of_the_bundle(domain: Founded) -> None:
    """SPIFFE_Trust_Domain_and_Bundle.md 4.1.1; and with nothing else, so that nobody fetches what they have."""
    root = signing(domain, Kind.ROOT)
    steps: list[tuple[Callable[[Succession], object], bool]] = [
        (lambda succession: succession.prepare(Kind.JWT), True),
        (lambda succession: succession.activate(waiting(domain, Kind.JWT)), False),
        (lambda succession: succession.prepare(Kind.INTERMEDIATE), False),
        (lambda succession: succession.activate(waiting(domain, Kind.INTERMEDIATE)), False),
        (lambda succession: succession.activate(waiting(domain, Kind.ROOT)), False),
        (lambda succession: succession.prepare(Kind.ROOT), True),
        (lambda succession: succession.revoke(kept(domain, root), "over"), True),
    ]
    for number, (step, changes) in enumerate(steps):
        before = domain.state.bundle
        domain.succeed(step)
        after = domain.state.bundle
        assert ((before.x509, before.jwt) != (after.x509, after.jwt), after.sequence > before.sequence) == (
            changes,
            changes,
        ), number
    before = domain.state.bundle
    domain.register(entry())
    assert domain.state.bundle == before


def test_each_step_is_recorded_with_the_authority_it_is_about(domain: Founded) -> None:
    root = signing(domain, Kind.ROOT)
    domain.succeed(lambda succession: succession.taint(root))
    [tainted] = [each for each in domain.recorded("authority.tainted") if each["id"] == root.id]
    assert tainted == {
        "id": root.id,
        "kind": "root",
        "issuer": None,
        "not_before": "2026-06-01T11:59:30.000000Z",
        "not_after": "2027-06-01T12:00:00.000000Z",
    }


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "queen"},
        {"state": "asleep"},
        {"not_after": "tomorrow"},
    ],
)
def test_a_row_that_nobody_can_have_written_is_told_in_one_line(domain: Founded, values: dict[str, str]) -> None:
    alter(domain, signing(domain, Kind.JWT), **values)
    with pytest.raises(IdentityError, match="restore the domain from a backup"):
        _ = domain.state


@pytest.mark.parametrize("body", ["{", "[]", '{"id": 5}'])
def test_an_entry_that_nobody_can_have_written_is_told_in_one_line(domain: Founded, body: str) -> None:
    domain.register(entry())
    with domain.database.write() as connection:
        connection.execute(update(tables.entry).values(body=body))
        assert connection.execute(select(tables.entry.c.body)).scalar() == body
    with pytest.raises(IdentityError, match="restore the domain from a backup"):
        _ = domain.state
