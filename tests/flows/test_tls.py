"""What failures of handshakes are taken for."""

from __future__ import annotations

import pytest

from licet.flows import tls
from licet.flows.record import TlsFailure

_VERIFY = "TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify cert failed: "
_ALERT = "TLS_error:|268436502:SSL routines:OPENSSL_internal:"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (f"{_VERIFY}X509_verify_cert: ... at depth 0: certificate has expired", TlsFailure.EXPIRED),
        (f"{_ALERT}SSLV3_ALERT_CERTIFICATE_EXPIRED:TLS_error_end", TlsFailure.EXPIRED),
        (f"{_VERIFY}X509_verify_cert: ... certificate is not yet valid", TlsFailure.NOT_YET_VALID),
        (f"{_VERIFY}X509_verify_cert: ... certificate revoked", TlsFailure.REVOKED),
        (f"{_VERIFY}SAN matcher, certificate SANs are [spiffe://a/expired]", TlsFailure.WRONG_IDENTITY),
        (f"{_VERIFY}X509_verify_cert: ... unable to get local issuer certificate", TlsFailure.UNKNOWN_AUTHORITY),
        (f"{_VERIFY}no trust bundle store", TlsFailure.UNKNOWN_AUTHORITY),
        (f"{_ALERT}TLSV1_ALERT_UNKNOWN_CA", TlsFailure.UNKNOWN_AUTHORITY),
        (f"{_ALERT}PEER_DID_NOT_RETURN_A_CERTIFICATE", TlsFailure.NO_CERTIFICATE),
        (f"{_ALERT}TLSV1_ALERT_CERTIFICATE_REQUIRED", TlsFailure.NO_CERTIFICATE),
        (f"{_ALERT}UNSUPPORTED_PROTOCOL", TlsFailure.VERSION),
        (f"{_ALERT}TLSV1_ALERT_PROTOCOL_VERSION", TlsFailure.VERSION),
        (f"{_ALERT}NO_SUPPORTED_VERSIONS_ENABLED", TlsFailure.VERSION),
        (f"{_ALERT}NO_SHARED_CIPHER", TlsFailure.CIPHER),
        (f"{_ALERT}SSLV3_ALERT_HANDSHAKE_FAILURE", TlsFailure.CIPHER),
        (f"{_ALERT}WRONG_VERSION_NUMBER", TlsFailure.NOT_TLS),
        (f"{_ALERT}HTTP_REQUEST", TlsFailure.NOT_TLS),
        ("TLS error: Secret is not supplied by SDS", TlsFailure.NO_SECRET),
        (f"{_ALERT}SSLV3_ALERT_CERTIFICATE_UNKNOWN", TlsFailure.PEER_REFUSED),
        (f"{_ALERT}TLSV1_ALERT_DECRYPT_ERROR", TlsFailure.PEER_REFUSED),
        (f"{_ALERT}SOMETHING_NEW", TlsFailure.OTHER),
        ("", TlsFailure.OTHER),
    ],
)
def test_causes(text: str, cause: TlsFailure) -> None:
    assert tls.cause(text) is cause


@pytest.mark.parametrize(
    ("text", "concerned"),
    [
        (f"{_ALERT}UNSUPPORTED_PROTOCOL", True),
        ("delayed connect error: Connection refused", False),
        ("TLS_error:|33554536:system library:OPENSSL_internal:Connection reset by peer:TLS_error_end", False),
        ("", False),
    ],
)
def test_what_is_no_failure_of_tls(text: str, concerned: bool) -> None:
    assert tls.concerns(text) is concerned


def test_numbers_have_names() -> None:
    assert [tls.cipher(number) for number in (0x1301, 0xC02F, 0x1234, 0, 0xFFFF)] == [
        "TLS_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "0x1234",
        "",
        "",
    ]


def test_the_suite_says_the_version_where_envoy_is_wrong_about_it() -> None:
    assert [tls.version(number, "TLSv1.2") for number in (0x1301, 0xC02F, 0xFFFF)] == ["TLSv1.3", "TLSv1.2", ""]
