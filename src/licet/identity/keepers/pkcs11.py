"""Keys in a PKCS#11 token, such as an HSM; needs the package `python-pkcs11`."""

from __future__ import annotations

import importlib
import secrets
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from licet.identity.errors import IdentityError, MalformedError, RefusedError, UnavailableError
from licet.identity.keepers import handle as handles
from licet.identity.keepers.handle import Handle
from licet.identity.keepers.keeper import Kept, proven
from licet.identity.keepers.outside import outside
from licet.identity.keys import KeyKind, PrivateKey, read, spki

_CURVES = {KeyKind.EC_P256: "secp256r1", KeyKind.EC_P384: "secp384r1"}
_Result = TypeVar("_Result")


class Pkcs11Keeper:
    """Keeps keys that no one can take out of the token: sensitive, not extractable, for signatures alone.

    `module` is the token's library, `token` its label, `user_pin` what the user logs in with. One session is used by
    one caller at a time, and is opened anew after a failure.
    """

    name = "pkcs11"

    def __init__(self, module: str, token: str, user_pin: str) -> None:
        try:
            self._pkcs11: Any = importlib.import_module("pkcs11")
        except ImportError:
            raise IdentityError("keys in a PKCS#11 token need a package", "pip install python-pkcs11") from None
        self._module, self._token, self._user_pin = module, token, user_pin
        self._session: Any = None
        self._lock = threading.Lock()

    def generate(self, kind: KeyKind, label: str) -> Kept:
        """A new key in the token; raises RefusedError for kinds other than P-256 and P-384."""
        if kind not in _CURVES:
            raise RefusedError(f"a PKCS#11 token is not asked for keys of kind `{kind.value}`", "ec-p256 or ec-p384")
        id_ = secrets.token_bytes(16)
        public_key = read(self._ask(lambda session: self._make(session, kind, label, id_)))
        kept = Kept(Handle(spki(public_key), id_).encode(), public_key)
        self.load(kept.handle, label)
        return kept

    def load(self, handle: bytes, label: str) -> PrivateKey:
        """The key, which asks the token for each signature."""
        told = handles.read(handle)

        def signer(digest: bytes) -> bytes:
            raw = self._ask(lambda session: self._sign(session, told.private, digest))
            half = len(raw) // 2
            return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))

        public_key = read(told.public_key)
        if not isinstance(public_key, ec.EllipticCurvePublicKey):
            raise MalformedError(f"key `{label}` is of a kind that a token does not keep", "ec-p256 or ec-p384")
        return proven(outside(public_key, signer))

    def destroy(self, handle: bytes) -> None:
        """Both halves are gone from the token."""
        told = handles.read(handle)
        self._ask(lambda session: self._destroy(session, told.private))

    def _make(self, session: Any, kind: KeyKind, label: str, id_: bytes) -> bytes:
        attribute, key_type = self._pkcs11.Attribute, self._pkcs11.KeyType.EC
        parameters = session.create_domain_parameters(
            key_type,
            {attribute.EC_PARAMS: self._pkcs11.util.ec.encode_named_curve_parameters(_CURVES[kind])},
            local=True,
        )
        public, _ = parameters.generate_keypair(
            id=id_,
            label=f"licet {label}",
            store=True,
            capabilities=self._pkcs11.MechanismFlag.SIGN | self._pkcs11.MechanismFlag.VERIFY,
            private_template={attribute.SENSITIVE: True, attribute.EXTRACTABLE: False},
        )
        return bytes(self._pkcs11.util.ec.encode_ec_public_key(public))

    def _sign(self, session: Any, id_: bytes, digest: bytes) -> bytes:
        key = session.get_key(object_class=self._pkcs11.ObjectClass.PRIVATE_KEY, id=id_)
        return bytes(key.sign(digest, mechanism=self._pkcs11.Mechanism.ECDSA))

    def _destroy(self, session: Any, id_: bytes) -> None:
        for found in list(session.get_objects({self._pkcs11.Attribute.ID: id_})):
            found.destroy()

    def _ask(self, question: Callable[[Any], _Result]) -> _Result:
        with self._lock:
            try:
                if not self._user_pin:
                    raise self._shut_out()
                if self._session is None:
                    self._session = self._log_in()
                return question(self._session)
            except (
                self._pkcs11.PinIncorrect,
                self._pkcs11.PinInvalid,
                self._pkcs11.PinLenRange,
                self._pkcs11.PinLocked,
            ):
                # Asking on with a wrong PIN is what tokens lock themselves for.
                self._user_pin = ""
                raise self._shut_out() from None
            except self._pkcs11.NoSuchKey:
                raise IdentityError(
                    "the token has no such key", f"was it made in another than `{self._token}`?"
                ) from None
            except (self._pkcs11.PKCS11Error, RuntimeError, OSError) as error:
                self._close()
                raise UnavailableError(f"token `{self._token}` does not answer", type(error).__name__) from None

    def _log_in(self) -> Any:
        token = self._pkcs11.lib(self._module).get_token(token_label=self._token)
        try:
            return token.open(rw=True, user_pin=self._user_pin)
        except self._pkcs11.UserAlreadyLoggedIn:
            # A login is the whole process's, and every session has it.
            return token.open(rw=True)

    def _shut_out(self) -> RefusedError:
        return RefusedError(f"token `{self._token}` does not take the PIN", "put it right and start anew")

    def _close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            try:
                session.close()
            except self._pkcs11.PKCS11Error:
                return
