//! A client and a server made with nothing but the `spiffe` crates: what any user of them would write.

mod attack;
mod tally;
mod traffic;
mod workload;

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const USAGE: &str = "usage: rust-client COMMAND [FLAGS]

  fetch    print X509-SVIDs, JWT-SVIDs and bundles as one JSON object: --audience, --wait
  watch    print a JSON line for every update: --wait
  validate print whose a token on standard input is, as the library and as the Workload API say: --audience, --wait
  client   send requests to a server of a known SPIFFE ID, then print what came of them:
           --addr HOST:PORT --peer ID, --rate, --kept, --count, --for, --until-failed
  server   echo the requests of a client of a known SPIFFE ID, then print how many: --listen HOST:PORT --peer ID, --for
  attack   be a client (--addr) or a server (--listen) with --certificate and --key from PEM files

The Workload API is at SPIFFE_ENDPOINT_SOCKET. Times are in seconds.
";

/// The options of a command line, each a word after its `--name`.
pub struct Options(HashMap<String, String>);

impl Options {
    fn parse(words: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut words = words.peekable();
        let mut given = HashMap::new();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").ok_or(format!("`{word}` is no option"))?.to_owned();
            let value = words.next_if(|next| !next.starts_with("--")).unwrap_or_default();
            given.insert(name, value);
        }
        Ok(Self(given))
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn text(&self, name: &str) -> Outcome<&str> {
        Ok(self.0.get(name).ok_or(format!("--{name} is needed"))?)
    }

    pub fn number(&self, name: &str, default: f64) -> Outcome<f64> {
        Ok(self.0.get(name).map_or(Ok(default), |text| text.parse())?)
    }

    pub fn wait(&self) -> Outcome<Duration> {
        Ok(Duration::from_secs_f64(self.number("wait", 10.0)?))
    }
}

// On one thread, so that nothing happens between asking whether TLS is up to date and a step of a handshake.
fn main() {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_else(|| "--help".into());
    if command == "--help" {
        print!("{USAGE}");
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let ended = runtime.block_on(async {
        let options = Options::parse(words)?;
        match command.as_str() {
            "fetch" => workload::fetch(&options).await,
            "watch" => workload::watch(&options).await,
            "validate" => workload::validate(&options).await,
            "client" | "server" | "attack" => traffic::run(&command, &options).await,
            _ => Err(format!("there is no command `{command}`").into()),
        }
    });
    if let Err(error) = ended {
        show(&json!({"error": workload::code(error.as_ref()), "message": error.to_string()}));
        std::process::exit(1);
    }
}

pub fn show(value: &Value) {
    println!("{value}");
}

pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64()
}
