"""Cgroup files, read as an agent on the node reads them, as one in a pod does, and as a process reads its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from licet.identity.attest.cgroup import Place, place
from tests.identity.attest.test_cgroup import BESIDE, FROM_THE_NODE, NO_POD


def _from_the_node(data: bytes) -> None:
    _read(data, b"0::/system.slice/licet.service\n")


def _from_a_pod(data: bytes) -> None:
    _read(data, b"0::/\n", enclosed=True)


def _own(data: bytes) -> None:
    _read(data, data)


def _read(data: bytes, own: bytes, *, enclosed: bool = False) -> None:
    text, mine = (each.decode("utf-8", "surrogateescape") for each in (data, own))
    found = place(text, mine, enclosed=enclosed)
    # Whatever is found stands there letter by letter.
    if found is not None:
        assert found.container in text
        assert found.pod in text.replace("_", "-")
        assert found == Place(found.pod, found.container)


_NODES = tuple(text.encode() for text in (*FROM_THE_NODE.values(), *NO_POD.values()))
_PODS = tuple(text.encode() for text, _ in BESIDE.values())
KINDS: dict[str, tuple[Sequence[bytes], Callable[[bytes], object]]] = {
    "cgroup": (_NODES, _from_the_node),
    "cgroup-beside": (_PODS, _from_a_pod),
    "cgroup-own": (_NODES, _own),
}
