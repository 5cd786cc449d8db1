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
        Ok(Forwarded { pod: pod.clone(), stream, reason: reason.boxed() })
    }
}

/// The stream, and the kubelet's reason for its end, if it gives one.
struct Forwarded {
    pod: ObjectKey,
    stream: DuplexStream,
    reason: BoxFuture<'static, Option<String>>,
}

impl Forwarded {
    /// The kubelet's reason, once the stream has ended. It is there by then:
    /// it comes over the same connection, before the end.
    fn reason(&mut self, cx: &mut Context<'_>) -> Option<io::Error> {
        let Poll::Ready(reason) = self.reason.poll_unpin(cx) else { return None };
        self.reason = futures::future::pending().boxed();
        let text = format!("cannot forward a port of `{}`: {}", self.pod, reason?.trim());
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
    let reason = match error {
        kube::Error::Api(status) => status.message.clone(),
        kube::Error::UpgradeConnection(error) => error.to_string(),
        other => other.to_string(),
    };
    io::Error::other(format!("cannot forward a port of `{pod}`: {reason}"))
}
