//! A byte stream to a port of a pod, through the API server and the kubelet.
//!
//! The kubelet says why it cannot reach a port on a channel of its own, and
//! then the stream merely ends. [`Forwarded`] turns that end into an error with
//! the kubelet's words, because "unexpected end of file" in the middle of a
//! handshake explains nothing.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use futures::{FutureExt, future::BoxFuture};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::{Reader, request::DEADLINE};
use crate::object::ObjectKey;

impl Reader {
    /// Opens a stream to a port of a pod. Dropped, it is closed.
    ///
    /// # Errors
    ///
    /// When the API server refuses, or the pod is not there. A port on which
    /// nothing listens is an error of the first read.
    pub async fn forward(
        &self,
        pod: &ObjectKey,
        port: u16,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static> {
        let namespace = pod.namespace.as_deref().unwrap_or_default();
        let pods: Api<Pod> = Api::namespaced(self.http.upgrades.clone(), namespace);
        let ports = [port];
        let opening = tokio::time::timeout(DEADLINE, pods.portforward(&pod.name, &ports)).await;
        let mut forwarder = opening.map_err(|_| late(pod))?.map_err(|error| refused(pod, error))?;
        let stream = forwarder.take_stream(port);
        let reason = forwarder.take_error(port);
        // The forwarder moves the bytes for as long as somebody waits for it.
        tokio::spawn(async move { forwarder.join().await });
        let (Some(stream), Some(reason)) = (stream, reason) else {
            return Err(io::Error::other(format!("no stream to port {port} of `{pod}`")));
        };
        Ok(Forwarded { pod: pod.clone(), port, stream, reason: reason.boxed() })
    }
}

/// The stream, and the kubelet's reason for its end, if it gives one.
struct Forwarded {
    pod: ObjectKey,
    port: u16,
    stream: DuplexStream,
    reason: BoxFuture<'static, Option<String>>,
}

impl Forwarded {
    /// The kubelet's reason, once the stream has ended. It is there by then:
    /// it comes over the same connection, before the end.
    fn reason(&mut self, cx: &mut Context<'_>) -> Option<io::Error> {
        let Poll::Ready(reason) = self.reason.poll_unpin(cx) else { return None };
        self.reason = futures::future::pending().boxed();
        let text = ended(&self.pod, self.port, reason?.trim());
        Some(io::Error::new(io::ErrorKind::ConnectionRefused, text))
    }
}

impl AsyncRead for Forwarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (buffer.filled().len(), buffer.remaining());
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let ended = matches!(read, Poll::Ready(Ok(()))) && room > 0 && buffer.filled().len() == before;
        match ended.then(|| self.reason(cx)).flatten() {
            Some(reason) => Poll::Ready(Err(reason)),
            None => read,
        }
    }
}

impl AsyncWrite for Forwarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.reason(cx).unwrap_or(error))),
            written => written,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

fn late(pod: &ObjectKey) -> io::Error {
    let text = format!("cannot forward a port of `{pod}`: no answer within {} s", DEADLINE.as_secs());
    io::Error::new(io::ErrorKind::TimedOut, text)
}

fn refused(pod: &ObjectKey, error: kube::Error) -> io::Error {
    let text = match error {
        kube::Error::Api(status) if status.code == 404 => format!("`{pod}` is not there"),
        kube::Error::Api(status) if status.message.contains("does not have a host assigned") => {
            format!("`{pod}` is on no node yet")
        }
        kube::Error::Api(status) => format!("cannot forward a port of `{pod}`: {}", status.message),
        other => format!("cannot ask the API server for `{pod}`: {}", innermost(&other)),
    };
    io::Error::other(text)
}

/// The outer errors say only that something failed.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// The end of a stream. The kubelet and its runtime quote each other, with the
/// ids of sandboxes and the paths of namespaces.
fn ended(pod: &ObjectKey, port: u16, words: &str) -> String {
    if words.contains("connection refused") {
        return format!("nothing listens on port {port} of `{pod}`: connection refused");
    }
    if words.contains("connection reset by peer") || words.contains("broken pipe") {
        return format!("port {port} of `{pod}` closed the connection");
    }
    format!("cannot forward port {port} of `{pod}`: {words}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Kind;

    fn pod() -> ObjectKey {
        ObjectKey::new(Kind::Pod, "etcd-orders", "orders-0")
    }

    #[test]
    fn what_kubelet_and_runtime_say_becomes_one_sentence() {
        let prefix = r#"error forwarding port 2379 to pod e28c64453d79, uid : failed to execute portforward in network namespace "/run/netns/cni-dac44d30": "#;
        let closed = r#"failed to connect to localhost:2379 inside namespace "e28c64453d79", IPv4: dial tcp4 127.0.0.1:2379: connect: connection refused IPv6 dial tcp6: address localhost: no suitable address found"#;
        let reset = "read tcp4 127.0.0.1:39932->127.0.0.1:2379: read: connection reset by peer";
        for (words, wanted) in [
            (
                format!("{prefix}{closed}"),
                "nothing listens on port 2379 of `Pod/etcd-orders/orders-0`: connection refused",
            ),
            (format!("{prefix}{reset}"), "port 2379 of `Pod/etcd-orders/orders-0` closed the connection"),
            (
                "no such sandbox".to_owned(),
                "cannot forward port 2379 of `Pod/etcd-orders/orders-0`: no such sandbox",
            ),
        ] {
            assert_eq!(ended(&pod(), 2379, &words), wanted);
        }
    }

    #[test]
    fn an_api_server_that_is_gone_is_told_by_the_innermost_reason() {
        let refused_by_system = io::Error::from(io::ErrorKind::ConnectionRefused);
        let error = refused(&pod(), kube::Error::Service(Box::new(refused_by_system)));
        assert_eq!(
            error.to_string(),
            "cannot ask the API server for `Pod/etcd-orders/orders-0`: connection refused"
        );
    }
}
