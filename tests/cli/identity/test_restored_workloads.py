"""A machine is lost with everything on it: after a restore workloads and agents go on as who they were."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from licet.identity.errors import RefusedError
from tests.cli.command import licet
from tests.cli.identity.running import OWN, destroy, fetch, founded, running, told, until


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_workloads_keep_their_identities(tmp_path: Path, engine: str, request: pytest.FixtureRequest) -> None:
    data, file, key, socket = founded(tmp_path / "data"), tmp_path / "backup", tmp_path / "key", tmp_path / "s"
    with running("serve", tmp_path / "log", "--data", data, "--socket", socket):
        before = fetch(socket)
        backed_up = licet("identity", "backup", "--data", data, "--out", file)
        assert backed_up.code == 0, backed_up.err
        shutil.copy2(data / "sealing.key", key)
    destroy(data)

    where: list[str | Path] = ["--data", tmp_path / "new", "--key-file", key]
    if engine == "postgresql":
        where += ["--database", request.getfixturevalue("postgres_url")]
    restored = licet("identity", "restore", file, *where)
    assert restored.code == 0, restored.err
    assert "is gone" in restored.err
    with running("serve", tmp_path / "log2", *where, "--socket", socket):
        after = fetch(socket)
    assert (before.id, after.id) == (OWN, OWN)
    assert before.chain != after.chain
    assert before.roots == after.roots
    assert str(before.believes(after)) == str(after.believes(before)) == OWN
    verified = licet("audit", "verify", *where)
    assert verified.code == 0, verified.err + verified.out
    assert "domain.restored" in licet("audit", "show", *where).out
    assert licet("audit", "show", *where, "--kind", "svid.issued").out.count(OWN) >= 2

    other = founded(tmp_path / "other")
    with running("serve", tmp_path / "log3", "--data", other, "--socket", socket):
        stranger = fetch(socket)
    with pytest.raises(RefusedError):
        before.believes(stranger)


def test_an_agent_goes_on_with_the_certificate_that_it_has(tmp_path: Path) -> None:
    data, file, key, socket = founded(tmp_path / "data"), tmp_path / "backup", tmp_path / "key", tmp_path / "s"
    token, roots = tmp_path / "token", tmp_path / "roots.pem"
    made = licet("identity", "agents", "token", "--data", data, "one")
    assert made.code == 0, made.err
    token.write_text(made.out.strip())
    unused = licet("identity", "agents", "token", "--data", data, "two").out.strip()
    roots.write_text(licet("identity", "bundle", "--data", data, "-o", "pem").out)
    shutil.copy2(data / "sealing.key", key)
    with running("serve", tmp_path / "log", "--data", data, "--listen", "127.0.0.1:0", "--join", "127.0.0.1:0") as log:
        listen, join = ("127.0.0.1:" + told(log, rf"{what} at port (\d+)") for what in ("agents", "joining"))
        node = ("--trust-domain", "shop.example", "--server", listen, "--join", join, "--trust-bundle", roots)
        home = ("--data", tmp_path / "node", "--socket", socket)
        with running("agent", tmp_path / "log2", *home, *node, "--join-token-file", token):
            before = fetch(socket)
        assert licet("identity", "backup", "--data", data, "--out", file).code == 0
    destroy(data)

    where = ("--data", tmp_path / "new", "--key-file", key)
    restored = licet("identity", "restore", file, *where)
    assert restored.code == 0, restored.err
    assert "1 join token taken back" in restored.err
    with (
        running("serve", tmp_path / "log3", *where, "--listen", listen, "--join", join),
        running("agent", tmp_path / "log4", *home, *node),
    ):
        after = until(lambda: held if (held := fetch(socket)).chain != before.chain else None)
    assert (before.id, after.id) == (OWN, OWN)
    assert str(before.believes(after)) == str(after.believes(before)) == OWN
    assert unused not in licet("audit", "show", *where).out
