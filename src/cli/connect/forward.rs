//! A local port for a member. Every connection to it dials anew, so the pod
//! may restart meanwhile.
//!
//! The server's certificate names `127.0.0.1`, so a client that verifies the
//! name of the endpoint is content.

use std::{io, net::SocketAddr, sync::Arc};

use tokio::net::{TcpListener, TcpStream};

use crate::etcd::Dial;

/// What is told of a connection that could not be made.
pub type Complain = Arc<dyn Fn(&io::Error) + Send + Sync>;

/// Listens on a free port, for as long as the runtime runs.
pub async fn forward(dial: Dial, complain: Complain) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((near, _)) => drop(tokio::spawn(connection(near, dial.clone(), complain.clone()))),
                // Such as too many open files: it passes.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
            }
        }
    });
    Ok(address)
}

async fn connection(mut near: TcpStream, dial: Dial, complain: Complain) {
    // Without it small requests wait for the acknowledgement of the last one.
    drop(near.set_nodelay(true));
    match dial().await {
        // Both ends are told of the end by the close; a client tries again.
        Ok(mut far) => drop(tokio::io::copy_bidirectional(&mut near, &mut far).await),
        Err(error) => complain(&error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::etcd::Stream;

    /// Every second time nobody answers; else somebody greets with the number
    /// of the call.
    fn dial() -> Dial {
        let calls = Arc::new(AtomicUsize::new(0));
        Arc::new(move || {
            let call = calls.fetch_add(1, Ordering::SeqCst);
            async move {
                if call % 2 == 1 {
                    return Err(io::Error::other("no such pod"));
                }
                let (near, mut far) = tokio::io::duplex(64);
                far.write_all(format!("call {call}").as_bytes()).await?;
                Ok::<Box<dyn Stream>, io::Error>(Box::new(near))
            }
            .boxed()
        })
    }

    #[tokio::test]
    async fn each_connection_dials_anew_and_a_failed_one_is_closed() {
        let complaints = Arc::new(AtomicUsize::new(0));
        let counted = complaints.clone();
        let complain: Complain = Arc::new(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let address = forward(dial(), complain).await.unwrap();
        let mut said = Vec::new();
        for _ in 0..3 {
            let mut text = String::new();
            TcpStream::connect(address).await.unwrap().read_to_string(&mut text).await.unwrap();
            said.push(text);
        }
        assert_eq!(said, ["call 0", "", "call 2"]);
        assert_eq!(complaints.load(Ordering::SeqCst), 1);
    }
}
