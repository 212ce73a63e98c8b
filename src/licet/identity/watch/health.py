"""Whether a process is well: `/metrics`, `/healthz` and `/readyz` over HTTP."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import structlog
from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from licet.diag.wording import instant
from licet.identity.address import not_listened, written
from licet.identity.authority import Kind, active
from licet.identity.domain import State
from licet.identity.watch.metrics import Metrics
from licet.identity.watch.subject import Stored, Subject, read
from licet.store.errors import StoreError

_log = structlog.get_logger(__name__)

_PATIENCE = 5.0
"""Seconds that the database has for an answer."""


class Health:
    """Serves what is asked of a process from outside. It says nothing secret, and is for the operator's network."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._metrics = Metrics(subject)
        self._reading: asyncio.Task[Stored] | None = None
        application = web.Application()
        application.router.add_get("/metrics", self._expose)
        application.router.add_get("/healthz", self._alive)
        application.router.add_get("/readyz", self._ready)
        application.on_response_prepare.append(_anonymous)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)

    async def start(self, host: str, port: int) -> int:
        """Listen, and say on which port; raises IdentityError where that cannot be."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise not_listened(written(host, port)) from None
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Listen no more."""
        await self._runner.cleanup()

    def faults(self) -> list[str]:
        """Why this process should be started again; empty where it is well."""
        serving = self._subject.serving
        if serving is not None and not serving.ledger.writer.alive:
            return ["nothing can be written any more"]
        return []

    async def waits(self) -> list[str]:
        """Why nobody should be sent here now; empty where somebody may."""
        reasons = self.faults()
        serving, agent = self._subject.serving, self._subject.agent
        if serving is not None:
            if serving.server.failure:
                reasons.append(f"the domain cannot be followed: {serving.server.failure}")
            reasons += self._unsigned(serving.server.state)
            try:
                await self._stored()
            except StoreError as error:
                reasons.append(f"the database does not answer: {error}")
            except TimeoutError:
                reasons.append("the database takes too long to answer")
        if agent is not None and not agent.ready:
            reasons.append("the node has not heard from its server yet")
        return reasons

    def _unsigned(self, state: State) -> list[str]:
        now, least = self._subject.clock(), timedelta(seconds=state.settings.lifetimes.x509)
        without = []
        for kind in (Kind.INTERMEDIATE, Kind.JWT):
            signer = active(state.authorities, kind)
            if signer is None:
                without.append(f"no {kind.value} authority signs")
            elif signer.not_after - now < min(least, (signer.not_after - signer.not_before) / 6):
                without.append(f"the {kind.value} authority that signs ends at {instant(signer.not_after)}")
        return without

    async def _stored(self) -> Stored | None:
        """What the database says; those who ask at the same time share one answer, and a slow one holds up no more."""
        serving = self._subject.serving
        if serving is None:
            return None
        if self._reading is None or self._reading.done():

            def look() -> Stored:
                with serving.database.read() as connection:
                    return read(connection)

            self._reading = asyncio.create_task(asyncio.to_thread(look))
        return await asyncio.wait_for(asyncio.shield(self._reading), _PATIENCE)

    async def exposition(self) -> bytes:
        """What is measured now, as text for Prometheus."""
        try:
            stored = await self._stored()
        except (StoreError, TimeoutError) as error:
            _log.warning("the database does not answer", reason=str(error))
            stored = None
        return self._metrics.expose(stored)

    async def _expose(self, _request: web.Request) -> web.Response:
        return web.Response(body=await self.exposition(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    async def _alive(self, _request: web.Request) -> web.Response:
        return _answer(self.faults())

    async def _ready(self, _request: web.Request) -> web.Response:
        return _answer(await self.waits())


def _answer(reasons: list[str]) -> web.Response:
    body = msgspec.json.encode({"ok": not reasons, "reasons": reasons})
    return web.Response(body=body + b"\n", status=503 if reasons else 200, content_type="application/json")


async def _anonymous(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "licet"
    response.headers["Cache-Control"] = "no-store"
