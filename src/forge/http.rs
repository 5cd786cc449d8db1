//! One request to a forge: tries, waits, and what an answer means.
//!
//! Asked again after a pause: what the server did not take (429, a rate limit
//! in the form of a 403, no connection), always; what may have been done
//! already (5xx, a connection that broke), only where doing it twice is the
//! same as once. `reqwest` and `rustls` are used here alone.

use std::{
    fmt,
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use reqwest::{
    Client, Method, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Error;

/// How many a page has at most, on GitHub and on GitLab.
/// <https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api>,
/// <https://docs.gitlab.com/api/rest/#pagination>
pub(super) const PAGE: usize = 100;

/// How often one request is tried, and a comment to be made.
pub(super) const TRIES: usize = 5;

/// How long one try may take. GitHub gives up by itself after ten seconds.
/// <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#timeouts>
const DEADLINE: Duration = Duration::from_secs(30);

/// What is waited at a rate limit whose end is not told.
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>
const MINUTE: u64 = 60;

/// A secret that is sent in a header, and never shown.
#[derive(Clone)]
pub struct Token(HeaderValue);

impl Token {
    /// A token as it stands in the environment.
    ///
    /// # Errors
    ///
    /// When it holds what no header can: the text says so, and not the token.
    pub fn new(text: &str) -> Result<Self, String> {
        let value = HeaderValue::from_str(text.trim());
        let mut value = value.map_err(|_| "the token holds a line break or another control character")?;
        value.set_sensitive(true);
        Ok(Token(value))
    }

    /// The same as `Authorization: Bearer` wants it.
    pub(super) fn bearer(&self) -> Result<HeaderValue, String> {
        let text = [b"Bearer ", self.0.as_bytes()].concat();
        let mut value = HeaderValue::from_bytes(&text).map_err(|_| "the token is no header")?;
        value.set_sensitive(true);
        Ok(value)
    }

    pub(super) fn plain(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// How long is waited, over all requests, and since when.
#[derive(Clone, Debug)]
pub struct Patience {
    /// What is left of it, in milliseconds.
    left: Arc<AtomicU64>,
    /// The clock, in seconds since 1970: some limits end at a time.
    now: fn() -> i64,
}

impl Patience {
    /// So much, by this clock.
    pub fn new(longest: Duration, now: fn() -> i64) -> Self {
        let milliseconds = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        Patience { left: Arc::new(AtomicU64::new(milliseconds)), now }
    }

    /// Takes a wait out of what is left; what is left when it is not enough.
    fn take(&self, wait: Duration) -> Result<(), u64> {
        let wanted = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let take = |left: u64| left.checked_sub(wanted);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .map(|_| ())
            .map_err(|left| left / 1000)
    }
}

/// The pause after so many tries.
pub(super) fn pause(tries: usize) -> Duration {
    let step = u32::try_from(tries.saturating_sub(1)).unwrap_or(u32::MAX).min(5);
    Duration::from_millis(250).saturating_mul(2u32.pow(step))
}

/// A request as it is sent, without the headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// `POST`.
    pub method: &'static str,
    /// Where to.
    pub url: String,
    /// What, as JSON.
    pub body: Option<Value>,
}

/// Whether a request may be sent again when nobody knows what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// Twice is the same as once.
    Safe,
    /// Twice makes two.
    Unsafe,
}

/// What is tried, and which right it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purpose {
    pub(super) what: &'static str,
    pub(super) right: &'static str,
    pub(super) again: Again,
}

/// An answer that says yes.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

/// A connection to one forge.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    server: String,
    patience: Patience,
}

impl Http {
    /// Connects to the server of a URL; with the proxy of the environment, the
    /// authorities of the system.
    pub(super) fn new(
        url: &str,
        headers: &[(&'static str, HeaderValue)],
        patience: Patience,
    ) -> Result<Self, Error> {
        let server = reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let unusable = |reason: String| Error::Unreachable { server: url.to_owned(), reason };
        let server = server.ok_or_else(|| unusable("it is no URL".to_owned()))?;
        let map = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.clone()));
        provider();
        let client = Client::builder()
            .user_agent(concat!("etcdctl-stack/", env!("CARGO_PKG_VERSION")))
            .default_headers(map.collect())
            // A token is sent to no other host, and a POST never becomes a GET.
            .redirect(Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(DEADLINE)
            .build()
            .map_err(|error| unusable(said(&error)))?;
        Ok(Http { client, server, patience })
    }

    /// Sends a request, again where that helps.
    pub(super) async fn send(&self, sent: &Sent, purpose: Purpose) -> Result<Answer, Error> {
        let mut tries = 1;
        loop {
            let (error, wait) = match self.once(sent, purpose).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Limited(seconds)) => {
                    let left = self.patience.left.load(Ordering::Relaxed) / 1000;
                    let error = Error::Limited { server: self.server.clone(), seconds, left };
                    (error, Duration::from_secs(seconds).max(pause(tries)))
                }
                Err(Failure::Passing(error)) => {
                    if error.is_lost() && purpose.again == Again::Unsafe {
                        return Err(error);
                    }
                    (error, pause(tries))
                }
            };
            if tries >= TRIES || self.patience.take(wait).is_err() {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
            tries += 1;
        }
    }

    async fn once(&self, sent: &Sent, purpose: Purpose) -> Result<Answer, Failure> {
        let method = Method::from_bytes(sent.method.as_bytes()).unwrap_or(Method::GET);
        let mut request = self.client.request(method, &sent.url);
        if let Some(body) = &sent.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let response = request.send().await.map_err(|error| self.failed(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.map_err(|error| self.failed(&error))?;
        let body = serde_json::from_str::<Value>(&text);
        if status.is_success() {
            let body = body.map_err(|error| Failure::Final(self.unexpected(&error.to_string())))?;
            return Ok(Answer { headers, body });
        }
        let message = message(status, body.ok().as_ref());
        Err(self.refused(status, &headers, message, sent, purpose))
    }

    /// The connection's own words, without the URL: it says nothing new.
    fn failed(&self, error: &reqwest::Error) -> Failure {
        let (server, reason) = (self.server.clone(), said(error));
        Failure::Passing(match error.is_connect() {
            true => Error::Unreachable { server, reason },
            false => Error::Lost { server, reason },
        })
    }

    fn refused(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        message: String,
        sent: &Sent,
        Purpose { what, right, .. }: Purpose,
    ) -> Failure {
        let server = self.server.clone();
        if let Some(seconds) = self.limited(status, headers, &message) {
            return Failure::Limited(seconds);
        }
        Failure::Final(match status.as_u16() {
            401 => Error::Unauthorized { server, message },
            403 => Error::Forbidden { what, message, right },
            404 => Error::NotFound { what, url: plain(&sent.url).to_owned() },
            400 | 413 | 422 if message.contains("too long") || status.as_u16() == 413 => {
                Error::TooLong(message)
            }
            300..=399 => Error::Refused { what, message: format!("{server} says that it moved ({status})") },
            500..=599 => return Failure::Passing(Error::Server { server, message }),
            _ => Error::Refused { what, message },
        })
    }

    /// How many seconds nothing may be asked, if this is a rate limit.
    fn limited(&self, status: StatusCode, headers: &HeaderMap, message: &str) -> Option<u64> {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
        let after = number("retry-after").and_then(|seconds| u64::try_from(seconds).ok());
        let is_used_up = number("x-ratelimit-remaining") == Some(0);
        let is_told = message.to_lowercase().contains("rate limit");
        match status.as_u16() {
            429 => {}
            403 if is_used_up || is_told || after.is_some() => {}
            // A server that is down for a while may say how long.
            503 => return after,
            _ => return None,
        }
        let reset = number("x-ratelimit-reset").or_else(|| number("ratelimit-reset"));
        let until = || reset.map(|reset| u64::try_from(reset - (self.patience.now)()).unwrap_or(0) + 1);
        Some(after.or_else(|| if is_used_up { until() } else { None }).unwrap_or(MINUTE))
    }

    pub(super) async fn get(&self, url: String, purpose: Purpose) -> Result<Answer, Error> {
        self.send(&Sent { method: "GET", url, body: None }, purpose).await
    }

    /// Every page of a list; the URL ends where a parameter may follow. The next
    /// page is counted, and not followed: where a link leads is the server's to
    /// say, and the token goes there.
    pub(super) async fn all<T: DeserializeOwned>(
        &self,
        is_last: fn(&HeaderMap) -> bool,
        url: &str,
        purpose: Purpose,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        for page in 1.. {
            let answer = self.get(format!("{url}per_page={PAGE}&page={page}"), purpose).await?;
            all.extend(self.shaped::<Vec<T>>(answer.body)?);
            if is_last(&answer.headers) {
                break;
            }
        }
        Ok(all)
    }

    pub(super) fn shaped<T: DeserializeOwned>(&self, body: Value) -> Result<T, Error> {
        serde_json::from_value(body).map_err(|error| self.unexpected(&error.to_string()))
    }

    pub(super) fn unexpected(&self, reason: &str) -> Error {
        Error::Unexpected { server: self.server.clone(), reason: reason.to_owned() }
    }
}

/// A text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Why one try failed.
enum Failure {
    /// Trying again does not help.
    Final(Error),
    /// It may.
    Passing(Error),
    /// It does after so many seconds.
    Limited(u64),
}

/// The server's words: GitHub has `message` and `errors`, GitLab a `message`
/// that may be a map, or `error`.
fn message(status: StatusCode, body: Option<&Value>) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let said = body.map(|body| {
        let first = if body["message"].is_null() { &body["error"] } else { &body["message"] };
        let errors = body["errors"].as_array().into_iter().flatten();
        let errors =
            errors.map(|error| text(if error["message"].is_null() { error } else { &error["message"] }));
        std::iter::once(text(first))
            .chain(errors)
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(": ")
    });
    match said.filter(|text| !text.is_empty()) {
        Some(said) => format!("{said} ({})", status.as_u16()),
        None => status.to_string(),
    }
}

/// A URL without the page that was asked for.
fn plain(url: &str) -> &str {
    url.split_once('?').map_or(url, |(plain, _)| plain)
}

/// An error with what caused it: the last says most.
fn said(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", DEADLINE.as_secs());
    }
    let mut source = std::error::Error::source(error);
    let mut last = "the connection broke".to_owned();
    while let Some(cause) = source {
        last = cause.to_string();
        source = cause.source();
    }
    last
}

/// `reqwest` brings no provider of its own here: `ring` is the one everywhere.
fn provider() {
    // It fails where one is there already.
    let _already = rustls::crypto::ring::default_provider().install_default();
}
