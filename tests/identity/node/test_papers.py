"""An agent's key and certificate on its disk: whole or not at all, and nothing of them lies about."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from licet.identity import keys
from licet.identity.node import papers
from licet.identity.node.tls import Material
from tests.identity.authorities import Authority, der

KILLED = """
import os, signal, sys
from pathlib import Path
from licet.identity.node import papers
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
papers._write(Path(sys.argv[1]), b"a key")
"""


def material() -> Material:
    authority, key = Authority.of("example.org"), keys.generate(keys.KeyKind.EC_P256)
    return Material(tuple(authority.chain(key=key)), keys.write_private(key), (der(authority.root),))


def test_what_a_killed_agent_left_is_written_over(tmp_path: Path) -> None:
    wanted = material()
    papers.save(tmp_path, wanted)
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "agent.pem")], check=False)
        assert done.returncode == -9
        assert papers.load(tmp_path) == wanted
        assert {each.name for each in tmp_path.iterdir()} == {"agent.pem", "roots.pem", ".agent.pem.new"}
    papers.save(tmp_path, wanted)
    assert {each.name for each in tmp_path.iterdir()} == {"agent.pem", "roots.pem"}
