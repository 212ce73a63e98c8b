"""What one node holds of one kind of resources, as far as it has said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

UNSURE = "?"
"""The version of what was refused with others: the node may have taken it, or still have what it had."""
ABSENT = ""
"""The version of what the node was told that it is not there."""


class Ledger:
    """Versions by name: held, refused, and those of the one response that is not answered yet.

    One response at a time is under way, so that who does not answer costs no more than that, and misses nothing but
    what was overtaken.
    """

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self._apart: set[str] = set()
        self._sent: dict[str, str] | None = None

    @property
    def waiting(self) -> bool:
        """Whether a response is under way."""
        return self._sent is not None

    def holds(self, name: str, version: str) -> bool:
        """Whether the node has said that it holds this version."""
        return self.held.get(name) == version

    def refuses(self, name: str, version: str) -> bool:
        """Whether the node has refused this version."""
        return self.refused.get(name) == version

    def news(self, wanted: Mapping[str, str]) -> list[str]:
        """The names whose version is to be said next: neither held nor refused."""
        new = [name for name, version in wanted.items() if self._new(name, version)]
        if not self._apart:
            return new
        return [name for name in new if name not in self._apart] or new[:1]

    def send(self, versions: Mapping[str, str]) -> None:
        """These are under way."""
        self._sent = dict(versions)

    def accept(self) -> None:
        """What was under way is held."""
        sent, self._sent = self._sent or {}, None
        self.held.update(sent)
        for name in sent:
            self.refused.pop(name, None)
        self._apart.difference_update(sent)

    def reject(self, *, together: bool) -> tuple[str, ...]:
        """What was under way is refused; the names that are not to be said again.

        Unless they are judged `together`, one of several may be at fault for all: each is said again by itself.
        """
        sent, self._sent = self._sent or {}, None
        self.held.update(dict.fromkeys(sent, UNSURE))
        if len(sent) > 1 and not together:
            self._apart.update(sent)
            return ()
        self.refused.update(sent)
        self._apart.difference_update(sent)
        return tuple(sent)

    def left(self) -> dict[str, str]:
        """What a node may have of this when its stream ends, though it does not say so: UNSURE, or what was sent."""
        unsure = {name: UNSURE for name, version in self.held.items() if version == UNSURE}
        return {**unsure, **(self._sent or {})}

    def doubt(self, left: Mapping[str, str]) -> None:
        """Believe of what was left by an earlier stream only what the node has said since."""
        self.held.update({name: UNSURE for name, version in left.items() if self.held.get(name) != version})

    def forget(self, names: Iterable[str]) -> None:
        """Whatever the node has of these, it is to be told again."""
        for name in names:
            self.held.pop(name, None)
            self.refused.pop(name, None)
            self._apart.discard(name)
            if self._sent is not None:
                self._sent.pop(name, None)

    def _new(self, name: str, version: str) -> bool:
        return self.held.get(name) != version and self.refused.get(name) != version
