//! One request and its answer, as JSON.

use std::time::Duration;

use http::{Method, Request, header};
use http_body_util::BodyExt;
use kube::client::{AuthError, Body};
use serde_json::Value;

use super::{Error, error, plugin};

/// How long an answer may take. The API server gives up on its own side after
/// a minute.
const DEADLINE: Duration = Duration::from_secs(20);
/// How often a read is repeated that failed on the way or was put off.
const ATTEMPTS: u32 = 3;

/// Sends requests to one API server.
#[derive(Clone)]
pub struct Http {
    pub(super) client: kube::Client,
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
}

impl Http {
    /// Reads; repeated when the server is busy or the connection broke.
    pub async fn get(&self, path: &str) -> Result<Answer, Error> {
        let mut attempt = 1;
        loop {
            match self.send(Method::GET, path, Content::None).await {
                Err(Error::Server(_) | Error::Unreachable { .. }) if attempt < ATTEMPTS => {
                    tokio::time::sleep(Duration::from_millis(100) * 3u32.pow(attempt)).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Sends one request, once.
    pub async fn send(&self, method: Method, path: &str, content: Content<'_>) -> Result<Answer, Error> {
        let request = request(method, path, &content).map_err(|error| Error::Server(error.to_string()))?;
        let exchange = async {
            let response = self.client.send(request).await.map_err(|error| self.broken(&error))?;
            let (parts, body) = response.into_parts();
            let bytes = body.collect().await.map_err(|error| self.broken(&error))?.to_bytes();
            let warnings = parts
                .headers
                .get_all(header::WARNING)
                .iter()
                .filter_map(|value| warning(value.to_str().ok()?));
            let warnings = warnings.collect();
            let code = parts.status.as_u16();
            let body = serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
            if parts.status.is_success() {
                Ok(Answer { code, warnings, body })
            } else {
                Err(error::of_status(code, &body))
            }
        };
        let timeout = Err(Error::Timeout { seconds: DEADLINE.as_secs() });
        tokio::time::timeout(DEADLINE, exchange).await.unwrap_or(timeout)
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
            reason: innermost.to_string(),
        }
    }
}

fn request(method: Method, path: &str, content: &Content<'_>) -> Result<Request<Body>, http::Error> {
    let builder = Request::builder()
        .method(method)
        .uri(path)
        .header(header::USER_AGENT, concat!("etcdctl-stack/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, "application/json");
    match content {
        Content::None => builder.body(Body::empty()),
        Content::Json(value) => builder
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(value.to_string().into_bytes())),
        Content::Apply(value) => builder
            .header(header::CONTENT_TYPE, "application/apply-patch+yaml")
            .body(Body::from(value.to_string().into_bytes())),
    }
}

/// The text of `299 - "text"`.
fn warning(header: &str) -> Option<String> {
    let text = header.split_once('"')?.1;
    Some(text.strip_suffix('"').unwrap_or(text).replace("\\\"", "\""))
}
