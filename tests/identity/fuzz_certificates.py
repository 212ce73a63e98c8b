"""Requests and certificates to mutate. Whoever attacks has keys: what is changed is signed again too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from licet.identity import certificate, request
from licet.identity.keepers.keeper import sign
from licet.identity.keys import KeyKind, PrivateKey, generate
from tests.identity.authorities import NOW, Authority, der, san, usage
from tests.identity.mutation import Node, parse

_ALL = frozenset(KeyKind)
_OURS = Authority.of("example.org")
_KEY = generate(KeyKind.EC_P256)
_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_CHAIN = _OURS.chain("/shop", dns_names=["shop.svc"])
_ROOTS = [der(_OURS.root)]


def _requests() -> list[bytes]:
    keys = [generate(kind) for kind in (KeyKind.EC_P256, KeyKind.EC_P384, KeyKind.ED25519, KeyKind.RSA_2048)]
    constraints = x509.BasicConstraints(ca=False, path_length=None)
    builder = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(constraints, critical=True)
    builder = builder.add_extension(usage(digital_signature=True), critical=True)
    builder = builder.add_extension(san("spiffe://example.org/bank"), critical=False)
    return [
        *(request.make(key, _OURS.trust_domain.member("/shop")) for key in keys),
        builder.sign(_KEY, hashes.SHA256()).public_bytes(Encoding.DER),
        x509.CertificateSigningRequestBuilder(x509.Name([])).sign(_KEY, hashes.SHA256()).public_bytes(Encoding.DER),
    ]


def _signed(body: bytes, key: PrivateKey) -> bytes:
    signature = Node(0x03, b"\x00" + sign(key, body))
    algorithm = parse(_ECDSA_SHA256)[0]
    return Node(0x30, body + algorithm.encode() + signature.encode()).encode()


def _bodies(wholes: Sequence[bytes]) -> list[bytes]:
    return [(parse(whole)[0].parts or [])[0].encode() for whole in wholes]


def _read(data: bytes) -> object:
    return request.read(data, _ALL)


def _read_signed(data: bytes) -> object:
    return request.read(_signed(data, _KEY), _ALL)


def _unsigned_chain(place: int) -> Callable[[bytes], object]:
    """The mutated certificate in this place of a good chain: nobody signed what was changed."""

    def target(data: bytes) -> object:
        chain = [*_CHAIN]
        chain[place] = data
        spiffe_id = certificate.verify(chain, _ROOTS, NOW)
        assert str(spiffe_id) == "spiffe://example.org/shop", spiffe_id
        return spiffe_id

    return target


def _verify_signed_leaf(data: bytes) -> object:
    chain = [_signed(data, _OURS.key), _CHAIN[1]]
    spiffe_id = certificate.verify(chain, _ROOTS, NOW)
    assert spiffe_id.path, spiffe_id
    return spiffe_id


def _verify_signed_authority(data: bytes) -> object:
    return certificate.verify([_CHAIN[0], _signed(data, _OURS.root_key)], _ROOTS, NOW)


def _constrained() -> bytes:
    """An authority in the place of the intermediate, with constraints on names."""
    builder = (
        x509.CertificateBuilder(_OURS.root.subject, _OURS.intermediate.subject, _OURS.key.public_key(), 7)
        .not_valid_before(_OURS.root.not_valid_before_utc)
        .not_valid_after(_OURS.root.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage(key_cert_sign=True), critical=True)
    )
    permitted = [x509.UniformResourceIdentifier("example.org"), x509.DNSName("svc")]
    constraints = x509.NameConstraints(permitted, [x509.UniformResourceIdentifier(".example.org")])
    return der(builder.add_extension(constraints, critical=True).sign(_OURS.root_key, hashes.SHA256()))


assert isinstance(_KEY, ec.EllipticCurvePrivateKey)
_AUTHORITIES = [_CHAIN[1], _constrained()]
KINDS: dict[str, tuple[Sequence[bytes], Callable[[bytes], object]]] = {
    "csr": (_requests(), _read),
    "csr-signed": (_bodies(_requests()), _read_signed),
    "leaf": ([_CHAIN[0]], _unsigned_chain(0)),
    "leaf-signed": (_bodies([_CHAIN[0]]), _verify_signed_leaf),
    "authority": (_AUTHORITIES, _unsigned_chain(1)),
    "authority-signed": (_bodies(_AUTHORITIES), _verify_signed_authority),
}
