"""A client made with nothing but PyPI's `spiffe`: what any user of it would write.

It is run as a program of its own: `python_client.py fetch | watch | validate`, with SPIFFE_ENDPOINT_SOCKET.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import time
from collections.abc import Mapping

import grpc
from spiffe import JwtSvid, SpiffeId, WorkloadApiClient, X509Svid
from spiffe.bundle.x509_bundle.x509_bundle_set import X509BundleSet
from spiffe.errors import PySpiffeError
from spiffe.workloadapi.x509_context import X509Context


def main() -> int:
    """Do what the command line asks; returns 1 with the error as JSON where the Workload API refuses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("fetch", "watch", "validate"))
    parser.add_argument("--audience", default="licet-test", help="of the JWT-SVIDs")
    parser.add_argument("--wait", type=float, default=10, help="seconds to wait for an answer")
    given = parser.parse_args()
    try:
        with WorkloadApiClient(default_timeout=given.wait) as client:
            match given.command:
                case "fetch":
                    fetch(client, given.audience)
                case "validate":
                    validate(client, sys.stdin.read().strip(), given.audience)
                case "watch":
                    client.stream_x509_contexts(updated, refused)
                    signal.pause()
    except PySpiffeError as error:
        refused(error)
        return 1
    return 0


def fetch(client: WorkloadApiClient, audience: str) -> None:
    """Everything there is. The library has nothing that verifies a chain against a bundle."""
    svids = client.fetch_x509_context().x509_svids
    bundles = client.fetch_x509_bundles()
    keys = client.fetch_jwt_bundles()
    tokens = [checked(client, one.token, audience) for one in client.fetch_jwt_svids({audience})]
    show(
        {
            "svids": [shown(svid) for svid in svids],
            "bundles": authorities(bundles),
            "jwts": [
                {
                    "id": str(one.spiffe_id),
                    "hint": "",
                    "audience": sorted(one.audience),
                    "expires": one.expiry,
                    "token": one.token,
                }
                for one in tokens
            ],
            "jwt_bundles": {one.trust_domain.name: len(one.jwt_authorities) for one in keys.bundles},
        }
    )


def validate(client: WorkloadApiClient, token: str, audience: str) -> None:
    """Say whose a token is: by the library with the bundle of its trust domain of now, and by the Workload API."""
    keys = client.fetch_jwt_bundles()
    said = {"library": "", "api": "", "refusal": ""}
    with contextlib.suppress(PySpiffeError):
        said["api"] = str(client.validate_jwt_svid(token, audience).spiffe_id)
    try:
        domain = JwtSvid.parse_insecure(token, {audience}).spiffe_id.trust_domain
        bundle = keys.get_bundle_for_trust_domain(domain)
        assert bundle is not None, "no bundle of the token's trust domain"
        said["library"] = str(JwtSvid.parse_and_validate(token, bundle, {audience}).spiffe_id)
    except PySpiffeError as error:
        said["refusal"] = str(error)
    show(said)


def checked(client: WorkloadApiClient, token: str, audience: str) -> JwtSvid:
    """A token that the Workload API validates, and the library too with the bundle of its trust domain."""
    said = client.validate_jwt_svid(token, audience)
    bundle = client.fetch_jwt_bundles().get_bundle_for_trust_domain(SpiffeId(str(said.spiffe_id)).trust_domain)
    assert bundle is not None, "no bundle of the token's trust domain"
    return JwtSvid.parse_and_validate(token, bundle, {audience})


def updated(material: X509Context) -> None:
    """A line for what is held now."""
    leaf = shown(material.default_svid)
    own = material.x509_bundle_set.get_bundle_for_trust_domain(material.default_svid.spiffe_id.trust_domain)
    show(
        {
            "time": time.time(),
            "id": leaf["id"],
            "serial": leaf["serial"],
            "not_after": leaf["not_after"],
            "authorities": 0 if own is None else len(own.x509_authorities),
            "bundles": authorities(material.x509_bundle_set),
        }
    )


def refused(error: Exception) -> None:
    """The error, with the name of the gRPC status that it comes from."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, grpc.Call):
        cause = cause.__cause__
    name = "Unknown" if cause is None else str(cause.code().name).title().replace("_", "")
    show({"error": name, "message": str(error)})


def shown(svid: X509Svid) -> dict[str, object]:
    """An SVID without its key."""
    return {
        "id": str(svid.spiffe_id),
        "hint": "",
        "serial": f"{svid.leaf.serial_number:x}",
        "not_before": svid.leaf.not_valid_before_utc.timestamp(),
        "not_after": svid.leaf.not_valid_after_utc.timestamp(),
        "chain": len(svid.cert_chain),
    }


def authorities(bundles: X509BundleSet) -> dict[str, int]:
    """How many there are of each trust domain."""
    return {one.trust_domain.name: len(one.x509_authorities) for one in bundles.bundles}


def show(value: Mapping[str, object]) -> None:
    """One line of JSON, at once."""
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    sys.exit(main())
