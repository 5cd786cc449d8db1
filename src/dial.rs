//! A client to one member, through the API server: where `cluster`, which opens
//! streams to pods, and `etcd`, which speaks over streams, meet.

use std::{io, sync::Arc};

use futures::FutureExt;

use crate::{
    cluster::{self, Reader},
    desired::Names,
    etcd,
    object::ObjectKey,
};

/// What opens a stream to a port of a pod.
pub fn dial(reader: &Reader, pod: ObjectKey, port: u16) -> etcd::Dial {
    let reader = reader.clone();
    Arc::new(move || {
        let (reader, pod) = (reader.clone(), pod.clone());
        async move {
            let stream = reader.forward(&pod, port).await?;
            Ok::<Box<dyn etcd::Stream>, io::Error>(Box::new(stream))
        }
        .boxed()
    })
}

/// A client to one member with these credentials. Every new connection is a
/// new port-forward, so it outlives restarts of the pod.
///
/// # Errors
///
/// When the credentials cannot be used; nothing is dialled yet.
pub fn client(
    reader: &Reader,
    names: &Names,
    ordinal: usize,
    port: u16,
    credentials: &cluster::Credentials,
) -> Result<etcd::Client, etcd::Error> {
    let cluster::Credentials { ca_pem, certificate_pem, key_pem } = credentials.clone();
    let credentials = etcd::Credentials { ca_pem, certificate_pem, key_pem };
    etcd::Client::new(&names.host(ordinal), dial(reader, names.pod(ordinal), port), &credentials)
}
