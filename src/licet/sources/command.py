"""Running another program on the user's machine, fenced in."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from licet.sources import limits

_ERRORS = 64 * 1024
_BEGINS = "Error: "
_LOGGED = re.compile(r'"command failed" err="(.*)"$')


class CommandError(Exception):
    """A program did not do its work; the message is one line that says why."""


@contextlib.contextmanager
def offline() -> Iterator[dict[str, str]]:
    """An environment for a renderer: an empty home that is removed afterwards, and no way to the network.

    No program is on its path, so that kustomize finds no `git`, and web requests go to a proxy that is not there:
    what a rendering means must not hang on what a server says today.
    """
    with tempfile.TemporaryDirectory(prefix="licet-", ignore_cleanup_errors=True) as home:
        nowhere = "http://127.0.0.1:9"
        environment = {
            "HOME": home,
            "PATH": os.path.join(home, "bin"),
            "LANG": "C.UTF-8",
            "TMPDIR": home,
            "HTTP_PROXY": nowhere,
            "HTTPS_PROXY": nowhere,
            "KUBECONFIG": os.path.join(home, "none"),
        }
        for kind in ("CACHE", "CONFIG", "DATA"):
            environment[f"HELM_{kind}_HOME"] = os.path.join(home, "helm", kind.lower())
        environment["HELM_PLUGINS"] = os.path.join(home, "helm", "plugins")
        yield environment


def run(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: str | None = None,
    stdin: IO[bytes] | None = None,
    into: IO[bytes] | None = None,
    seconds: float = limits.SECONDS,
    most: int = limits.RENDERED,
) -> bytes:
    """What a program writes to its standard output, or nothing where that goes `into` a file.

    Raises `CommandError` where it does not start, fails, hangs or writes too much.
    """
    try:
        child = subprocess.Popen(
            arguments,
            env=environment,
            cwd=folder,
            stdin=stdin or subprocess.DEVNULL,
            stdout=into or subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise CommandError(f"`{arguments[0]}` does not start: {(error.strerror or '').lower()}") from error
    with child:
        output, errors = _Drain(child.stdout, most, child), _Drain(child.stderr, _ERRORS, None)
        try:
            child.wait(seconds)
            output.thread.join(seconds)
        except subprocess.TimeoutExpired:
            raise CommandError(f"it did not end within {seconds:g} s") from None
        finally:
            if child.poll() is None or output.thread.is_alive() or errors.thread.is_alive():
                _kill(child)
            child.wait()
            output.thread.join()
            errors.thread.join()
    if output.overflow:
        raise CommandError(f"it wrote more than {limits.size(most)}")
    if child.returncode != 0:
        raise CommandError(_reason(bytes(errors.data), child.returncode))
    return bytes(output.data)


class _Drain:
    """Reads a pipe in a thread, keeps the first `most` bytes, and ends the child that writes more.

    Where there is no pipe, there is no data.
    """

    def __init__(self, pipe: IO[bytes] | None, most: int, child: subprocess.Popen[bytes] | None) -> None:
        self.data = bytearray()
        self.overflow = False
        self._pipe, self._most, self._child = pipe, most, child
        self.thread = threading.Thread(target=self._drain, daemon=True)
        self.thread.start()

    def _drain(self) -> None:
        if self._pipe is None:
            return
        while chunk := os.read(self._pipe.fileno(), 1 << 16):
            room = self._most - len(self.data)
            self.data += chunk[:room]
            if len(chunk) > room:
                self.overflow = True
                if self._child is not None:
                    _kill(self._child)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """Ends a child and whatever it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _reason(errors: bytes, code: int) -> str:
    lines = [line.strip() for line in errors.decode("utf-8", "replace").splitlines()]
    told = [line for line in lines if line and not line.lower().lstrip("# ").startswith("warning")]
    line = next((line for line in told if "error" in line.lower()), told[0] if told else f"it ended with code {code}")
    if line.startswith(_BEGINS):
        line = _paragraph(lines[lines.index(line) :])
    if logged := _LOGGED.search(line):
        line = logged[1].replace('\\"', '"')
    return line.removeprefix(_BEGINS).removeprefix("error: ")[:500]


def _paragraph(lines: Sequence[str]) -> str:
    """An error on one line that goes on up to an empty one, as those of helm 4 do: first where, then what."""
    text = ""
    for line in itertools.takewhile(bool, lines):
        text += line if not text else f" {line}" if text.endswith(":") else f": {line}"
    return text
