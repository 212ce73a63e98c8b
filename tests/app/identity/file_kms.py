"""A key management service as `CommandKeeper` speaks to one: keys are files of a folder, which the test looks into."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

_CURVES = {"ec-p256": ec.SECP256R1(), "ec-p384": ec.SECP384R1()}
_DIGESTS = {"ecdsa-sha256": hashes.SHA256(), "ecdsa-sha384": hashes.SHA384()}


def answer(folder: Path, question: dict[str, Any]) -> dict[str, Any]:
    """What the service says; a file `stuck` in the folder has it refuse to destroy anything."""
    if question["op"] == "generate":
        made = ec.generate_private_key(_CURVES[question["kind"]])
        name = f"{question['label'].replace('/', '.')}.{os.urandom(4).hex()}"
        (folder / name).write_bytes(made.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
        return {"handle": name, "public_key": _public(made)}
    file = folder / question["handle"]
    if question["op"] == "destroy":
        if (folder / "stuck").exists():
            return {"error": "not today"}
        file.unlink(missing_ok=True)
        return {}
    if not file.exists():
        return {"error": f"no key {question['handle']}"}
    key = load_der_private_key(file.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    if question["op"] == "public":
        return {"public_key": _public(key)}
    signature = key.sign(base64.b64decode(question["data"]), ec.ECDSA(Prehashed(_DIGESTS[question["algorithm"]])))
    return {"signature": base64.b64encode(signature).decode()}


def _public(key: ec.EllipticCurvePrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps({"id": asked["id"], **answer(Path(sys.argv[1]), asked)}), flush=True)
