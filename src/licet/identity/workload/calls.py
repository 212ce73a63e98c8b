"""What the services on the socket share: who calls, and with which status a call ends."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TypeAlias, TypeVar

import grpc
import structlog
from google.protobuf.message import DecodeError, Message

from licet.identity.errors import IdentityError, MalformedError, RefusedError, UnavailableError
from licet.identity.svid import View
from licet.identity.workload.source import Peer, Source

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
Caller: TypeAlias = Callable[[str], Peer | None]
"""Who is at an address, as the front says."""

_Message = TypeVar("_Message", bound=Message)

log = structlog.get_logger()


def read(kind: type[_Message], data: bytes) -> _Message:
    """A message of a caller; raises MalformedError."""
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise MalformedError("the request cannot be read", f"a `{kind.DESCRIPTOR.name}` is expected") from error
    return message


def known(caller: Caller, context: Context) -> Peer:
    """Who calls; raises RefusedError for one whom the front has not attested."""
    peer = caller(context.peer())
    if peer is None:
        raise RefusedError("the caller is not known", "connect to the public socket")
    return peer


@asynccontextmanager
async def answering(context: Context, method: str) -> AsyncIterator[None]:
    """Ends the call with the status that fits what was raised; what nobody foresaw is logged, and told without details.

    The text of an unforeseen error is left out even of the log: it may hold anything.
    """
    try:
        yield
        return
    except grpc.aio.AbortError:
        raise
    except grpc.aio.InternalError:
        return  # the caller left while it was written to
    except IdentityError as error:
        code, details = _status(error), str(error)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        log.error(
            "a call failed",
            method=method,
            error=type(error).__name__,
            place=f"{Path(place.filename).name}:{place.lineno}",
        )
        code, details = grpc.StatusCode.INTERNAL, "internal error"
    await context.abort(code, details)


def _status(error: IdentityError) -> grpc.StatusCode:
    match error:
        case MalformedError():
            return grpc.StatusCode.INVALID_ARGUMENT
        case RefusedError():
            return grpc.StatusCode.PERMISSION_DENIED
        case UnavailableError():
            return grpc.StatusCode.UNAVAILABLE
        case _:
            return grpc.StatusCode.INTERNAL


async def first(source: Source, peer: Peer, *, keys: bool) -> View:
    """What the peer may see now."""
    async with aclosing(source.views(peer, keys=keys)) as views:
        async for view in views:
            return view
    raise UnavailableError("nothing can be said now", "try again")
