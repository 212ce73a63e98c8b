"""An agent's key, certificate and roots as files, each there whole or not at all, and read by nobody else."""

from __future__ import annotations

import os
from pathlib import Path

from licet.identity import pem
from licet.identity.errors import IdentityError, MalformedError
from licet.identity.node.tls import Material
from licet.store import private_file

_OWN = "agent.pem"
_ROOTS = "roots.pem"


def save(home: Path, material: Material) -> None:
    """Keep these; raises IdentityError where the directory cannot be written."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        private_file.replace(home / _ROOTS, pem.certificates(material.roots).encode())
        own = pem.private_key(material.key) + pem.certificates(material.chain)
        private_file.replace(home / _OWN, own.encode())
    except OSError as error:
        raise IdentityError(f"`{home}` cannot be written", error.strerror or "look at the directory") from error


def load(home: Path) -> Material | None:
    """What was kept, None where nothing was; raises IdentityError where others can read it, or nobody can."""
    try:
        data, roots = _read(home / _OWN), _read(home / _ROOTS)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IdentityError(f"`{home}` cannot be read", error.strerror or "look at the directory") from error
    try:
        return Material(pem.read_certificates(data), pem.read_private_key(data), pem.read_certificates(roots))
    except MalformedError:
        raise MalformedError(f"`{home / _OWN}` is damaged", "remove it, and have the agent attested again") from None


def _read(file: Path) -> bytes:
    with file.open("rb") as stream:
        if os.fstat(stream.fileno()).st_mode & 0o077:
            raise IdentityError(
                f"`{file}` can be read by others", f"`chmod 600 {file}`, or have the agent attested anew"
            )
        return stream.read()
