use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Instant;

use serde_json::{Value, json};
use tokio_rustls::rustls::{CertificateError, Error as TlsError};

use crate::now;

/// What came of requests. Times are seconds since the epoch, 0 for never.
#[derive(Default)]
pub struct Tally {
    requests: u64,
    failed: BTreeMap<&'static str, u64>,
    connections: u64,
    updates: u64,
    own: BTreeSet<String>,
    peers: BTreeSet<String>,
    last_ok: f64,
    first_failed: f64,
    slowest: f64,
    failures: Vec<Value>,
}

/// What rustls says of a server without a certificate, which it has no type for.
const NO_CHAIN: &str = "no server certificate chain resolved";

impl Tally {
    pub fn settle(&mut self, started: Instant, outcome: &io::Result<()>) {
        match outcome {
            Ok(()) => self.succeeded(started),
            Err(error) => self.failed(error),
        }
    }

    fn succeeded(&mut self, started: Instant) {
        self.requests += 1;
        self.last_ok = now();
        self.slowest = self.slowest.max(started.elapsed().as_secs_f64());
    }

    pub fn failed(&mut self, error: &io::Error) {
        let time = now();
        if self.first_failed == 0.0 {
            self.first_failed = time;
        }
        self.requests += 1;
        let count = self.failed.entry(cause(error)).or_default();
        *count += 1;
        if *count == 1 || self.failures.len() < 5 {
            self.failures.push(json!({"time": time, "cause": cause(error), "message": error.to_string()}));
        }
    }

    pub fn connected(&mut self, peer: Option<String>) {
        self.connections += 1;
        self.peers.extend(peer);
    }

    pub fn holds(&mut self, serial: String, update: bool) {
        self.own.insert(serial);
        self.updates += u64::from(update);
    }

    pub fn shown(&self) -> Value {
        json!({
            "requests": self.requests,
            "failed": self.failed,
            "connections": self.connections,
            "updates": self.updates,
            "serials": self.own.len(),
            "peer_serials": self.peers.len(),
            "last_ok": self.last_ok,
            "first_failed": self.first_failed,
            "slowest": self.slowest,
            "failures": self.failures,
        })
    }
}

fn cause(error: &io::Error) -> &'static str {
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
        return tls_cause(tls);
    }
    match error.kind() {
        io::ErrorKind::InvalidData => "mismatch",
        io::ErrorKind::TimedOut => "timeout",
        io::ErrorKind::ConnectionRefused => "unreachable",
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "closed",
        _ => "other",
    }
}

fn tls_cause(error: &TlsError) -> &'static str {
    use spiffe::x509_source::X509SourceError;
    use spiffe_rustls::Error as Spiffe;
    match error {
        TlsError::AlertReceived(_) => "alert",
        TlsError::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => "expired",
        TlsError::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            "unknown_authority"
        }
        TlsError::General(text) if text == NO_CHAIN => "no_svid",
        TlsError::Other(other) => match other.0.downcast_ref() {
            Some(Spiffe::UnauthorizedSpiffeId(_)) => "wrong_identity",
            Some(Spiffe::NoBundle(_)) => "no_bundle",
            Some(Spiffe::InvalidLeaf(_) | Spiffe::CertParse(_)) => "bad_svid",
            Some(Spiffe::MissingSpiffeId | Spiffe::MultipleSpiffeIds) => "bad_svid",
            Some(Spiffe::PendingRevision { .. }) => "pending",
            // The own SVID has ended since the handshake began: the library judges nobody then.
            Some(Spiffe::NoSvid | Spiffe::Source(X509SourceError::NoSuitableSvid)) => "no_svid",
            _ => "other",
        },
        _ => "other",
    }
}
