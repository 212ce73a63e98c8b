"""Work that goes on until a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from collections.abc import Coroutine


def open_files() -> None:
    """Raise the limit of open files as far as this process may: each workload takes six."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def leave_no_core() -> None:
    """Have a crash write no image of this process, which holds keys; nor does whoever starts later in this one."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


async def until_told(work: list[asyncio.Task[None]]) -> None:
    """Return at SIGTERM or SIGINT, or where the terminal goes away; raises what ends a piece of work before."""
    stop = asyncio.Event()
    # Under nohup it is ignored, and stays so.
    hangup = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    for each in (signal.SIGTERM, signal.SIGINT, *hangup):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    waiting = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({*work, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for task in done - {waiting}:
        task.result()


def begin(stack: contextlib.AsyncExitStack, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
    """Have this run beside the rest; it is cancelled, and waited for, when the stack unwinds."""
    task = asyncio.get_running_loop().create_task(work, name=name)
    stack.push_async_callback(_ended, task)
    return task


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
