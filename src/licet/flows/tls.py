"""TLS as reporters speak of it: names of what has numbers, and failures of handshakes by cause."""

from __future__ import annotations

from licet.flows.record import TlsFailure

CIPHERS = {
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0xC02B: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    0xC02C: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    0xC02F: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    0xC030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    0xCCA8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    0xCCA9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    0xC009: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    0xC00A: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    0xC013: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    0xC014: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    0x009C: "TLS_RSA_WITH_AES_128_GCM_SHA256",
    0x009D: "TLS_RSA_WITH_AES_256_GCM_SHA384",
    0x002F: "TLS_RSA_WITH_AES_128_CBC_SHA",
    0x0035: "TLS_RSA_WITH_AES_256_CBC_SHA",
    0x000A: "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
}
"""Those that BoringSSL knows, by IANA's numbers."""

_NONE = (0, 0xFFFF)
_CAUSES = (
    (TlsFailure.EXPIRED, ("certificate has expired", "alert_certificate_expired")),
    (TlsFailure.NOT_YET_VALID, ("certificate is not yet valid",)),
    (TlsFailure.REVOKED, ("certificate revoked", "certificate_revoked")),
    (TlsFailure.WRONG_IDENTITY, ("san matcher", "san list", "hostname mismatch", "unrecognized_name")),
    (
        TlsFailure.NO_CERTIFICATE,
        ("peer_did_not_return_a_certificate", "alert_certificate_required", "absence of peer certificate"),
    ),
    (
        TlsFailure.UNKNOWN_AUTHORITY,
        (
            "issuer certificate",
            "self signed certificate",
            "self-signed certificate",
            "certificate signature failure",
            "verify the first certificate",
            "certificate not trusted",
            "trust bundle",
            "alert_unknown_ca",
        ),
    ),
    (TlsFailure.VERSION, ("unsupported_protocol", "protocol_version", "no_supported_versions_enabled")),
    (
        TlsFailure.CIPHER,
        (
            "no_shared_cipher",
            "no_ciphers_available",
            "no_shared_group",
            "no_common_signature",
            "alert_handshake_failure",
        ),
    ),
    (TlsFailure.NOT_TLS, ("wrong_version_number", "http_request", "https_proxy_request")),
    (TlsFailure.NO_SECRET, ("secret is not supplied",)),
    (TlsFailure.PEER_REFUSED, ("sslv3_alert_", "tlsv1_alert_")),
)
"""What stands in the text, in lower case, the more particular causes first: a refusal by alert may say a cause."""


def cause(text: str) -> TlsFailure:
    """The cause that a text of BoringSSL, or of Envoy's validators, speaks of."""
    lower = text.lower()
    return next((cause for cause, signs in _CAUSES if any(sign in lower for sign in signs)), TlsFailure.OTHER)


def concerns(text: str) -> bool:
    """Whether a failure of the transport is one of TLS, and not of the connection below."""
    if "system library" in text:
        return False
    return "TLS" in text or "SSL" in text or cause(text) is not TlsFailure.OTHER


def cipher(number: int) -> str:
    """The name of a cipher suite, or its number in IANA's way; empty where none was agreed upon yet."""
    return CIPHERS.get(number) or (f"0x{number:04X}" if number not in _NONE else "")


def version(cipher: int, said: str) -> str:
    """The version of a connection with this cipher suite, empty where none was agreed upon yet.

    Suites of TLS 1.3 belong to no other version. Envoy keeps what it was first asked for, which for the log of a
    connection that begins is before the handshake: what it says at the end may be wrong.
    """
    if cipher in _NONE:
        return ""
    return "TLSv1.3" if cipher >> 8 == 0x13 else said
