"""How an agent proves which node it is on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import grpc
import msgspec

from licet.identity.errors import IdentityError, MalformedError, RefusedError, UnavailableError
from licet.identity.node import bootstrap, tls, wire
from licet.identity.node.authority import Admission
from licet.identity.node.proto import node_pb2 as pb
from licet.identity.node.proto import node_pb2_grpc as rpc

_DEADLINE = 20.0


class JoinProof(msgspec.Struct, frozen=True):
    """A token that was made for this node, and holds once."""

    text: str
    again = False

    def __repr__(self) -> str:
        return "JoinProof()"


class KubernetesProof(msgspec.Struct, frozen=True):
    """Where the kubelet keeps a service account's token fresh."""

    file: Path
    again = True


Proof: TypeAlias = JoinProof | KubernetesProof


class Door:
    """The join ports of a domain's servers, tried one after the other."""

    def __init__(self, addresses: Sequence[str], trust: bootstrap.Trust | None, proof: Proof) -> None:
        self._addresses = tuple(addresses)
        self._trust = trust
        self._proof = proof

    @property
    def again(self) -> bool:
        """Whether the proof holds more than once."""
        return self._proof.again

    async def attest(self, request: bytes, known: tuple[bytes, ...]) -> Admission:
        """An agent's first certificate; `known` are the roots of an earlier one, used where none were given.

        Raises RefusedError, and UnavailableError where no server answers.
        """
        message = _message(self._proof, request)
        trust = self._trust or (bootstrap.Given(known) if known else None)
        if trust is None:
            raise RefusedError("nothing tells this agent its server from another", "give a trust bundle or a pin")
        failure = UnavailableError(
            "nothing says where this agent gets its first certificate", "name a server's address with `--join`"
        )
        for address in self._addresses:
            try:
                return await _attest(address, await bootstrap.roots(trust, address), message)
            except UnavailableError as error:
                failure = error
        raise failure


async def _attest(address: str, roots: tuple[bytes, ...], message: pb.AttestRequest) -> Admission:
    credentials = tls.joining_credentials(roots)
    async with grpc.aio.secure_channel(address, credentials, options=tls.options()) as channel:
        try:
            answer = await rpc.JoinStub(channel).Attest(message, timeout=_DEADLINE)
        except grpc.aio.AioRpcError as failure:
            raise wire.error(failure) from None
    try:
        return wire.admission(answer)
    except MalformedError as error:
        raise UnavailableError(error.message, error.help) from error


def _message(proof: Proof, request: bytes) -> pb.AttestRequest:
    match proof:
        case JoinProof(""):
            raise IdentityError(
                "this agent has no certificate that is valid, and nothing to get one by",
                "give `--join-token-file` or `--kubernetes-token`",
            )
        case JoinProof(text):
            return pb.AttestRequest(join_token=wire.token(text), csr=request)
        case KubernetesProof(file):
            try:
                return pb.AttestRequest(kubernetes_token=wire.token(file.read_text("ascii").strip()), csr=request)
            except (OSError, ValueError) as error:
                raise IdentityError(f"no token can be read from `{file}`", "mount one that is projected") from error
