"""Every JSON output of `licet identity` and `licet audit` keeps to a published schema."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest

from licet.cli.commands import audit, identity
from tests.cli.command import deployment, licet
from tests.cli.identity.running import OWN, running, until
from tests.cli.schemas import checked, hold

CONTRACT = (
    "---\napiVersion: licet.dev/v1alpha1\nkind: Contract\nmetadata: {{name: cart, namespace: {namespace}}}\n"
    "spec:\n  targetRef: {{group: apps, kind: Deployment, name: cart}}\n"
)
LINES = {"audit show": "audit-record.v1"}
"""Whose JSON is a record a line, as it stands in the log, where no name of a schema fits in."""
ELSEWHERE = {"audit export"}
"""Whose form others publish: `tests/audit/test_export.py` holds it to theirs."""


def leaves(command: click.Command, words: str) -> Iterator[tuple[str, click.Command]]:
    """Every command below this one."""
    if not isinstance(command, click.Group):
        yield words, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield from leaves(below, f"{words} {name}")


def forms(command: click.Command) -> set[str]:
    """The forms of its answer that are Licet's own JSON."""
    found: set[str] = set()
    for option in command.params:
        if option.name == "output" and isinstance(option.type, click.Choice):
            found |= {"json", "pins"}.intersection(option.type.choices)
    return found


JSON = sorted(
    f"{words} {form}"
    for group, name in ((identity.command, "identity"), (audit.command, "audit"))
    for words, command in leaves(group, name)
    for form in forms(command)
    if words not in ELSEWHERE
)


class Told:
    """What commands answered, by their words and the form that was asked for."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.answers: dict[str, list[str]] = {}

    def run(self, words: str, *options: str | Path, code: int = 0, form: str = "json", data: Path | None = None) -> str:
        """Run a command of the trust domain, and remember what it answers."""
        where = () if words == "identity fetch" else ("--data", data or self.data)
        ran = licet(*words.split(), *options, *where, "-o", form)
        assert ran.code == code, ran.err
        self.answers.setdefault(f"{words} {form}", []).append(ran.out)
        return ran.out


def registered(told: Told, home: Path) -> None:
    """Founding, entries, other domains, agents."""
    bank = home / "bank"
    told.run("identity init", "--trust-domain", "bank.example", data=bank)
    document = home / "bank.json"
    document.write_text(licet("identity", "bundle", "--data", bank).out)
    told.run("identity init", "--trust-domain", "shop.example")
    assert licet("identity", "federation", "add", "bank.example", "--bundle", document, "--data", told.data).code == 0
    address = ("--url", "https://127.0.0.1:1/bundle", "--data", told.data)
    assert licet("identity", "federation", "add", "post.example", *address).code == 0
    told.run("identity federation list")
    own = ("--spiffe-id", OWN, "--selector", f"unix:uid:{os.getuid()}", "--federates-with", "bank.example")
    told.run("identity entries add", *own, "--hint", "main", "--dns-name", "own.example", "--svid-lifetime", "600")
    agent = "spiffe://shop.example/licet/agent/join/seven"
    told.run("identity entries add", "--spiffe-id", f"{OWN}2", "--selector", "unix:uid:1", "--node", agent)
    manifests = home / "all.yaml"
    for namespace in ("shop", "bank"):
        manifests.write_text(deployment("cart", namespace) + CONTRACT.format(namespace=namespace))
        told.run("identity entries sync", manifests)
    told.run("identity entries list")
    told.run("identity agents list")
    told.run("identity agents token", "seven")


def kept(told: Told, home: Path) -> None:
    """Rotation, a theft, and a backup."""
    told.run("identity rotate", "intermediate")
    told.run("identity taint", "--settle", "0")
    told.run("identity bundle", form="pins")
    file = home / "backup"
    told.run("identity backup", "--out", file, "--rehearse")
    told.run("identity backup", "--out", file, "--force")
    key = ("--key-file", told.data / "sealing.key")
    told.run("identity restore", file, "--check", *key, data=home / "new")
    told.run("identity restore", file, *key, data=home / "new")


def served(told: Told, home: Path) -> None:
    """What a workload is given, and what there is while a server runs."""
    socket = home / "agent.sock"
    fetch = ("identity", "fetch", "--socket", socket)
    with running("serve", home / "log", "--data", told.data, "--socket", socket):
        until(lambda: licet(*fetch).code == 0 or None)
        told.run("identity fetch", "--socket", socket, "--jwt", "ledger")
        told.run("identity agents list")
        assert licet("identity", "revoke", f"{OWN}3", "--reason", "left", "--data", told.data).code == 0
        told.run("identity status")
        told.run("identity doctor", code=1)
    told.run("identity federation list")


def audited(told: Told, home: Path) -> None:
    """The log, sound and not."""
    told.run("audit verify")
    told.run("audit show")
    told.run("audit show", "--public-key")
    (home / "proof").write_text(told.run("audit prove", "--record", "3"))
    told.run("audit verify", "--proof", home / "proof")
    sizes = told.run("audit show", "--checkpoint")
    newest = int(json.loads(sizes)["checkpoint"].splitlines()[1])
    told.run("audit prove", "--from", "2", "--to", str(newest))
    (home / "proof").write_text((home / "proof").read_text().replace('"position": 3', '"position": 4'))
    told.run("audit verify", "--proof", home / "proof", code=1)
    with closing(sqlite3.connect(told.data / "licet.db")) as connection:
        connection.execute("UPDATE record SET body = x'7b7d' WHERE position = 3")
        connection.commit()
    told.run("audit verify", code=1)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    home = tmp_path_factory.mktemp("published")
    told = Told(home / "data")
    for part in (registered, kept, served, audited):
        part(told, home)
    return told


@pytest.mark.parametrize("answer", JSON)
def test_every_json_output_keeps_to_a_published_schema(answer: str, told: Told) -> None:
    """Of every command that offers JSON: one that is new has to be run above, and its form published."""
    assert answer in told.answers, "a command whose JSON nobody looks at"
    lines = LINES.get(answer.rpartition(" ")[0], "")
    for text in told.answers[answer]:
        if lines and not text.startswith("{\n"):
            assert text
            for line in text.splitlines():
                hold(json.loads(line), lines)
        else:
            checked(text)


def test_what_was_looked_at_held_something(told: Told) -> None:
    """An empty list keeps to any schema."""
    first, second = map(json.loads, told.answers["identity agents list json"])
    assert (first["agents"], len(second["agents"])) == ([], 1)
    fetched = json.loads(told.answers["identity fetch json"][0])
    assert (len(fetched["svids"]), len(fetched["tokens"]), sorted(fetched["bundles"])) == (
        1,
        1,
        ["bank.example", "shop.example"],
    )
    assert len(json.loads(told.answers["identity taint json"][0])["steps"]) == 3
    synchronised = json.loads(told.answers["identity entries sync json"][1])
    assert (len(synchronised["added"]), len(synchronised["removed"])) == (1, 1)
    assert json.loads(told.answers["audit verify json"][-1])["faults"]
    assert json.loads(told.answers["identity backup json"][0])["rehearsed"]
    federated = json.loads(told.answers["identity federation list json"][0])["federated"]
    assert [each["trust_domain"] for each in federated] == ["bank.example", "post.example"]
