"""A server and a node that run are watched over HTTP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest
import yaml
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from licet.app.identity.domain import Domain, found, opened
from licet.app.identity.place import Place, now
from licet.app.identity.registration import add
from licet.identity.domain import Settings
from licet.identity.entry import Entry
from licet.identity.errors import IdentityError, RefusedError
from licet.identity.issuer import Issuer
from licet.identity.node.agent import Agent
from licet.identity.server import Server
from licet.identity.spiffeid import TrustDomain, parse
from licet.identity.watch.health import Health
from licet.identity.watch.subject import Serving, Subject
from licet.identity.workload.source import Peer

ALERTS = Path(__file__).parents[3] / "deploy" / "prometheus" / "identity-alerts.yaml"
DOMAIN = TrustDomain("shop.example")
CART = Entry(id="cart", spiffe_id=parse("spiffe://shop.example/cart"), selectors=("unix:uid:1000",), x509_lifetime=600)
PEER = Peer(4711, 1, 1000, 1000, frozenset(CART.selectors))
STRANGER = Peer(4712, 1, 1001, 1001, frozenset({"unix:uid:1001"}))


class Running(msgspec.Struct, frozen=True):
    """What a test has before it: the parts, and the port that they are watched on."""

    domain: Domain
    serving: Serving
    agent: Agent
    url: str

    async def get(self, path: str) -> tuple[int, str]:
        """Status and body of what is answered."""
        async with ClientSession() as session, session.get(self.url + path) as response:
            return response.status, await response.text()

    async def samples(self) -> dict[str, float]:
        """Every sample by its name and labels, but for those of the process."""
        status, text = await self.get("/metrics")
        assert status == 200
        return {
            sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if family.name.startswith("licet_")
        }


@asynccontextmanager
async def running(data: Path, *, follow: bool = True) -> AsyncIterator[Running]:
    """A domain with one entry, its server, and a node in the same process."""
    place = Place(data)
    found(place, DOMAIN, Settings(), passphrase=False)
    add(place, [CART])
    with opened(place) as domain:
        issuer = Issuer(domain.database, domain.ledger, domain.keyring, now)
        server = Server(issuer, domain.ledger, domain.keyring, now)
        name = DOMAIN.member("/licet/agent/one")
        await server.register(name, "embedded")
        agent = Agent(server.upstream(name), server.state.settings.key_kind, now, Random(1))
        work = [asyncio.create_task(agent.run())] if follow else []
        serving = Serving(server, issuer, domain.ledger, domain.database)
        health = Health(Subject(now, serving, agent))
        port = await health.start("127.0.0.1", 0)
        try:
            yield Running(domain, serving, agent, f"http://127.0.0.1:{port}")
        finally:
            await health.stop()
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)


async def until_ready(agent: Agent) -> None:
    async with asyncio.timeout(20):
        while not agent.ready:
            await asyncio.sleep(0.01)


def test_what_is_issued_and_refused_is_counted_and_the_outage_budget_is_that_of_what_is_held(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path / "data") as run:
            await until_ready(run.agent)
            before = await run.samples()
            assert "licet_identity_outage_budget_seconds" not in before
            view = await anext(run.agent.views(PEER, keys=True))
            await run.agent.tokens(PEER, ("db",), None)
            with pytest.raises(RefusedError):
                await anext(run.agent.views(STRANGER, keys=True))
            after = await run.samples()
        wanted = {
            "licet_identity_issued_total x509": 1,
            "licet_identity_issued_total jwt": 1,
            "licet_identity_svids_held": 1,
            "licet_identity_unregistered_workloads_total": 1,
        }
        assert {name: before[name] for name in wanted} == dict.fromkeys(wanted, 0)
        assert {name: after[name] for name in wanted} == wanted
        left = (view.svids[0].not_after - now()).total_seconds()
        assert after["licet_identity_outage_budget_seconds"] == pytest.approx(left, abs=20)
        assert after["licet_identity_guaranteed_outage_budget_seconds"] == 600 * 0.45

    asyncio.run(story())


def test_authorities_the_bundle_the_log_and_nodes_are_told_as_they_are_stored(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path / "data") as run:
            await until_ready(run.agent)
            samples = await run.samples()
            state = run.domain.state()
        for each in state.authorities:
            labels = f"{each.id[:16]} {each.kind.value} {each.standing.value}"
            assert samples[f"licet_identity_authority_expiry_timestamp_seconds {labels}"] == each.not_after.timestamp()
            assert 0.9 < samples[f"licet_identity_authority_remaining_ratio {labels}"] <= 1
            assert 30 <= samples[f"licet_identity_authority_age_seconds {labels}"] < 90
        assert samples["licet_identity_authority_successors root"] == 1
        assert samples["licet_identity_authority_successors jwt"] == 0
        assert samples["licet_identity_bundle_sequence"] == state.bundle.sequence
        assert samples["licet_identity_node_bundle_sequence"] == state.bundle.sequence
        assert 0 <= samples["licet_identity_bundle_age_seconds"] < 60
        assert samples["licet_identity_nodes live"] == 1
        assert samples["licet_identity_writer_up"] == 1
        assert samples["licet_identity_log_records"] > len(state.authorities)

    asyncio.run(story())


def test_every_metric_has_help_and_a_name_that_prometheus_would_give_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path / "data") as run:
            await until_ready(run.agent)
            _, text = await run.get("/metrics")
        families = [each for each in text_string_to_metric_families(text) if each.name.startswith("licet")]
        assert len(families) > 25
        for family in families:
            assert re.fullmatch(r"licet_identity_[a-z0-9_]+", family.name)
            assert family.documentation.endswith(".")
            assert not family.name.endswith(("_total", "_count", "_ms", "_minutes"))

    asyncio.run(story())


def test_alerts_ask_for_metrics_and_labels_that_there_are(tmp_path: Path) -> None:
    """What there is nothing of yet is there by its name; a gauge of what is held needs something to be held."""
    rules = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]
    wanted = {name for rule in rules for name in re.findall(r"licet_\w+", rule["expr"])}
    chosen = {pair for rule in rules for pair in re.findall(r"(\w+)=~?\"([^\"]+)\"", rule["expr"])}

    async def story() -> str:
        async with running(tmp_path / "data") as run:
            await until_ready(run.agent)
            await anext(run.agent.views(PEER, keys=True))
            return (await run.get("/metrics"))[1]

    text = asyncio.run(story())
    assert len(wanted) > 8
    assert wanted <= set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    for label, values in chosen:
        for value in values.split("|"):
            assert f'{label}="{value}"' in text


def test_a_node_that_has_not_heard_from_its_server_is_alive_and_not_ready(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path / "data", follow=False) as run:
            assert await run.get("/healthz") == (200, '{"ok":true,"reasons":[]}\n')
            reason = "the node has not heard from its server yet"
            assert await run.get("/readyz") == (503, f'{{"ok":false,"reasons":["{reason}"]}}\n')

    asyncio.run(story())


def test_a_server_that_can_write_no_more_is_neither_alive_nor_ready(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path / "data") as run:
            await until_ready(run.agent)
            assert (await run.get("/readyz"))[0] == 200
            run.domain.ledger.close()
            status, text = await run.get("/healthz")
            assert (status, msgspec.json.decode(text)["reasons"]) == (503, ["nothing can be written any more"])
            assert (await run.get("/readyz"))[0] == 503
            assert (await run.samples())["licet_identity_writer_up"] == 0

    asyncio.run(story())


def test_an_authority_that_should_have_been_followed_long_ago_makes_a_server_not_ready(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path / "data") as run:
            later = now() + timedelta(days=1, hours=23, minutes=30)
            health = Health(Subject(lambda: later, run.serving))
            ends = [
                a.not_after for a in run.serving.server.state.authorities if a.kind.value in ("intermediate", "jwt")
            ]
            assert await health.waits() == [
                f"the intermediate authority that signs ends at {ends[0]:%Y-%m-%dT%H:%M:%SZ}",
                f"the jwt authority that signs ends at {ends[1]:%Y-%m-%dT%H:%M:%SZ}",
            ]

    asyncio.run(story())


def test_a_database_that_does_not_answer_is_said_and_the_rest_is_still_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path / "data", follow=False) as run:
            database = tmp_path / "data" / "licet.db"
            run.domain.database.close()
            for each in tmp_path.glob("data/licet.db*"):
                each.unlink()
            database.write_bytes(b"no database" * 1000)
            status, text = await run.get("/readyz")
            assert status == 503
            assert f"the database does not answer: `{database}` is no database" in text
            samples = await run.samples()
            assert "licet_identity_log_records" not in samples
            assert samples["licet_identity_entries"] == 1

    asyncio.run(story())


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path / "data", follow=False) as run:
            port = int(run.url.rpartition(":")[2])
            with pytest.raises(IdentityError, match="cannot be listened on: address already in use"):
                await Health(Subject(now)).start("127.0.0.1", port)

    asyncio.run(story())
