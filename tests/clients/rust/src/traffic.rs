use std::future::{Future, pending, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;
use spiffe::X509Source;
use spiffe_rustls::{Error, TlsStatus, authorizer, mtls_client, mtls_server};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::attack;
use crate::tally::Tally;
use crate::workload::{serial, source};
use crate::{Options, Outcome, show};

const PATIENCE: Duration = Duration::from_secs(10);

/// One side of the traffic. `ended` is true as soon as nothing more is to be begun.
struct Side {
    tally: Mutex<Tally>,
    status: Option<TlsStatus>,
    begun: AtomicU64,
    count: u64,
    until_failed: bool,
    ended: watch::Sender<bool>,
}

pub async fn run(command: &str, options: &Options) -> Outcome<()> {
    let mut side = Side {
        tally: Mutex::default(),
        status: None,
        begun: AtomicU64::new(0),
        count: options.number("count", 0.0)? as u64,
        until_failed: options.has("until-failed"),
        ended: watch::Sender::new(false),
    };
    if options.has("listen") {
        let (config, source) = server_tls(command, options, &mut side).await?;
        let side = begin(side, source, options)?;
        serve(options.text("listen")?, TlsAcceptor::from(Arc::new(config)), &side).await?;
        show(&side.tally.lock().unwrap().shown());
    } else {
        let addr: Arc<str> = options.text("addr")?.into();
        let (config, source) = client_tls(command, options, &mut side).await?;
        let side = begin(side, source, options)?;
        send(addr, TlsConnector::from(Arc::new(config)), &side, options).await?;
        show(&side.tally.lock().unwrap().shown());
    }
    Ok(())
}

async fn server_tls(command: &str, options: &Options, side: &mut Side) -> Outcome<(ServerConfig, Option<X509Source>)> {
    if command == "attack" {
        return Ok((attack::server(options)?, None));
    }
    let source = source(options).await?;
    let peers = authorizer::exact([options.text("peer")?])?;
    let (config, status) = mtls_server(source.clone()).authorize(peers).build_with_status()?;
    side.status = Some(status);
    Ok((config, Some(source)))
}

async fn client_tls(command: &str, options: &Options, side: &mut Side) -> Outcome<(ClientConfig, Option<X509Source>)> {
    if command == "attack" {
        return Ok((attack::client(options)?, None));
    }
    let source = source(options).await?;
    let peers = authorizer::exact([options.text("peer")?])?;
    let (config, status) = mtls_client(source.clone()).authorize(peers).build_with_status()?;
    side.status = Some(status);
    Ok((config, Some(source)))
}

/// Says what it is, follows updates, and arranges for the end.
fn begin(side: Side, source: Option<X509Source>, options: &Options) -> Outcome<Arc<Side>> {
    let side = Arc::new(side);
    match source {
        Some(source) => {
            let svid = source.svid()?;
            let held = serial(svid.leaf().as_bytes())?;
            show(&json!({"ready": true, "id": svid.spiffe_id().to_string(), "serial": held}));
            side.tally.lock().unwrap().holds(held, false);
            tokio::spawn(follow(source, Arc::clone(&side)));
        }
        None => show(&json!({"ready": true})),
    }
    let period = options.number("for", 0.0)?;
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let ended = side.ended.clone();
    tokio::spawn(async move {
        let over = async { if period > 0.0 { sleep(Duration::from_secs_f64(period)).await } else { pending().await } };
        tokio::select! {
            () = over => (),
            _ = term.recv() => (),
            _ = interrupt.recv() => (),
        }
        ended.send_replace(true);
    });
    Ok(side)
}

async fn follow(source: X509Source, side: Arc<Side>) {
    let mut updates = source.updated();
    while updates.changed().await.is_ok() {
        if let Ok(svid) = source.svid()
            && let Ok(held) = serial(svid.leaf().as_bytes())
        {
            side.tally.lock().unwrap().holds(held, true);
        }
    }
}

/// Asks on a new connection with each tick, and on every kept one. What was begun is ended before it returns.
async fn send(addr: Arc<str>, tls: TlsConnector, side: &Arc<Side>, options: &Options) -> Outcome<()> {
    let period = Duration::from_secs_f64(1.0 / options.number("rate", 20.0)?);
    let mut running = JoinSet::new();
    for _ in 0..options.number("kept", 0.0)? as u64 {
        let (addr, tls, side) = (Arc::clone(&addr), tls.clone(), Arc::clone(side));
        running.spawn(async move {
            let mut kept = None;
            let mut ticks = interval(period);
            while side.tick(&mut ticks).await {
                let started = Instant::now();
                let outcome = side.exchange(&addr, &tls, &mut kept).await;
                side.settle(started, &outcome);
            }
            close(kept).await;
        });
    }
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while side.tick(&mut ticks).await {
        while running.try_join_next().is_some() {}
        let (addr, tls, side) = (Arc::clone(&addr), tls.clone(), Arc::clone(side));
        running.spawn(async move {
            let started = Instant::now();
            let mut fresh = None;
            let outcome = side.exchange(&addr, &tls, &mut fresh).await;
            side.settle(started, &outcome);
            close(fresh).await;
        });
    }
    running.join_all().await;
    Ok(())
}

impl Side {
    /// Whether one more request is to be begun, at its time.
    async fn tick(&self, ticks: &mut tokio::time::Interval) -> bool {
        let mut ended = self.ended.subscribe();
        tokio::select! {
            _ = ended.wait_for(|ended| *ended) => (),
            _ = ticks.tick() => (),
        }
        if self.count > 0 && self.begun.fetch_add(1, Ordering::Relaxed) >= self.count {
            self.ended.send_replace(true);
        }
        !*self.ended.borrow()
    }

    fn settle(&self, started: Instant, outcome: &io::Result<()>) {
        self.tally.lock().unwrap().settle(started, outcome);
        if outcome.is_err() && self.until_failed {
            self.ended.send_replace(true);
        }
    }

    async fn exchange(
        &self,
        addr: &str,
        tls: &TlsConnector,
        connection: &mut Option<TlsStream<TcpStream>>,
    ) -> io::Result<()> {
        let outcome = timeout(PATIENCE, async {
            if connection.is_none() {
                let name = ServerName::try_from("localhost").expect("a name");
                let tcp = TcpStream::connect(addr).await?;
                let stream = TlsStream::from(self.current(tls.connect(name, tcp)).await?);
                self.tally.lock().unwrap().connected(peer(&stream));
                *connection = Some(stream);
            }
            ask(connection.as_mut().expect("connected")).await
        })
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        if outcome.is_err() {
            *connection = None;
        }
        outcome
    }

    /// A handshake, no step of which is taken while new material is known and not yet converted.
    ///
    /// spiffe-rustls fails such a step (`PendingRevision`) rather than take the old material.
    async fn current<F: Future>(&self, handshake: F) -> F::Output {
        let mut handshake = pin!(handshake);
        poll_fn(|context| {
            let pending = self.status.as_ref().and_then(|status| status.current().error);
            if matches!(pending.as_deref(), Some(Error::PendingRevision { .. })) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            handshake.as_mut().poll(context)
        })
        .await
    }
}

async fn ask(connection: &mut TlsStream<TcpStream>) -> io::Result<()> {
    let stamp = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    let asked = format!("{stamp}\n");
    let mut said = vec![0; asked.len()];
    let sent = async {
        connection.write_all(asked.as_bytes()).await?;
        connection.flush().await
    };
    if let Err(error) = sent.await {
        // A server that refuses says so in an alert, and may have hung up by now.
        return Err(connection
            .read_exact(&mut said)
            .await
            .err()
            .filter(|said| said.get_ref().is_some())
            .unwrap_or(error));
    }
    connection.read_exact(&mut said).await?;
    if said == asked.as_bytes() {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "not what was asked"))
    }
}

async fn close(connection: Option<TlsStream<TcpStream>>) {
    if let Some(mut connection) = connection {
        let _ = connection.shutdown().await;
    }
}

async fn serve(addr: &str, tls: TlsAcceptor, side: &Arc<Side>) -> Outcome<()> {
    let listener = TcpListener::bind(addr).await?;
    show(&json!({"listening": listener.local_addr()?.to_string()}));
    let mut running = JoinSet::new();
    let mut ended = side.ended.subscribe();
    loop {
        let (connection, _) = tokio::select! {
            _ = ended.wait_for(|ended| *ended) => break,
            accepted = listener.accept() => accepted?,
        };
        while running.try_join_next().is_some() {}
        running.spawn(echo(connection, tls.clone(), Arc::clone(side)));
    }
    running.shutdown().await;
    Ok(())
}

/// Answers line by line. A connection that fails counts as one failed request.
async fn echo(connection: TcpStream, tls: TlsAcceptor, side: Arc<Side>) {
    let outcome = async {
        let shaken = timeout(PATIENCE, side.current(tls.accept(connection))).await;
        let stream = TlsStream::from(shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?);
        side.tally.lock().unwrap().connected(peer(&stream));
        let mut lines = BufReader::new(stream);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).await? > 0 {
            let started = Instant::now();
            lines.write_all(&line).await?;
            lines.flush().await?;
            side.settle(started, &Ok(()));
            line.clear();
        }
        // The other side may be gone altogether by now, which is its right.
        let _ = lines.shutdown().await;
        Ok::<(), io::Error>(())
    };
    if let Err(error) = outcome.await {
        side.tally.lock().unwrap().failed(&error);
    }
}

fn peer(stream: &TlsStream<TcpStream>) -> Option<String> {
    let (_, state) = stream.get_ref();
    serial(state.peer_certificates()?.first()?).ok()
}
