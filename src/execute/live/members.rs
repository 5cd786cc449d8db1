//! The members behind the port-forwards, each dialled once.

use super::LiveWorld;
use crate::{cluster, dial, etcd, execute::Failure, observed::Lookup};

impl LiveWorld {
    /// Asks a member. One that cannot be reached may listen elsewhere by the
    /// next question.
    pub(super) async fn ask<T>(
        &self,
        ordinal: usize,
        question: impl AsyncFnOnce(etcd::Client) -> Result<T, etcd::Error>,
    ) -> Result<Result<T, etcd::Error>, Failure> {
        let answer = question(self.client(ordinal).await?).await;
        if let Err(error) = &answer {
            self.forget(ordinal, error).await;
        }
        Ok(answer)
    }

    pub(super) async fn forget(&self, ordinal: usize, error: &etcd::Error) {
        if matches!(error, etcd::Error::Unreachable(_)) {
            self.members.lock().await.remove(&ordinal);
        }
    }

    pub(super) async fn client(&self, ordinal: usize) -> Result<etcd::Client, Failure> {
        if let Some(client) = self.members.lock().await.get(&ordinal) {
            return Ok(client.clone());
        }
        let pod = match self.reader.pod(&self.names, ordinal).await {
            Lookup::Found(pod) => pod,
            Lookup::Absent => {
                return Err(Failure::NotNow(format!("`{}` is not there", self.names.pod(ordinal))));
            }
            Lookup::Failed(reason) => return Err(Failure::NotNow(reason)),
        };
        // The port that it was started with, whatever the stack file says by now.
        let port = pod.client_port.unwrap_or(self.names.ports.client);
        let credentials = self.credentials().await?;
        let client = dial::client(&self.reader, &self.names, ordinal, port, &credentials)
            .map_err(|error| Failure::Refused(error.to_string()))?;
        self.members.lock().await.insert(ordinal, client.clone());
        Ok(client)
    }

    async fn credentials(&self) -> Result<cluster::Credentials, Failure> {
        let mut known = self.credentials.lock().await;
        if let Some(credentials) = known.as_ref() {
            return Ok(credentials.clone());
        }
        match self.reader.credentials(&self.names).await {
            Lookup::Found(found) => Ok(known.insert(found).clone()),
            Lookup::Absent => {
                Err(Failure::NotNow(format!("`{}` is not there yet", self.names.operator_secret())))
            }
            Lookup::Failed(reason) => Err(Failure::Refused(reason)),
        }
    }
}
