"""What a workload would be given, asked for as a workload asks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from licet.app.identity.place import now
from licet.diag.wording import instant
from licet.identity import pem
from licet.identity.errors import IdentityError
from licet.identity.spiffeid import TrustDomain
from licet.identity.svid import JwtSvid, View
from licet.identity.workload.client import Client

_URL = "unix:"


class Fetched(msgspec.Struct, frozen=True):
    """Identities with the bundles that came with them, and tokens where an audience was named."""

    view: View
    tokens: tuple[JwtSvid, ...]


def fetch(socket: str, audience: Sequence[str]) -> Fetched:
    """Ask the Workload API at this path or `unix:` address; raises IdentityError."""
    client = Client(Path("/" + rest.lstrip("/") if (rest := socket.removeprefix(_URL)) != socket else socket), now)
    return Fetched(client.view(), client.tokens(audience) if audience else ())


def save(fetched: Fetched, folder: Path) -> list[Path]:
    """Write the identities as PEM files and say which: of one `svid.pem`, `key.pem` and `bundle.pem`.

    Of several the second is `svid.1.pem`, and so on. Keys can be read by their owner alone.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        written = []
        for number, svid in enumerate(fetched.view.svids):
            suffix = f".{number}" if number else ""
            written += [
                _write(folder / f"svid{suffix}.pem", pem.certificates(svid.chain), 0o644),
                _write(folder / f"key{suffix}.pem", pem.private_key(svid.key), 0o600),
            ]
        written.append(_write(folder / "bundle.pem", pem.certificates(fetched.view.own.x509), 0o644))
        for domain, bundle in sorted(fetched.view.federated.items()):
            written.append(_write(folder / f"bundle.{domain}.pem", pem.certificates(bundle.x509), 0o644))
    except OSError as error:
        reason = (error.strerror or "not possible").lower()
        raise IdentityError(f"`{folder}` cannot be written: {reason}", "name another folder with `--out`") from None
    return written


def described(fetched: Fetched) -> dict[str, object]:
    """For programs; private keys are left out."""
    return {
        "schema": "licet.dev/fetched/v1",
        "svids": [
            {
                "spiffe_id": str(each.spiffe_id),
                "serial": each.serial,
                "issuer": each.issuer,
                "not_before": instant(each.not_before),
                "not_after": instant(each.not_after),
                "hint": each.hint,
                "chain": pem.certificates(each.chain),
            }
            for each in fetched.view.svids
        ],
        "bundles": {str(domain): _roots(fetched, domain) for domain in _domains(fetched)},
        "tokens": [
            {"spiffe_id": str(each.spiffe_id), "token": each.token, "hint": each.hint} for each in fetched.tokens
        ],
    }


def _domains(fetched: Fetched) -> list[TrustDomain]:
    return [fetched.view.own.trust_domain, *sorted(fetched.view.federated)]


def _roots(fetched: Fetched, domain: TrustDomain) -> str:
    bundle = fetched.view.federated.get(domain, fetched.view.own)
    return pem.certificates(bundle.x509)


def _write(file: Path, text: str, mode: int) -> Path:
    """A key is never in a file that others could read, not even one that was there before."""
    file.unlink(missing_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    return file
