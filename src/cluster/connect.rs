//! From a kubeconfig to a connection, by hand: kube's own stack opens one for
//! each request that is under way, leaves Nagle's algorithm on, which costs
//! 40 ms a call through a port-forward, and retries for minutes. Behind a proxy
//! it is kube's stack without the retries.

mod kubeconfig;

use std::{path::PathBuf, time::Duration};

use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as HyperClient, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use kube::{
    Config,
    client::{Body, ClientBuilder, ConfigExt},
    config::KubeConfigOptions,
};
use tower::{BoxError, ServiceBuilder};

use super::{Error, plugin, request::Http};

/// How often a connection is asked whether it lives, and how long it may take
/// to say so.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// How long a credential plugin may take: a person may have to log in.
const PLUGIN_DEADLINE: Duration = Duration::from_secs(60);

/// Which cluster to connect to.
#[derive(Clone, Debug, Default)]
pub struct Connect {
    /// The context; the kubeconfig's current one when `None`.
    pub context: Option<String>,
    /// The kubeconfig; as kubectl finds it when `None`.
    pub kubeconfig: Option<PathBuf>,
}

/// The connection, and the name of the context.
pub async fn connect(options: &Connect) -> Result<(Http, String), Error> {
    let (mut config, context) = configuration(options).await?;
    config.connect_timeout = Some(Duration::from_secs(10));
    let server = config.cluster_url.to_string();
    let plugin = config.auth_info.exec.as_ref().and_then(|exec| exec.command.clone());
    let opened = in_time(PLUGIN_DEADLINE, || clients(config)).await;
    let opened = opened.ok_or_else(|| plugin::silent(plugin.as_deref(), PLUGIN_DEADLINE))?;
    let (client, upgrades) = opened.map_err(|error| match error {
        kube::Error::Auth(error) => plugin::refused(plugin.as_deref(), &error),
        other => Error::Kubeconfig(format!("context `{context}` cannot be used: {other}")),
    })?;
    Ok((Http { client, upgrades, server, plugin }, context))
}

/// What a call that blocks gives, or nothing when it takes too long: then its
/// thread is left behind, which a task of the runtime would not allow.
async fn in_time<T: Send + 'static>(limit: Duration, call: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (tell, told) = tokio::sync::oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    std::thread::spawn(move || {
        let _entered = runtime.enter();
        // Nobody listens any more when it took too long.
        drop(tell.send(call()));
    });
    tokio::time::timeout(limit, told).await.ok()?.ok()
}

async fn configuration(options: &Connect) -> Result<(Config, String), Error> {
    let Some(kubeconfig) = kubeconfig::read(options)? else {
        let config = Config::incluster().map_err(|_| kubeconfig::nothing_found())?;
        return Ok((config, "in-cluster".to_owned()));
    };
    let context = kubeconfig::choose(&kubeconfig, options.context.as_deref())?;
    let choice = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &choice).await;
    let config = config.map_err(|error| {
        Error::Kubeconfig(format!("context `{context}` cannot be used: {}", kubeconfig::reason(&error)))
    })?;
    Ok((config, context))
}

/// One client for requests and one for upgrades, which HTTP/2 does not have.
/// Requests share a connection over HTTP/2 where the server speaks it: sixty
/// handshakes would take longer than the sixty answers.
fn clients(mut config: Config) -> Result<(kube::Client, kube::Client), kube::Error> {
    if config.proxy_url.is_some() {
        config.default_retry = false;
        let client = ClientBuilder::try_from(config)?.build();
        return Ok((client.clone(), client));
    }
    let upgrades = config.rustls_https_connector_with_connector(tcp(&config))?;
    let upgrades = client(&config, HyperClient::builder(TokioExecutor::new()).build(upgrades))?;
    let mut tls =
        HttpsConnectorBuilder::new().with_tls_config(config.rustls_client_config()?).https_or_http();
    if let Some(name) = config.tls_server_name.as_deref().and_then(|name| name.to_owned().try_into().ok()) {
        tls = tls.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    let requests = HyperClient::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        // A connection that died without a word would be used for ever.
        .http2_keep_alive_interval(KEEP_ALIVE)
        .http2_keep_alive_timeout(KEEP_ALIVE)
        .build(tls.enable_http1().enable_http2().wrap_connector(tcp(&config)));
    Ok((client(&config, requests)?, upgrades))
}

fn tcp(config: &Config) -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(config.connect_timeout);
    tcp
}

fn client(
    config: &Config,
    service: HyperClient<HttpsConnector<HttpConnector>, Body>,
) -> Result<kube::Client, kube::Error> {
    let stack = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .map_err(BoxError::from)
        .service(service);
    Ok(kube::Client::new(stack, config.default_namespace.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_that_hangs_is_left_behind() {
        let minute = Duration::from_secs(60);
        assert_eq!(in_time(minute, || 7).await, Some(7));
        assert_eq!(in_time(Duration::from_millis(10), move || std::thread::sleep(minute)).await, None);
    }
}
