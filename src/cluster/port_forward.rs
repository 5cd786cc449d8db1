//! A byte stream to a port of a pod, through the API server and the kubelet.

use std::io;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Reader;
use crate::object::ObjectKey;

impl Reader {
    /// Opens a stream to a port of a pod.
    ///
    /// # Errors
    ///
    /// When the API server refuses, or the pod is not there. A port on which
    /// nothing listens closes the stream after the first bytes.
    pub async fn forward(
        &self,
        pod: &ObjectKey,
        port: u16,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static> {
        let namespace = pod.namespace.as_deref().unwrap_or_default();
        let pods: Api<Pod> = Api::namespaced(self.http.client.clone(), namespace);
        let mut forwarder =
            pods.portforward(&pod.name, &[port]).await.map_err(|error| refused(pod, error))?;
        let stream = forwarder.take_stream(port);
        // The forwarder moves the bytes for as long as somebody waits for it.
        tokio::spawn(async move { forwarder.join().await });
        stream.ok_or_else(|| io::Error::other(format!("no stream to port {port} of {pod}")))
    }
}

fn refused(pod: &ObjectKey, error: kube::Error) -> io::Error {
    let reason = match error {
        kube::Error::Api(status) => status.message.clone(),
        kube::Error::UpgradeConnection(error) => error.to_string(),
        other => other.to_string(),
    };
    io::Error::other(format!("cannot forward a port of `{pod}`: {reason}"))
}
