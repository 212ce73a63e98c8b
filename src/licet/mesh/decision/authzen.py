"""The AuthZEN Authorization API 1.0 over HTTP, for applications and gateways that ask in JSON.

Who asks is told by the connection (a certificate, or the kernel), or by a signature on the request; where there is a
signature, it alone counts. Whatever goes wrong, nothing is answered that could be taken for `true`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiohttp import web

from licet.identity.errors import IdentityError, MalformedError
from licet.mesh.decision.evaluation import Decision, Decisions, encode, evaluate, evaluate_all, read
from licet.mesh.decision.point import Point
from licet.mesh.decision.signature import HEADER, Signatures

EVALUATION, EVALUATIONS = "/access/v1/evaluation", "/access/v1/evaluations"
CONFIGURATION = "/.well-known/authzen-configuration"
_LARGEST = 1 << 19
_LONGEST_ID = 200
_REQUEST_ID = "X-Request-ID"
_POINT = web.AppKey("point", Point)

Caller: TypeAlias = Callable[[web.Request], str | None]
"""The SPIFFE ID of whoever asks, as the connection says; None where it says none."""


def application(point: Point, url: str, caller: Caller, signatures: Signatures | None = None) -> web.Application:
    """What answers at `url`, which callers are told. Signed requests are refused where none are verified."""
    service = _Service(point, url.rstrip("/"), caller, signatures)
    made = web.Application(client_max_size=_LARGEST, middlewares=[_plainly])
    made[_POINT] = point
    made.router.add_post(EVALUATION, service.one)
    made.router.add_post(EVALUATIONS, service.several)
    made.router.add_get(CONFIGURATION, service.configuration)
    return made


class _Service:
    def __init__(self, point: Point, url: str, caller: Caller, signatures: Signatures | None) -> None:
        self._point = point
        self._caller = caller
        self._signatures = signatures
        self._configuration = encode(
            {
                "policy_decision_point": url,
                "access_evaluation_endpoint": url + EVALUATION,
                "access_evaluations_endpoint": url + EVALUATIONS,
            }
        )

    async def one(self, request: web.Request) -> web.Response:
        asker, body = await self._asked(request)
        asked = read(body)
        if asked.evaluations:
            raise MalformedError("several evaluations are asked for", f"`{EVALUATIONS}` takes them")
        return _answered(evaluate(self._point, asker, asked))

    async def several(self, request: web.Request) -> web.Response:
        asker, body = await self._asked(request)
        return _answered(evaluate_all(self._point, asker, read(body)))

    async def configuration(self, _: web.Request) -> web.Response:
        return web.Response(body=self._configuration, content_type="application/json")

    async def _asked(self, request: web.Request) -> tuple[str, bytes]:
        """Who asks, and what; raises HTTPUnauthorized."""
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        body = await request.read()
        signed = request.headers.getall(HEADER, ())
        if not signed:
            asker = self._caller(request)
        elif self._signatures is None or len(signed) > 1:
            raise _unauthorized("no such signature is verified here")
        else:
            try:
                asker = str(self._signatures.verify(signed[0], request.path_qs, body))
            except IdentityError as error:
                raise _unauthorized(error.message) from None
        if not asker:
            raise _unauthorized("nobody is known to ask")
        return asker, body


def _answered(decision: Decision | Decisions) -> web.Response:
    return web.Response(body=encode(decision), content_type="application/json", headers={"Cache-Control": "no-store"})


def _unauthorized(message: str) -> web.HTTPUnauthorized:
    return web.HTTPUnauthorized(text=message + "\n", headers={"WWW-Authenticate": HEADER})


@web.middleware
async def _plainly(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """A request that is wrong is told so in a line; what nobody foresaw is logged by its place alone."""
    named = _named(request)
    try:
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(named)
        raise
    except MalformedError as error:
        response = web.Response(status=400, text=f"{error.message}: {error.help}\n")
    except Exception as error:
        response = web.Response(status=500, text=request.app[_POINT].failed(error).explained.text + "\n")
    response.headers.update(named)
    return response


def _named(request: web.Request) -> dict[str, str]:
    """The name that a request was given, which its answer bears too."""
    named = request.headers.get(_REQUEST_ID, "")
    fit = 0 < len(named) <= _LONGEST_ID and named.isascii() and named.isprintable()
    return {_REQUEST_ID: named} if fit else {}
