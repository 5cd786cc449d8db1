//! Where the members are: pods come and go, and get new addresses. A client
//! goes to one of them until it is silent.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use etcdctl_stack::{
    cluster::{self, Cluster, Connect, Reader},
    dial,
    etcd::{Client, Credentials, Dial, Stream},
    object::{Kind, ObjectKey},
    observed::Lookup,
};
use futures::FutureExt;
use serde_json::Value;
use tokio::net::TcpStream;

use super::{CALLS_PER_MEMBER, DEADLINE};
use crate::kubernetes::Place;

/// How often the pods are listed.
const LOOK: Duration = Duration::from_millis(300);

/// The members that are Ready now. Clones share the list.
#[derive(Clone)]
pub struct Members {
    stack: String,
    namespace: String,
    credentials: Credentials,
    server: kube::Client,
    way: Way,
    ready: Arc<Mutex<Vec<Member>>>,
}

/// How a pod is reached.
#[derive(Clone)]
enum Way {
    /// By its address: tests run where pods are routed to.
    Direct,
    /// Through the API server, on a cluster that is not the tests' own.
    Forwarded(Box<Reader>),
}

/// One that is Ready.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Member {
    name: String,
    address: SocketAddr,
}

impl Members {
    /// Those of a stack that was applied.
    pub async fn of(place: &Place) -> Members {
        let reader = Cluster::connect(&Connect::default()).await.expect("a kubeconfig").reader();
        let secret = ObjectKey::new(Kind::Secret, &place.namespace, &format!("{}-operator", place.name));
        let Lookup::Found(credentials) = reader.credentials_in(&secret).await else {
            panic!("{secret} holds no credentials");
        };
        let cluster::Credentials { ca_pem, certificate_pem, key_pem } = credentials;
        let direct = std::env::var_os("CLUSTER_NODES").is_some();
        let members = Members {
            stack: place.name.clone(),
            namespace: place.namespace.clone(),
            credentials: Credentials { ca_pem, certificate_pem, key_pem },
            server: kube::Client::try_default().await.expect("a kubeconfig"),
            way: if direct { Way::Direct } else { Way::Forwarded(Box::new(reader)) },
            ready: Arc::default(),
        };
        members.look().await;
        members
    }

    /// Lists the pods again and again.
    pub async fn keep_looking(&self, goes_on: impl Fn() -> bool) {
        while goes_on() {
            self.look().await;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What is known stays when the API server does not answer.
    async fn look(&self) {
        let selector = format!("etcdctl-stack/stack%3D{}", self.stack);
        let path = format!("/api/v1/namespaces/{}/pods?labelSelector={selector}", self.namespace);
        let request = http::Request::get(path).body(Vec::new()).expect("a fixed shape");
        let asked = tokio::time::timeout(LOOK * 10, self.server.request::<Value>(request)).await;
        let Ok(Ok(list)) = asked else { return };
        let mut ready: Vec<Member> =
            list["items"].as_array().into_iter().flatten().filter_map(member).collect();
        ready.sort();
        *self.ready.lock().expect("no panic while held") = ready;
    }

    /// The first for this caller, or the one after the named.
    fn choose(&self, after: Option<&str>, caller: usize) -> Option<Member> {
        let ready = self.ready.lock().expect("no panic while held");
        let place = match after {
            Some(name) => ready.iter().position(|member| member.name.as_str() > name).unwrap_or(0),
            None => caller % ready.len().max(1),
        };
        ready.get(place).cloned()
    }

    fn client(&self, member: &Member) -> Client {
        let host = format!("{}.{}-peer.{}.svc", member.name, self.stack, self.namespace);
        Client::new(&host, self.dial(member), &self.credentials).expect("the credentials of an applied stack")
    }

    fn dial(&self, member: &Member) -> Dial {
        let address = member.address;
        match &self.way {
            Way::Direct => Arc::new(move || {
                async move {
                    let stream = TcpStream::connect(address).await?;
                    stream.set_nodelay(true)?;
                    Ok(Box::new(stream) as Box<dyn Stream>)
                }
                .boxed()
            }),
            Way::Forwarded(reader) => {
                let pod = ObjectKey::new(Kind::Pod, &self.namespace, &member.name);
                dial::dial(reader, pod, address.port())
            }
        }
    }
}

fn member(pod: &Value) -> Option<Member> {
    let conditions = pod["status"]["conditions"].as_array()?;
    let ready = conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True");
    if !ready || !pod["metadata"]["deletionTimestamp"].is_null() {
        return None;
    }
    let ports = pod["spec"]["containers"][0]["ports"].as_array()?;
    let port = ports.iter().find(|port| port["name"] == "client")?["containerPort"].as_u64()?;
    let address = pod["status"]["podIP"].as_str()?.parse().ok()?;
    Some(Member {
        name: pod["metadata"]["name"].as_str()?.to_owned(),
        address: SocketAddr::new(address, u16::try_from(port).ok()?),
    })
}

/// One client's way to the cluster: to one member, and to another when that
/// one is silent.
pub struct Caller {
    members: Members,
    number: usize,
    /// The member last spoken to.
    last: Option<String>,
    open: Option<Client>,
    calls: usize,
}

impl Caller {
    /// Callers of different numbers begin with different members.
    pub fn new(members: Members, number: usize) -> Caller {
        Caller { members, number, last: None, open: None, calls: 0 }
    }

    /// A client whose member has just answered, or answered the last call;
    /// nothing, after a moment, when there is none.
    pub async fn client(&mut self) -> Option<Client> {
        self.calls += 1;
        if self.calls.is_multiple_of(CALLS_PER_MEMBER) {
            self.turn();
        }
        if let Some(client) = &self.open {
            return Some(client.clone());
        }
        let Some(member) = self.members.choose(self.last.as_deref(), self.number) else {
            tokio::time::sleep(LOOK / 10).await;
            return None;
        };
        let client = self.members.client(&member);
        self.last = Some(member.name);
        // So that a connection that does not come about is no ambiguous write.
        if let Ok(Ok(_)) = tokio::time::timeout(DEADLINE, client.status()).await {
            self.open = Some(client.clone());
            return Some(client);
        }
        tokio::time::sleep(LOOK / 10).await;
        None
    }

    /// Leaves this member; its connection is not used again.
    pub fn turn(&mut self) {
        self.open = None;
    }

    /// The member last spoken to.
    pub fn name(&self) -> &str {
        self.last.as_deref().unwrap_or("nobody")
    }
}
