//! One request and its answer, as JSON.

use std::time::Duration;

use http::{HeaderMap, Method, Request, header};
use http_body_util::BodyExt;
use kube::client::{AuthError, Body};
use serde_json::Value;

use super::{Error, error, plugin};

/// How long an answer may take. The API server gives up on its own side after
/// a minute.
pub const DEADLINE: Duration = Duration::from_secs(20);
/// How often a question is repeated that failed on the way or was put off.
const ATTEMPTS: u32 = 3;
/// The longest wait that a server may ask for in `Retry-After`.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Sends requests to one API server.
#[derive(Clone)]
pub struct Http {
    pub(super) client: kube::Client,
    /// For requests that upgrade their connection.
    pub(super) upgrades: kube::Client,
    pub(super) server: String,
    /// The command of the kubeconfig's credential plugin.
    pub(super) plugin: Option<String>,
}

/// A successful answer.
#[derive(Debug)]
pub struct Answer {
    /// 200, or 201 for what was made.
    pub code: u16,
    /// The texts of `Warning` headers.
    pub warnings: Vec<String>,
    /// The object.
    pub body: Value,
}

/// What a request carries.
pub enum Content<'a> {
    /// Nothing.
    None,
    /// A JSON object.
    Json(&'a Value),
    /// The body of a server-side apply.
    Apply(&'a Value),
    /// A list of changes, all or none.
    /// <https://www.rfc-editor.org/rfc/rfc6902>
    JsonPatch(&'a Value),
    /// A JSON merge patch.
    Merge(&'a Value),
    /// Nothing; of the objects in the answer only the metadata is wanted, so
    /// that no Secret's values are sent.
    Metadata,
}

impl Http {
    /// Reads.
    pub async fn get(&self, path: &str) -> Result<Answer, Error> {
        self.ask(Method::GET, path, Content::None).await
    }

    /// Sends a request that changes nothing: repeated when the server is busy
    /// or the connection broke.
    pub async fn ask(&self, method: Method, path: &str, content: Content<'_>) -> Result<Answer, Error> {
        let mut attempt = 1;
        loop {
            let Failed { error, retry_after } = match self.exchange(&method, path, &content).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            if attempt == ATTEMPTS || !matches!(error, Error::Server(_) | Error::Unreachable { .. }) {
                return Err(error);
            }
            tokio::time::sleep(pause(attempt, retry_after)).await;
            attempt += 1;
        }
    }

    /// Sends one request, once.
    pub async fn send(&self, method: Method, path: &str, content: Content<'_>) -> Result<Answer, Error> {
        self.exchange(&method, path, &content).await.map_err(|failed| failed.error)
    }

    async fn exchange(&self, method: &Method, path: &str, content: &Content<'_>) -> Result<Answer, Failed> {
        let request = request(method, path, content)
            .map_err(|error| Failed::from(Error::Server(format!("no such URL: {error}"))))?;
        let exchange = async {
            let response = self.client.send(request).await.map_err(|error| self.broken(&error))?;
            let (parts, body) = response.into_parts();
            let bytes = body.collect().await.map_err(|error| self.broken(&error))?.to_bytes();
            let body = serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
            let code = parts.status.as_u16();
            if parts.status.is_success() {
                return Ok(Answer { code, warnings: warnings(&parts.headers), body });
            }
            Err(Failed { error: error::of_status(code, &body), retry_after: retry_after(&parts.headers) })
        };
        let timeout = Error::Timeout { seconds: DEADLINE.as_secs() };
        tokio::time::timeout(DEADLINE, exchange).await.unwrap_or(Err(timeout.into()))
    }

    /// Why no answer came. The innermost reason: the outer ones say only that
    /// something failed.
    fn broken(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        let mut innermost = error;
        loop {
            if let Some(error) = innermost.downcast_ref::<AuthError>() {
                return plugin::refused(self.plugin.as_deref(), error);
            }
            let Some(source) = innermost.source() else { break };
            innermost = source;
        }
        Error::Unreachable {
            server: self.server.trim_end_matches('/').to_owned(),
            reason: broken(innermost.to_string()),
        }
    }
}

/// The TLS library adds the address of its manual to a connection that ended.
fn broken(reason: String) -> String {
    match reason.contains("close_notify") {
        true => "the connection broke".to_owned(),
        false => reason,
    }
}

/// How long to wait after an attempt: what the server asks for, within reason.
fn pause(attempt: u32, retry_after: Duration) -> Duration {
    let own = Duration::from_millis(100) * 3u32.pow(attempt);
    own.max(retry_after.min(LONGEST_WAIT))
}

/// A failed exchange, and for how long the server wants to be left alone.
struct Failed {
    error: Error,
    retry_after: Duration,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed { error, retry_after: Duration::ZERO }
    }
}

fn request(method: &Method, path: &str, content: &Content<'_>) -> Result<Request<Body>, http::Error> {
    let accept = match content {
        Content::Metadata => "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        _ => "application/json",
    };
    let builder = Request::builder()
        .method(method.clone())
        .uri(path)
        .header(header::USER_AGENT, concat!("etcdctl-stack/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, accept);
    match content {
        Content::None | Content::Metadata => builder.body(Body::empty()),
        Content::Json(value) => builder
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(value.to_string().into_bytes())),
        Content::JsonPatch(value) => builder
            .header(header::CONTENT_TYPE, "application/json-patch+json")
            .body(Body::from(value.to_string().into_bytes())),
        Content::Merge(value) => builder
            .header(header::CONTENT_TYPE, "application/merge-patch+json")
            .body(Body::from(value.to_string().into_bytes())),
        Content::Apply(value) => builder
            .header(header::CONTENT_TYPE, "application/apply-patch+yaml")
            .body(Body::from(value.to_string().into_bytes())),
    }
}

/// The texts of what admission and validation warn of.
fn warnings(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::WARNING).iter();
    values.filter_map(|value| warning(std::str::from_utf8(value.as_bytes()).ok()?)).collect()
}

/// The text of `299 - "text"`.
fn warning(header: &str) -> Option<String> {
    let text = header.split_once('"')?.1;
    Some(text.strip_suffix('"').unwrap_or(text).replace("\\\"", "\"").replace("\\\\", "\\"))
}

/// In seconds: the API server writes no dates there.
fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Instant,
    };

    use http::Response;
    use http_body_util::Full;

    use super::*;

    /// A server that gives these answers, one after another, and how often it
    /// was asked.
    fn server(answers: Vec<Response<&'static str>>) -> (Http, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let (count, answers) = (asked.clone(), Arc::new(answers));
        let service = tower::service_fn(move |_: Request<Body>| {
            let next = &answers[count.fetch_add(1, Ordering::Relaxed)];
            let mut response = Response::new(Full::from(*next.body()));
            (*response.status_mut(), *response.headers_mut()) = (next.status(), next.headers().clone());
            async move { Ok::<_, Infallible>(response) }
        });
        let client = kube::Client::new(service, "default");
        (
            Http {
                upgrades: client.clone(),
                client,
                server: "https://in-process.invalid/".to_owned(),
                plugin: None,
            },
            asked,
        )
    }

    fn answer(code: u16, body: &'static str) -> Response<&'static str> {
        Response::builder().status(code).body(body).unwrap()
    }

    fn busy(seconds: &str) -> Response<&'static str> {
        let builder = Response::builder().status(429).header(header::RETRY_AFTER, seconds);
        builder.body("Too many requests").unwrap()
    }

    #[test]
    fn a_busy_server_is_left_alone_for_as_long_as_it_asks_within_reason() {
        let waits = [(1, 0), (2, 0), (1, 2), (2, 3600)]
            .map(|(attempt, asked)| pause(attempt, Duration::from_secs(asked)).as_millis());
        assert_eq!(waits, [300, 900, 2000, 5000]);
    }

    #[tokio::test]
    async fn a_question_is_asked_again_and_a_write_is_sent_once() {
        let (http, asked) = server(vec![busy("1"), answer(200, "{}")]);
        let start = Instant::now();
        assert_eq!(http.get("/api").await.unwrap().code, 200);
        assert!(start.elapsed() >= Duration::from_secs(1));
        assert_eq!(asked.load(Ordering::Relaxed), 2);

        let (http, asked) = server(vec![answer(503, "starting"); 3]);
        assert_eq!(http.get("/api").await.unwrap_err(), Error::Server("503: starting".to_owned()));
        assert_eq!(asked.load(Ordering::Relaxed), 3);

        let (http, asked) = server(vec![busy("1")]);
        let error = http.send(Method::PUT, "/api", Content::None).await.unwrap_err();
        assert_eq!(error, Error::Server("429: Too many requests".to_owned()));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn warnings_come_without_their_quotation_marks() {
        let response = Response::builder()
            .header(header::WARNING, r#"299 - "spec.x: \"a\" is old""#)
            .header(header::WARNING, "299 - \"zweite, späte Warnung\"");
        let (http, _) = server(vec![response.body("{}").unwrap()]);
        let warnings = http.get("/api").await.unwrap().warnings;
        assert_eq!(warnings, ["spec.x: \"a\" is old", "zweite, späte Warnung"]);
    }
}
