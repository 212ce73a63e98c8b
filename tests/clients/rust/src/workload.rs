use std::error::Error;
use std::io;

use serde_json::{Map, Value, json};
use spiffe::x509_source::X509SourceError;
use spiffe::{JwtSvid, WorkloadApiClient, WorkloadApiError, X509BundleSet, X509Source, X509Svid};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{Options, Outcome, now, show};

/// Tokens are validated by the library and by the Workload API. Chains are not: the crate offers it in handshakes alone.
pub async fn fetch(options: &Options) -> Outcome<()> {
    let audience = options.text("audience").unwrap_or("licet-test");
    tokio::time::timeout(options.wait()?, async {
        let client = WorkloadApiClient::connect_env().await?;
        let material = client.fetch_x509_context().await?;
        let bundles = client.fetch_x509_bundles().await?;
        let keys = client.fetch_jwt_bundles().await?;
        let mut tokens = Vec::new();
        for svid in client.fetch_all_jwt_svids([audience], None).await? {
            client.validate_jwt_token(audience, svid.token()).await?;
            let valid = JwtSvid::parse_and_validate(svid.token(), &keys, &[audience])?;
            tokens.push(json!({
                "id": valid.spiffe_id().to_string(),
                "hint": svid.hint().unwrap_or_default(),
                "audience": valid.audience(),
                "expires": valid.expiry().unix_timestamp(),
                "token": valid.token(),
            }));
        }
        show(&json!({
            "svids": material.svids().iter().map(|svid| shown(svid)).collect::<Outcome<Vec<_>>>()?,
            "bundles": authorities(&bundles),
            "jwts": tokens,
            "jwt_bundles": keys
                .iter()
                .map(|(domain, bundle)| (domain.to_string(), bundle.jwt_authorities().count().into()))
                .collect::<Map<_, Value>>(),
        }));
        Ok(())
    })
    .await?
}

/// Whose a token on standard input is: by the library with the bundles of now, and by the Workload API.
pub async fn validate(options: &Options) -> Outcome<()> {
    let audience = options.text("audience").unwrap_or("licet-test");
    let token = io::read_to_string(io::stdin())?;
    tokio::time::timeout(options.wait()?, async {
        let client = WorkloadApiClient::connect_env().await?;
        let keys = client.fetch_jwt_bundles().await?;
        let api = client.validate_jwt_token(audience, &token).await;
        let library = JwtSvid::parse_and_validate(&token, &keys, &[audience]);
        show(&json!({
            "library": library.as_ref().map(|valid| valid.spiffe_id().to_string()).unwrap_or_default(),
            "api": api.map(|valid| valid.spiffe_id().to_string()).unwrap_or_default(),
            "refusal": library.err().map(|error| error.to_string()).unwrap_or_default(),
        }));
        Ok(())
    })
    .await?
}

pub async fn watch(options: &Options) -> Outcome<()> {
    let source = source(options).await?;
    let mut updates = source.updated();
    loop {
        match (source.svid(), source.bundle_set()) {
            (Ok(svid), Ok(bundles)) => {
                let own = bundles.get(svid.spiffe_id().trust_domain()).ok_or("no bundle of the own trust domain")?;
                let leaf = shown(&svid)?;
                show(&json!({
                    "time": now(),
                    "id": leaf["id"],
                    "serial": leaf["serial"],
                    "not_after": leaf["not_after"],
                    "authorities": own.authorities().len(),
                    "bundles": authorities(&bundles),
                }));
            }
            (Err(error), _) | (_, Err(error)) => {
                show(&json!({"error": code(&error), "message": error.to_string()}));
            }
        }
        updates.changed().await?;
    }
}

pub async fn source(options: &Options) -> Outcome<X509Source> {
    Ok(X509Source::builder().initial_sync_timeout(options.wait()?).build().await?)
}

pub fn serial(der: &[u8]) -> Outcome<String> {
    Ok(format!("{:x}", X509Certificate::from_der(der)?.1.tbs_certificate.serial))
}

/// The name of the gRPC status that an error comes from, where it comes from one.
pub fn code(error: &(dyn Error + 'static)) -> String {
    if let Some(X509SourceError::Source(inner)) = error.downcast_ref() {
        return code(inner);
    }
    match error.downcast_ref() {
        Some(WorkloadApiError::PermissionDenied(_) | WorkloadApiError::NoIdentityIssued) => "PermissionDenied".into(),
        Some(WorkloadApiError::Transport(spiffe::transport::TransportError::Status(status))) => {
            format!("{:?}", status.code())
        }
        Some(WorkloadApiError::Transport(_)) => "Unavailable".into(),
        _ if error.is::<tokio::time::error::Elapsed>() => "DeadlineExceeded".into(),
        _ if matches!(error.downcast_ref(), Some(X509SourceError::InitialSyncTimeout)) => "DeadlineExceeded".into(),
        _ => "Unknown".into(),
    }
}

fn shown(svid: &X509Svid) -> Outcome<Value> {
    let (_, leaf) = X509Certificate::from_der(svid.leaf().as_bytes())?;
    Ok(json!({
        "id": svid.spiffe_id().to_string(),
        "hint": svid.hint().unwrap_or_default(),
        "serial": serial(svid.leaf().as_bytes())?,
        "not_before": leaf.validity().not_before.timestamp(),
        "not_after": leaf.validity().not_after.timestamp(),
        "chain": svid.cert_chain().len(),
    }))
}

fn authorities(bundles: &X509BundleSet) -> Map<String, Value> {
    bundles.iter().map(|(domain, bundle)| (domain.to_string(), bundle.authorities().len().into())).collect()
}
