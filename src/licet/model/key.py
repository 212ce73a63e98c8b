"""Names of things, fit for more than one cluster from the first day on."""

from __future__ import annotations

import re

import msgspec

BUILT_IN_GROUPS = frozenset(
    {"", "apps", "batch", "networking.k8s.io", "policy", "discovery.k8s.io", "rbac.authorization.k8s.io"}
)
"""API groups whose kinds are written without their group."""

_ID = re.compile(
    r"(?:(?P<cluster>[^:/\[\]]+):)?(?:(?P<namespace>[^/\[\]:]+)/)?(?P<name>[^/\[\]]+?)"
    r"(?:\[(?P<kind>[A-Za-z0-9]+)(?:\.(?P<group>[a-z0-9.-]+))?\])?"
)


class Key(msgspec.Struct, frozen=True, order=True, gc=False):
    """(cluster, API group, kind, namespace, name): what tells one object from every other."""

    cluster: str
    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """The id shown to people: `cluster:namespace/name[Kind.group]`, the parts that say nothing left out."""
        kind = self.kind if self.group in BUILT_IN_GROUPS else f"{self.kind}.{self.group}"
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.cluster}:{place}[{kind}]" if self.cluster else f"{place}[{kind}]"


class Pattern(msgspec.Struct, frozen=True):
    """A name as a user writes it, any part of which may be left out (None)."""

    name: str
    namespace: str | None = None
    kind: str | None = None
    group: str | None = None
    cluster: str | None = None

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Read `cluster:namespace/name[Kind.group]`; raises ValueError where the text has another form."""
        match = _ID.fullmatch(text)
        if match is None:
            raise ValueError(text)
        return cls(match["name"], match["namespace"], match["kind"], match["group"], match["cluster"])

    def matches(self, key: Key) -> bool:
        """Whether every part that is given is the key's."""
        return (
            self.name == key.name
            and self.namespace in (None, key.namespace)
            and self.kind in (None, key.kind)
            and self.group in (None, key.group)
            and self.cluster in (None, key.cluster)
        )
