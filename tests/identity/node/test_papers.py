"""An agent's key and certificate on its disk: whole or not at all, and nothing of them lies about."""

from __future__ import annotations

import stat
from pathlib import Path

from licet.identity import keys
from licet.identity.node import papers
from licet.identity.node.tls import Material
from tests.identity.authorities import Authority, der


def material() -> Material:
    authority, key = Authority.of("example.org"), keys.generate(keys.KeyKind.EC_P256)
    return Material(tuple(authority.chain(key=key)), keys.write_private(key), (der(authority.root),))


def test_what_is_saved_is_loaded_and_is_its_owners_alone(tmp_path: Path) -> None:
    home, wanted = tmp_path / "agent", material()
    papers.save(home, wanted)
    papers.save(home, wanted)
    assert papers.load(home) == wanted
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in home.iterdir()}
    assert modes == {"agent.pem": 0o600, "roots.pem": 0o600}
