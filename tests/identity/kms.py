"""A key management service as `CommandKeeper` speaks to one, and its ways of going wrong; keys are in memory alone."""

from __future__ import annotations

import base64
import json
import os
import sys
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_KINDS: dict[str, Any] = {
    "ec-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ec-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}
_DIGESTS = {"ecdsa-sha256": hashes.SHA256(), "ecdsa-sha384": hashes.SHA384()}


def answer(keys: dict[str, Any], question: dict[str, Any], fault: str) -> dict[str, Any]:
    """What the service says."""
    match question["op"]:
        case "generate":
            handle = f"key-{len(keys)}-{question['label']}"
            keys[handle] = _KINDS["ed25519" if fault == "kind" else question["kind"]]()
            return {"handle": handle, "public_key": _public(keys[handle])}
        case "destroy":
            keys.pop(question["handle"], None)
            return {}
    key = keys.get(question["handle"])
    if key is None:
        return {"error": f"no key {question['handle']}"}
    if question["op"] == "public":
        return {"public_key": _public(_KINDS["ec-p256"]() if fault == "public" else key)}
    data = base64.b64decode(question["data"])
    if fault == "signature":
        key = _KINDS["ec-p256"]()
    if question["algorithm"] == "ed25519":
        signature = key.sign(data)
    else:
        signature = key.sign(data, ec.ECDSA(Prehashed(_DIGESTS[question["algorithm"]])))
    return {"signature": base64.b64encode(signature).decode()}


def _public(key: Any) -> str:
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def main(fault: str) -> None:
    """Answers line by line."""
    keys: dict[str, Any] = {}
    for line in sys.stdin:
        question = json.loads(line)
        told = {"id": question["id"] + (fault == "id"), **answer(keys, question, fault)}
        match fault:
            case "silent":
                continue
            case "ends":
                return
            case "junk":
                print("no JSON", flush=True)
            case "flood":
                print("x" * 200_000, flush=True)
            case "environment":
                print(json.dumps({"id": question["id"], "error": " ".join(sorted(os.environ))}), flush=True)
            case _:
                print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
