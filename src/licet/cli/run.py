"""One run of the command line: whatever happens ends in an exit code and, where it is bad, in one line."""

from __future__ import annotations

import io
import os
import re
import signal
import sys
import threading
from collections.abc import Sequence
from typing import TextIO

import click

from licet.cli.group import commands

WRONG = 2
"""The input or the usage is wrong."""
BUG = 70
"""EX_SOFTWARE of sysexits.h."""
INTERRUPTED = 130
"""What shells report for a program that SIGINT ended."""
ENDED = 143
"""What shells report for a program that SIGTERM ended."""
CLOSED = 141
"""What shells report for a program that SIGPIPE ended."""

_COMPLETE = "_LICET_COMPLETE"
_UP = ("envoy", "h11", "h2")
"""What `licet up` needs beside the extra `identity`."""


class _EndedError(KeyboardInterrupt):
    """SIGTERM came."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line; what it answers goes to standard output, what is wrong to standard error."""
    if sys.stdout is None:
        print("licet: standard output is closed", file=sys.stderr)
        return WRONG
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the whole run
    sys.stdout = _whole(sys.stdout)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end)
    try:
        code = _invoke(list(arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)
        return CLOSED
    except (KeyboardInterrupt, click.Abort) as ending:
        _say("interrupted")
        return ENDED if isinstance(ending, _EndedError) else INTERRUPTED
    except click.UsageError as error:
        _say(_usage(error))
        return WRONG
    except MemoryError:
        _say("out of memory: point at a smaller folder")
        return WRONG
    except OSError as error:
        silence(sys.stdout)
        _say(f"{error.strerror or error}".lower() + (f": `{error.filename}`" if error.filename else ""))
        return WRONG
    except Exception as error:
        if wrong := _wrong_input(error):
            _say(wrong)
            return WRONG
        if "--verbose" in arguments or "-v" in arguments:
            sys.excepthook(type(error), error, error.__traceback__)
        _say(
            f"a bug in licet: {type(error).__name__}: {error}".replace("\n", " ")
            + " (please report it, with what `--verbose` adds)"
        )
        return BUG
    return code


def _end(_number: int, _frame: object) -> None:
    raise _EndedError


def _whole(stream: TextIO) -> TextIO:
    """The stream, buffered even where the interpreter was told not to: a short write would pass for a whole one."""
    if isinstance(stream, io.TextIOWrapper) and isinstance(stream.buffer, io.RawIOBase):
        return io.TextIOWrapper(io.BufferedWriter(stream.buffer), encoding=stream.encoding)
    return stream


def _invoke(arguments: list[str]) -> int:
    instruction = os.environ.get(_COMPLETE)
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(commands, {}, "licet", _COMPLETE, instruction)
    try:
        with commands.make_context("licet", arguments) as context:
            code = commands.invoke(context)
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(f"{error.format_message()}\n")
        return WRONG
    except click.exceptions.Exit as error:
        return error.exit_code
    return code if isinstance(code, int) else 0


def _wrong_input(error: Exception) -> str:
    """What is wrong with what the user gave, on one line; empty where the error says nothing of the kind."""
    from licet.diag.failure import Failure

    if isinstance(error, ModuleNotFoundError) and (error.name or "licet").partition(".")[0] != "licet":
        extras = "identity,up" if error.name in _UP else "identity"
        return f"this needs `{error.name}`, which is not installed: pip install 'licet[{extras}]'"
    return f"{error.message}: {error.help}" if isinstance(error, Failure) else ""


def _usage(error: click.UsageError) -> str:
    """What is wrong with the usage, on one line, with the way out."""
    message = re.sub(r"\s+", " ", error.format_message()).rstrip(".")
    message = re.sub(r"\. \(?Did you mean(?: one of:)? ([^?]*)\?\)?", r": did you mean \1?", message)
    message = re.sub(r"'([^']*)'", r"`\1`", message[:1].lower() + message[1:])
    command = error.ctx.command_path if error.ctx is not None else "licet"
    return f"{message} (see `{command} --help`)"


def _say(text: str) -> None:
    from licet.diag.render.visible import visible

    try:
        sys.stderr.write(f"licet: {visible(text)}\n")
        sys.stderr.flush()
    except OSError:
        silence(sys.stdout, sys.stderr)


def silence(*streams: TextIO) -> None:
    """Point streams nowhere, so that what is left in them does not fail again when the interpreter ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
