"""Commands of a trust domain as a person types them: what they answer, and that every refusal is one line and 2."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from licet.identity import bundle_document, request
from licet.identity.keys import KeyKind, generate
from licet.identity.spiffeid import TrustDomain, parse
from tests.cli.command import Ran, deployment, licet

CART = "spiffe://shop.example/cart"
CONTRACT = (
    "---\napiVersion: licet.dev/v1alpha1\nkind: Contract\nmetadata: {{name: {name}, namespace: shop}}\n"
    "spec:\n  targetRef: {{group: apps, kind: Deployment, name: {name}}}\n"
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("domain") / "data"
    assert run(folder, "init", "--trust-domain", "shop.example").code == 0
    return folder


@pytest.fixture
def data(template: Path, tmp_path: Path) -> Path:
    """A domain of the test's own."""
    return Path(shutil.copytree(template, tmp_path / "data", copy_function=shutil.copy2))


def run(data: Path, *arguments: str | Path, stdin: bytes = b"") -> Ran:
    return licet("identity", *arguments, "--data", data, stdin=stdin)


def refused(data: Path, *arguments: str | Path, stdin: bytes = b"") -> str:
    """What is said to somebody who has to put something right: one line, and nothing else."""
    ran = run(data, *arguments, stdin=stdin)
    lines = [line for line in ran.err.splitlines() if not line.startswith(("Usage: ", "Try "))]
    assert (ran.code, ran.out) == (2, ""), ran
    assert "Traceback" not in ran.err
    assert 1 <= len([line for line in lines if line]) <= 2, ran.err
    return ran.err


def answer(data: Path, *arguments: str | Path) -> dict[str, Any]:
    ran = run(data, *arguments, "-o", "json")
    assert ran.code == 0, ran.err
    value: dict[str, Any] = json.loads(ran.out)
    return value


def csr(name: str = CART) -> bytes:
    return request.make(generate(KeyKind.EC_P256), parse(name))


def test_a_domain_is_founded_once_and_its_secret_is_nobody_elses(data: Path) -> None:
    assert "a trust domain is founded in" in refused(data, "init", "--trust-domain", "other.example")
    assert {
        path.name: oct(path.stat().st_mode & 0o777) for path in (data, data / "sealing.key", data / "licet.db")
    } == {
        "data": "0o700",
        "sealing.key": "0o600",
        "licet.db": "0o600",
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--trust-domain", "Shop"], "`Shop` is no trust domain"),
        (["--svid-lifetime", "100000"], "cannot rotate safely over x509 ones"),
        (["--root-lifetime", "99999999999999"], "a hundred years"),
        (["--propagation", "-1"], "new roots are held back -1 s"),
        (["--svid-lifetime", "5"], "the x509 lifetime is 5 s"),
        (["--passphrase"], "assphrase"),
    ],
)
def test_what_cannot_be_founded_leaves_nothing_behind_that_hinders(
    options: list[str], said: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    named = options if "--trust-domain" in options else ["--trust-domain", "shop.example", *options]
    ran = run(data, "init", *named)
    assert ran.code in (1, 2)
    assert "Traceback" not in ran.err
    assert said in ran.err
    assert run(data, "init", "--trust-domain", "shop.example").code == 0


def test_no_folder_and_another_secret_are_told_plainly(data: Path, tmp_path: Path) -> None:
    for words in (["status"], ["entries", "list"], ["bundle"], ["revoke", CART], ["serve", "--socket", "/tmp/x.sock"]):
        assert "there is no database at" in refused(tmp_path / "nothing", *words)
        assert not (tmp_path / "nothing").exists()
    (data / "sealing.key").write_bytes((data / "sealing.key").read_bytes()[::-1])
    assert "key file" in refused(data, "revoke", CART)
    kept = (data / "sealing.key").rename(tmp_path / "kept")
    kept.write_bytes(kept.read_bytes()[::-1])
    assert "cannot be used, no such file or directory: `--key-file` names another" in refused(data, "revoke", CART)
    assert licet("identity", "revoke", CART, "--data", data, LICET_KEY_FILE=str(kept)).code == 0


def test_entries_are_added_once_and_removed_by_id(data: Path) -> None:
    words = ("entries", "add", "--spiffe-id", CART, "--selector", "unix:uid:1000")
    first, second = answer(data, *words), answer(data, *words)
    assert first == second
    [listed] = answer(data, "entries", "list")["entries"]
    assert listed["spiffe_id"] == CART
    assert run(data, "entries", "rm", listed["id"]).code == 0
    assert run(data, "entries", "list").out == "no entries\n"
    assert "no entry `0000`: `licet identity entries list` shows their ids" in refused(data, "entries", "rm", "0000")


def test_an_entry_that_nobody_can_be_is_registered_and_told_of(data: Path) -> None:
    words = ("--spiffe-id", CART, "--selector", "unix:udi:1000", "--node", "spiffe://shop.example/licet/agent/x")
    ran = run(data, "entries", "add", *words, "--federates-with", "bank.example")
    assert (ran.code, ran.err.count("warning: ")) == (0, 3)
    assert "nothing attests `unix:udi:1000`" in ran.err


def test_entries_are_chosen_and_their_columns_have_names(data: Path) -> None:
    for name, selector in (("a", "unix:uid:1"), ("b", "unix:uid:2")):
        words = ("--spiffe-id", f"spiffe://shop.example/{name}", "--selector", selector, "--hint", name)
        assert run(data, "entries", "add", *words, "--svid-lifetime", "600").code == 0
    head, row = run(data, "entries", "list", "--selector", "unix:uid:2").out.splitlines()
    assert head.split() == ["IDENTITY", "SELECTORS", "SOURCE", "ENTRY", "ALSO"]
    assert row.startswith("spiffe://shop.example/b  unix:uid:2  manual  ")
    assert row.endswith("  hint b, svid 600 s")
    [listed] = answer(data, "entries", "list", "--spiffe-id", "spiffe://shop.example/a")["entries"]
    assert listed["selectors"] == ["unix:uid:1"]


def test_what_programs_read_is_utf_8_whatever_the_terminal_is(data: Path) -> None:
    assert run(data, "revoke", CART, "--reason", "gestohlen in Köln").code == 0
    ran = licet("identity", "status", "--data", data, "-o", "json", PYTHONIOENCODING="latin-1")
    assert json.loads(ran.out)["revoked"][0]["reason"] == "gestohlen in Köln"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--spiffe-id", CART], "has no selector"),
        (["--spiffe-id", CART, "--selector", "uid"], "`uid` is no selector"),
        (["--spiffe-id", "spiffe://bank.example/a", "--selector", "unix:uid:1"], "is no identity of `shop.example`"),
        (["--spiffe-id", "spiffe://shop.example", "--selector", "unix:uid:1"], "is the ID of no workload"),
        (["--spiffe-id", "spiffe://shop.example/licet/x", "--selector", "unix:uid:1"], "is reserved"),
        (["--spiffe-id", "http://x", "--selector", "unix:uid:1"], "is no SPIFFE ID"),
        (["--spiffe-id", CART, "--selector", "unix:uid:1", "--svid-lifetime", "99999999"], "cannot live that long"),
        (["--spiffe-id", CART, "--selector", "unix:uid:1", "--svid-lifetime", "9"], "cannot be renewed every 9 s"),
        (["--spiffe-id", CART, "--selector", "unix:uid:1", "--id", "\x1b[2J"], "`␛[2J` is no id"),
        (["--spiffe-id", CART, "--selector", "unix:uid:1", "--dns-name", "a b"], "a b"),
        (["--spiffe-id", CART, "--selector", "unix:uid:1", "--dns-name", "licet-identity-server"], "is reserved"),
    ],
)
def test_an_entry_that_must_not_be_is_refused(options: list[str], said: str, data: Path) -> None:
    assert said in refused(data, "entries", "add", *options)
    assert run(data, "entries", "list").out == "no entries\n"


def test_contracts_become_entries_and_nothing_changes_where_they_are_wrong(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "k8s"
    folder.mkdir()
    text = "".join(deployment(name) + CONTRACT.format(name=name) for name in ("cart", "desk"))
    (folder / "all.yaml").write_text(text)
    tried = run(data, "entries", "sync", folder, "--dry-run")
    assert (tried.code, "1 added, 0 removed" in tried.out) == (0, True), tried
    assert "cannot be told apart" in tried.err
    assert run(data, "entries", "list").out == "no entries\n"
    assert "1 added" in run(data, "entries", "sync", folder).out
    [made] = answer(data, "entries", "list")["entries"]
    assert made["spiffe_id"] == "spiffe://shop.example/ns/shop/sa/default"
    (folder / "all.yaml").write_text(text + "---\nkind: [\n")
    broken = run(data, "entries", "sync", folder)
    assert (broken.code, broken.out) == (1, "")
    assert broken.err.endswith("nothing was changed\n")
    (folder / "all.yaml").write_text(deployment("cart"))
    assert "no contract is there, and 1 entries come from contracts" in refused(data, "entries", "sync", folder)
    assert answer(data, "entries", "list")["entries"] == [made]


def test_a_root_is_rotated_once_it_was_published_for_long_enough_or_by_force(data: Path) -> None:
    said = refused(data, "rotate", "root")
    assert "rotate from 20" in said
    assert "or add --force" in said
    before = json.loads(run(data, "bundle", "-o", "pins").out)
    assert run(data, "rotate", "root", "--force").code == 0
    after = json.loads(run(data, "bundle", "-o", "pins").out)
    assert (after["active"], after["retiring"]) == (before["backup"], before["active"])
    assert len(after["backup"]) == 1


def test_a_stolen_key_is_replaced_step_by_step(data: Path) -> None:
    before = json.loads(run(data, "bundle", "-o", "pins").out)
    assert "`zz` is too short to name an authority" in refused(data, "taint", "zz")
    ran = run(data, "taint", "--settle", "0")
    assert ran.code == 0
    assert [line.split("  ")[-1] for line in ran.err.splitlines()] == [
        "a successor is published",
        "the stolen key is tainted, and everything is issued again",
        "the stolen key is believed no more",
    ]
    after = json.loads(run(data, "bundle", "-o", "pins").out)
    assert (after["active"], after["retiring"]) == (before["backup"], [])
    assert "no ids of authorities begin with" in refused(data, "taint", before["active"][0])


def test_an_identity_is_revoked_and_permitted(data: Path) -> None:
    assert "is not revoked" in refused(data, "permit", CART)
    assert run(data, "revoke", CART, "--reason", "stolen").code == 0
    assert "is revoked" in refused(data, "issue", "--spiffe-id", CART, "--csr", "-", stdin=csr())
    assert run(data, "permit", CART).code == 0
    assert run(data, "issue", "--spiffe-id", CART, "--csr", "-", stdin=csr()).code == 0
    assert "is no SPIFFE ID" in refused(data, "revoke", "cart")
    assert "is the ID of no workload" in refused(data, "revoke", "spiffe://shop.example")
    assert "is an agent's or a server's" in refused(data, "revoke", "spiffe://shop.example/licet/server")
    assert "warning: no entry has this identity" in run(data, "revoke", CART).err
    words = ("entries", "add", "--spiffe-id", CART, "--selector", "unix:uid:1000")
    assert f"info: `{CART}` is registered and revoked" in run(data, *words).err
    assert run(data, "revoke", CART).err == f"revoked {CART}\n"
    assert run(data, "entries", "list").out.splitlines()[1].endswith("  revoked")


def test_requests_are_signed_in_either_form_and_what_is_none_is_refused(data: Path) -> None:
    der = csr()
    pem = x509.load_der_x509_csr(der).public_bytes(Encoding.PEM)
    words = ("issue", "--spiffe-id", CART, "--csr", "-")
    for form in (der, pem):
        ran = run(data, *words, stdin=form)
        assert ran.code == 0, ran.err
        leaf, upper = x509.load_pem_x509_certificates(ran.out.encode())
        leaf.verify_directly_issued_by(upper)
        assert leaf.public_key() == x509.load_der_x509_csr(der).public_key()
    for garbage in (b"", b"garbage", b"-----BEGIN CERTIFICATE REQUEST-----\nxx\n", pem[:200], b"\x30" * 70000):
        assert "request" in refused(data, *words, stdin=garbage)
    assert "and not" in refused(data, *words, stdin=csr("spiffe://shop.example/cash"))
    assert "is no lifetime here" in refused(data, *words, "--lifetime", "999999", stdin=der)
    reserved = "spiffe://shop.example/licet/server"
    assert "is reserved" in refused(data, "issue", "--spiffe-id", reserved, "--csr", "-", stdin=csr(reserved))


def test_the_bundle_is_printed_in_three_forms_that_others_read(data: Path, tmp_path: Path) -> None:
    bundle = bundle_document.decode(run(data, "bundle").out.encode(), TrustDomain("shop.example"))
    pem = run(data, "bundle", "-o", "pem").out
    (tmp_path / "roots.pem").write_text(pem)
    read = subprocess.run(
        ["openssl", "crl2pkcs7", "-nocrl", "-certfile", tmp_path / "roots.pem"], capture_output=True, check=True
    )
    assert read.stdout.startswith(b"-----BEGIN PKCS7-----")
    roots = x509.load_pem_x509_certificates(pem.encode())
    assert tuple(root.public_bytes(Encoding.DER) for root in roots) == bundle.x509
    assert len(bundle.x509) == 2
    pins = json.loads(run(data, "bundle", "-o", "pins").out)
    assert [len(pins[name]) for name in ("active", "retiring", "backup")] == [1, 0, 1]


def test_other_domains_are_trusted_distrusted_and_forgotten(data: Path, tmp_path: Path) -> None:
    other = tmp_path / "bank"
    assert run(other, "init", "--trust-domain", "bank.example").code == 0
    document = tmp_path / "bank.json"
    document.write_text(run(other, "bundle").out)
    assert "is this trust domain itself" in refused(data, "federation", "add", "shop.example", "--bundle", document)
    assert "nothing says where the bundle" in refused(data, "federation", "add", "bank.example")
    assert refused(data, "federation", "add", "post.example", "--bundle", document)
    for name in ("distrust", "trust", "rm"):
        assert "not federated with `bank.example`" in refused(data, "federation", name, "bank.example")
    assert run(data, "federation", "add", "bank.example", "--bundle", document).code == 0
    assert "bank.example  given by hand  trusted   20" in run(data, "federation", "list").out
    assert run(data, "federation", "distrust", "bank.example").code == 0
    head, row = run(data, "federation", "list").out.splitlines()
    assert head == "TRUST DOMAIN  BUNDLE FROM    STANDING    FETCHED"
    assert row.startswith("bank.example  given by hand  distrusted  20")
    assert run(data, "federation", "trust", "bank.example").code == 0
    assert run(data, "federation", "rm", "bank.example").code == 0
    assert run(data, "federation", "list").out == "no other trust domain\n"


def test_a_join_token_is_printed_once_and_stored_as_a_digest(data: Path) -> None:
    ran = run(data, "agents", "token", "node-7")
    assert (ran.code, len(ran.out.strip())) == (0, 43)
    assert ran.out.strip().encode() not in (data / "licet.db").read_bytes()
    assert run(data, "agents", "list").out == "no agents\n"
    for name in ("", "a/b", "x" * 200, "ä"):
        assert "is no name of a node" in refused(data, "agents", "token", name)
    agent = "spiffe://shop.example/licet/agent/join/node-7"
    for word in ("ban", "permit"):
        assert f"no agent `{agent}`" in refused(data, "agents", word, agent)
        assert "no agent is called `node-7`" in refused(data, "agents", word, "node-7")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "nothing to serve"),
        (["--listen", "127.0.0.1:0"], "`--listen` and `--join` go together"),
        (["--listen", "nowhere", "--join", "127.0.0.1:0"], "nowhere"),
        (["--socket", "/tmp/" + "x" * 120 + ".sock"], "socket"),
        (["--socket", "/dev/null/a.sock"], "/dev/null"),
        (["--federation", "x"], "`x` is no address"),
        (["--metrics", "x", "--socket", "/tmp/never.sock"], "`x` is no address"),
    ],
)
def test_what_cannot_be_served_is_told_and_the_command_ends(options: list[str], said: str, data: Path) -> None:
    ran = run(data, "serve", *options, "--log-format", "json")
    assert ran.code == 2, ran
    assert "Traceback" not in ran.err
    assert said in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["taint", ""], "the id of the authority is empty"),
        (["taint", "--wait", "nan"], "`nan` is not a valid number of seconds"),
        (["taint", "--settle", "-1"], "-1.0 is not in the range"),
        (["serve", "--socket", ""], "its name is empty"),
        (["status", "--data", ""], "its name is empty"),
    ],
)
def test_what_an_unset_variable_leaves_is_not_taken_for_something_else(words: list[str], said: str, data: Path) -> None:
    ran = licet("identity", *words, LICET_DATA=str(data))
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert said in ran.err
