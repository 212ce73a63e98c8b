"""Keys behind a program of one's own, for any key management service.

The program is started once and asked one question at a time: a line of JSON on its standard input, a line of JSON on
its standard output. What it writes to standard error goes to the server's. Bytes are in base64.

    {"id": 1, "op": "generate", "kind": "ec-p256", "label": "root"}
    {"id": 1, "handle": "projects/x/keys/7", "public_key": SubjectPublicKeyInfo in DER}

    {"id": 2, "op": "public", "handle": "projects/x/keys/7"}
    {"id": 2, "public_key": SubjectPublicKeyInfo in DER}

    {"id": 3, "op": "sign", "handle": "projects/x/keys/7", "algorithm": "ecdsa-sha256", "data": the digest}
    {"id": 3, "signature": in DER for ECDSA, 64 bytes for Ed25519}

    {"id": 4, "op": "destroy", "handle": "projects/x/keys/7"}
    {"id": 4}

`kind` is `ec-p256`, `ec-p384` or `ed25519`; `algorithm` is `ecdsa-sha256` and `ecdsa-sha384`, whose data is the digest,
or `ed25519`, whose data is the message. Instead of an answer, `{"id": 3, "error": "one line"}` says what is wrong.
Destroying what is gone already is no error. A program that answers late, wrongly or not at all is killed, and started
again for the next question.
"""

from __future__ import annotations

import os
import select
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from licet.identity.errors import IdentityError, RefusedError, UnavailableError
from licet.identity.keepers import handle as handles
from licet.identity.keepers.handle import Handle
from licet.identity.keepers.keeper import Kept, proven
from licet.identity.keepers.outside import KINDS, outside
from licet.identity.keys import KeyKind, PrivateKey, kind_of, pin, read, spki

_LONGEST = 64 * 1024
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ALGORITHMS = {KeyKind.EC_P256: "ecdsa-sha256", KeyKind.EC_P384: "ecdsa-sha384", KeyKind.ED25519: "ed25519"}


class _Answer(msgspec.Struct, frozen=True):
    id: int
    handle: str = ""
    public_key: bytes = b""
    signature: bytes = b""
    error: str = ""


class CommandKeeper:
    """Keeps keys by asking `command`, which begins with an absolute path and is run without a shell.

    The program sees `PATH`, `LANG` and the `environment` given here, and nothing else of the server's.
    """

    name = "command"

    def __init__(
        self, command: Sequence[str], timeout: float = 10, environment: Mapping[str, str] | None = None
    ) -> None:
        if not command or not Path(command[0]).is_absolute():
            raise RefusedError("a keeper's command has no absolute path", "such as `/usr/local/bin/keeper`")
        self._command, self._timeout = tuple(command), timeout
        self._environment = {"PATH": _PATH, "LANG": "C.UTF-8", **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._asked = 0

    def generate(self, kind: KeyKind, label: str) -> Kept:
        """A new key; raises RefusedError for RSA."""
        if kind not in KINDS:
            raise RefusedError(f"a program is asked for no key of kind `{kind.value}`", "ec-p256, ec-p384 or ed25519")
        answer = self._ask({"op": "generate", "kind": kind.value, "label": label})
        public_key = read(answer.public_key)
        if kind_of(public_key) is not kind or not answer.handle:
            raise self._wrong("it made another key than it was asked for")
        kept = Kept(Handle(spki(public_key), answer.handle.encode()).encode(), public_key)
        self.load(kept.handle, label)
        return kept

    def load(self, handle: bytes, label: str) -> PrivateKey:
        """The key, which asks the program for each signature."""
        told = handles.read(handle)
        public_key, name = read(told.public_key), told.private.decode()
        if pin(self._ask({"op": "public", "handle": name}).public_key) != pin(public_key):
            raise self._wrong(f"it has another key as `{label}`")
        question = {"op": "sign", "handle": name, "algorithm": _ALGORITHMS.get(kind_of(public_key), "")}
        return proven(outside(public_key, lambda data: self._ask({**question, "data": data}).signature))

    def destroy(self, handle: bytes) -> None:
        """The program has destroyed it, or said why not."""
        self._ask({"op": "destroy", "handle": handles.read(handle).private.decode()})

    def close(self) -> None:
        """End the program."""
        with self._lock:
            self._end()

    def _ask(self, question: dict[str, Any]) -> _Answer:
        with self._lock:
            self._asked += 1
            try:
                line = self._exchange(msgspec.json.encode({"id": self._asked, **question}) + b"\n")
                answer = msgspec.json.decode(line, type=_Answer)
            except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
                self._end()
                raise self._wrong(str(error)) from None
            if answer.id != self._asked:
                self._end()
                raise self._wrong("it answered another question")
        if answer.error:
            raise IdentityError(f"keeper `{self._command[0]}` refused", ascii(answer.error[:200])[1:-1])
        return answer

    def _exchange(self, line: bytes) -> bytes:
        if len(line) > _LONGEST:
            raise OSError("a question too long for a pipe")
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=self._environment,
                cwd="/",
                bufsize=0,
                start_new_session=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line)
        return _line(self._process.stdout.fileno(), time.monotonic() + self._timeout)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()

    def _wrong(self, why: str) -> UnavailableError:
        return UnavailableError(f"keeper `{self._command[0]}` does not answer as it should", ascii(why[:200])[1:-1])


def _line(stream: int, deadline: float) -> bytes:
    """One line, its end left out, and nothing after it: an answer that was not asked for is a program that is lost."""
    line, poll = b"", select.poll()
    poll.register(stream, select.POLLIN)
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise TimeoutError("no answer in time")
        part = os.read(stream, _LONGEST)
        line += part
        if not part or len(line) > _LONGEST:
            raise OSError("it ended" if not part else "an answer too long")
    return line[:-1]
