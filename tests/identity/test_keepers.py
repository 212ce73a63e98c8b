"""Keepers: what they keep signs as any key does, is proven before it is used, and never leaves where it is kept."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from licet.identity import certificate, keys, request, token
from licet.identity.bundle import Bundle, JwtKey
from licet.identity.errors import IdentityError, MalformedError, RefusedError, UnavailableError
from licet.identity.keepers.command import CommandKeeper
from licet.identity.keepers.keeper import Keeper
from licet.identity.keepers.pkcs11 import Pkcs11Keeper
from licet.identity.keepers.sealed import SealedKeeper
from licet.identity.keys import KeyKind, PrivateKey
from licet.identity.sealing import Seal, new_key_file
from licet.identity.spiffeid import TrustDomain
from tests.identity.authorities import DAY, NOW, der, public

KMS = (sys.executable, str(Path(__file__).with_name("kms.py")))
MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
DOMAIN = TrustDomain("example.org")


@pytest.fixture
def seal(tmp_path: Path) -> Seal:
    new_key_file(tmp_path / "key")
    return Seal.from_key_file(tmp_path / "key")


@pytest.fixture
def kms() -> Iterator[CommandKeeper]:
    keeper = CommandKeeper(KMS)
    yield keeper
    keeper.close()


@pytest.fixture(scope="module")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pkcs11Keeper]:
    module = next((each for each in MODULES if Path(each).exists()), None)
    if importlib.util.find_spec("pkcs11") is None or module is None or shutil.which("softhsm2-util") is None:
        pytest.skip("needs the package python-pkcs11 and SoftHSM 2")
    folder = tmp_path_factory.mktemp("tokens")
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {folder}\nobjectstore.backend = file\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(settings))
        for label in ("licet", "strict"):
            made = ["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "1234", "--pin", "5678"]
            subprocess.run(made, check=True, capture_output=True)
        yield Pkcs11Keeper(module, "licet", "5678")


def signs_everything(key: PrivateKey) -> None:
    """An authority's whole work: a root, an authority under it, a leaf, a request and a token."""
    kind = keys.kind_of(key.public_key())
    top = certificate.root(DOMAIN, key, NOW - DAY, NOW + DAY)
    under = certificate.intermediate(DOMAIN, public(key), top, key, NOW - DAY, NOW + DAY)
    asked = request.read(request.make(key, DOMAIN.member("/shop")), frozenset({kind}))
    ends = NOW + timedelta(hours=1)
    leaf = certificate.leaf(asked.spiffe_ids[0], asked.public_key, under, key, NOW, ends, certificate.new_serial())
    assert certificate.verify([der(leaf), der(under)], [der(top)], NOW) == DOMAIN.member("/shop")
    if kind is not KeyKind.ED25519:
        text = token.issue(DOMAIN.member("/shop"), ["bank"], NOW, 300, key, "one", kind)
        bundle = Bundle(DOMAIN, (), (JwtKey("one", keys.spki(public(key))),))
        assert token.validate(text, "bank", {DOMAIN: bundle}, NOW)[0] == DOMAIN.member("/shop")


def keeps(keeper: Keeper, kind: KeyKind) -> None:
    kept = keeper.generate(kind, "root")
    key = keeper.load(kept.handle, "root")
    assert keys.pin(public(key)) == keys.pin(kept.public_key)
    assert keys.kind_of(kept.public_key) is kind
    signs_everything(key)


def stays_outside(key: PrivateKey) -> None:
    with pytest.raises(RefusedError, match="kept outside"):
        key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("kind", [KeyKind.EC_P256, KeyKind.EC_P384, KeyKind.ED25519])
def test_a_sealed_key_does_an_authoritys_work(seal: Seal, kind: KeyKind) -> None:
    keeps(SealedKeeper(seal), kind)


def test_a_sealed_key_shows_nothing_of_itself(seal: Seal) -> None:
    keeper = SealedKeeper(seal)
    kept = keeper.generate(KeyKind.EC_P256, "root")
    key = keeper.load(kept.handle, "root")
    assert keys.write_private(key)[40:60] not in kept.handle


def test_a_sealed_key_does_not_open_under_another_label(seal: Seal) -> None:
    keeper = SealedKeeper(seal)
    with pytest.raises(MalformedError, match="does not open as `key intermediate`"):
        keeper.load(keeper.generate(KeyKind.EC_P256, "root").handle, "intermediate")


def test_a_sealed_key_with_another_public_key_is_not_used(seal: Seal) -> None:
    keeper = SealedKeeper(seal)
    one, two = (msgspec.msgpack.decode(keeper.generate(KeyKind.EC_P256, "root").handle) for _ in range(2))
    with pytest.raises(IdentityError, match="does not belong to its public key"):
        keeper.load(msgspec.msgpack.encode([two[0], one[1]]), "root")


@pytest.mark.parametrize("junk", [b"", b"\x92\xc4", msgspec.msgpack.encode([b"", b""]), msgspec.msgpack.encode({})])
def test_junk_is_no_handle(seal: Seal, kms: CommandKeeper, junk: bytes) -> None:
    for keeper in (SealedKeeper(seal), kms):
        with pytest.raises(MalformedError):
            keeper.load(junk, "root")


@pytest.mark.parametrize("kind", [KeyKind.EC_P256, KeyKind.EC_P384, KeyKind.ED25519])
def test_a_programs_key_does_an_authoritys_work(kms: CommandKeeper, kind: KeyKind) -> None:
    keeps(kms, kind)
    stays_outside(kms.load(kms.generate(kind, "root").handle, "root"))


def test_a_programs_key_is_gone_once_it_is_destroyed(kms: CommandKeeper) -> None:
    kept = kms.generate(KeyKind.EC_P256, "root")
    key = kms.load(kept.handle, "root")
    kms.destroy(kept.handle)
    kms.destroy(kept.handle)
    with pytest.raises(IdentityError, match="refused: no key key-0-root"):
        request.make(key, DOMAIN.member("/shop"))


@pytest.mark.parametrize("fault", ["kind", "public", "signature", "id", "junk", "flood", "ends"])
def test_a_program_that_answers_wrongly_makes_no_key(fault: str) -> None:
    keeper = CommandKeeper((*KMS, fault))
    try:
        with pytest.raises(IdentityError, match=r"does not answer as it should|not its own"):
            keeper.generate(KeyKind.EC_P256, "root")
    finally:
        keeper.close()


def test_a_program_that_does_not_answer_is_given_up() -> None:
    keeper = CommandKeeper((*KMS, "silent"), timeout=0.5)
    with pytest.raises(UnavailableError, match="no answer in time"):
        keeper.generate(KeyKind.EC_P256, "root")


def test_a_program_sees_nothing_of_the_servers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LICET_SECRET", "1")
    keeper = CommandKeeper((*KMS, "environment"), environment={"REGION": "eu"})
    try:
        with pytest.raises(IdentityError, match=r"refused: LANG PATH REGION") as caught:
            keeper.generate(KeyKind.EC_P256, "root")
    finally:
        keeper.close()
    assert "LICET_SECRET" not in caught.value.help


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(UnavailableError, match="No such file"):
        CommandKeeper(("/nonexistent/keeper",)).generate(KeyKind.EC_P256, "root")
    with pytest.raises(RefusedError, match="no absolute path"):
        CommandKeeper(("keeper",))


def test_rsa_keys_are_not_made_outside(kms: CommandKeeper) -> None:
    with pytest.raises(RefusedError, match="no key of kind `rsa-2048`"):
        kms.generate(KeyKind.RSA_2048, "jwt")


@pytest.mark.parametrize("kind", [KeyKind.EC_P256, KeyKind.EC_P384])
def test_a_tokens_key_does_an_authoritys_work(hsm: Pkcs11Keeper, kind: KeyKind) -> None:
    keeps(hsm, kind)
    stays_outside(hsm.load(hsm.generate(kind, "root").handle, "root"))


def test_a_tokens_key_is_gone_once_it_is_destroyed(hsm: Pkcs11Keeper) -> None:
    kept = hsm.generate(KeyKind.EC_P256, "root")
    hsm.destroy(kept.handle)
    hsm.destroy(kept.handle)
    with pytest.raises(IdentityError, match="no such key"):
        hsm.load(kept.handle, "root")


def test_a_token_that_is_not_there_is_told(hsm: Pkcs11Keeper) -> None:
    with pytest.raises(UnavailableError, match="token `other` does not answer"):
        Pkcs11Keeper(hsm._module, "other", "5678").generate(KeyKind.EC_P256, "root")
    with pytest.raises(RefusedError, match="of kind `ed25519`"):
        hsm.generate(KeyKind.ED25519, "root")


def test_a_second_keeper_of_a_token_shares_the_login(hsm: Pkcs11Keeper) -> None:
    kept = hsm.generate(KeyKind.EC_P256, "root")
    second = Pkcs11Keeper(hsm._module, "licet", "5678")
    assert keys.pin(public(second.load(kept.handle, "root"))) == keys.pin(kept.public_key)


def test_a_token_is_not_asked_again_with_a_wrong_pin(hsm: Pkcs11Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token locks itself after a few."""
    keeper = Pkcs11Keeper(hsm._module, "strict", "9999")
    with pytest.raises(RefusedError, match="does not take the PIN"):
        keeper.generate(KeyKind.EC_P256, "root")
    monkeypatch.setattr(keeper, "_module", "/nonexistent.so")
    with pytest.raises(RefusedError, match="does not take the PIN"):
        keeper.generate(KeyKind.EC_P256, "root")


@pytest.mark.skipif(importlib.util.find_spec("pkcs11") is not None, reason="the package is there")
def test_a_token_without_the_package_says_what_to_install() -> None:
    with pytest.raises(IdentityError, match="pip install python-pkcs11"):
        Pkcs11Keeper("/nonexistent.so", "licet", "5678")
