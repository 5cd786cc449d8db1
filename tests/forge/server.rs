//! A server on 127.0.0.1 with rules, and faults that happen once each.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
};

use http_body_util::{BodyExt, Full};
use hyper::{body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|one| one.0 == name).map(|one| one.1.as_str())
    }

    pub fn number(&self, name: &str, default: usize) -> usize {
        self.query.iter().find(|one| one.0 == name).map_or(default, |one| one.1.parse().expect("a number"))
    }

    /// `POST /repos/...`, for a look at what was asked.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// An answer, or none at all.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn json(status: u16, body: Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())];
        Answer { status, headers, body: body.to_string() }
    }

    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }
}

pub trait Rules: Send + 'static {
    fn answer(&mut self, asked: &Asked) -> Answer;
}

/// Something that goes wrong once, at the first request that begins so.
pub enum Fault<R> {
    /// This is answered, and nothing is done.
    Instead(&'static str, Answer),
    /// It is done, and the connection is cut before the answer.
    CutAfter(&'static str),
    /// Another run does this first.
    Before(&'static str, Box<dyn FnOnce(&mut R) + Send>),
}

/// A server that runs until the test ends.
pub struct Server<R> {
    pub url: String,
    board: Arc<Mutex<Board<R>>>,
}

pub struct Board<R> {
    pub rules: R,
    pub faults: VecDeque<Fault<R>>,
    /// All that was asked, in order.
    pub asked: Vec<Asked>,
}

impl<R: Rules> Server<R> {
    pub fn start(rules: R) -> Self {
        let board = Board { rules, faults: VecDeque::new(), asked: Vec::new() };
        let board = Arc::new(Mutex::new(board));
        let (tell, told) = std::sync::mpsc::channel();
        let shared = board.clone();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                tell.send(listener.local_addr().expect("an address")).expect("the test waits");
                loop {
                    let Ok((stream, _)) = listener.accept().await else { return };
                    let board = shared.clone();
                    let service = service_fn(move |request| serve(board.clone(), request));
                    // A connection that is cut on purpose ends with an error.
                    tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
                }
            });
        });
        Server { url: format!("http://{}", told.recv().expect("it starts")), board }
    }

    pub fn board(&self) -> MutexGuard<'_, Board<R>> {
        self.board.lock().expect("no test panicked with it")
    }

    /// How many requests began so.
    pub fn count(&self, line: &str) -> usize {
        self.board().asked.iter().filter(|asked| asked.line().starts_with(line)).count()
    }

    pub fn fault(&self, fault: Fault<R>) {
        self.board().faults.push_back(fault);
    }
}

async fn serve<R: Rules>(
    board: Arc<Mutex<Board<R>>>,
    request: hyper::Request<hyper::body::Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Cut> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let pairs = head.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let asked = Asked {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let answer = answer(&mut *board.lock().map_err(|_| Cut)?, &asked)?;
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::new(Bytes::from(answer.body))).expect("a response"))
}

fn answer<R: Rules>(board: &mut Board<R>, asked: &Asked) -> Result<Answer, Cut> {
    board.asked.push(asked.clone());
    let hits = |fault: &Fault<R>| match fault {
        Fault::Instead(line, _) | Fault::CutAfter(line) | Fault::Before(line, _) => {
            asked.line().starts_with(line)
        }
    };
    match board.faults.iter().position(hits).and_then(|index| board.faults.remove(index)) {
        None => Ok(board.rules.answer(asked)),
        Some(Fault::Instead(_, answer)) => Ok(answer),
        Some(Fault::CutAfter(_)) => {
            board.rules.answer(asked);
            Err(Cut)
        }
        Some(Fault::Before(_, other)) => {
            other(&mut board.rules);
            Ok(board.rules.answer(asked))
        }
    }
}

/// The connection is cut.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut")
    }
}

impl std::error::Error for Cut {}
