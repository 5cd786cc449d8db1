//! The quotas of a namespace.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Error, Reader};
use crate::{
    observed::{Lookup, Quota, Scope},
    quantity::Quantity,
};

impl Reader {
    /// Lists the quotas of a namespace, where that is allowed.
    pub(super) async fn quotas(&self, namespace: &str) -> Result<Lookup<Vec<Quota>>, Error> {
        match self.http.get(&format!("/api/v1/namespaces/{namespace}/resourcequotas")).await {
            Ok(answer) => Ok(Lookup::Found(list(&answer.body["items"]).map(quota).collect())),
            Err(error) if error.is_fatal() => Err(error),
            Err(Error::Forbidden(_)) => Ok(Lookup::Failed("quotas may not be listed".to_owned())),
            Err(error) => Ok(Lookup::Failed(error.to_string())),
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn quota(body: &Value) -> Quota {
    let plain = list(&body["spec"]["scopes"]).map(|name| Scope {
        name: text(name),
        operator: "Exists".to_owned(),
        values: Vec::new(),
    });
    let selected = list(&body["spec"]["scopeSelector"]["matchExpressions"]).map(|one| Scope {
        name: text(&one["scopeName"]),
        operator: text(&one["operator"]),
        values: list(&one["values"]).map(text).collect(),
    });
    Quota {
        name: text(&body["metadata"]["name"]),
        hard: amounts(&body["spec"]["hard"]),
        used: amounts(&body["status"]["used"]),
        scopes: plain.chain(selected).collect(),
    }
}

fn amounts(table: &Value) -> BTreeMap<String, Quantity> {
    let all = table.as_object().into_iter().flatten();
    all.filter_map(|(name, amount)| Some((name.clone(), amount.as_str()?.parse().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_quota_is_read_with_its_scopes() {
        let read = quota(&json!({
            "metadata": { "name": "team" },
            "spec": {
                "hard": { "requests.cpu": "2", "pods": "10" },
                "scopes": ["NotTerminating"],
                "scopeSelector": { "matchExpressions": [
                    { "scopeName": "PriorityClass", "operator": "In", "values": ["high"] },
                ] },
            },
            "status": { "used": { "requests.cpu": "1500m", "pods": "3" } },
        }));
        let scope = |name: &str, operator: &str, values: &[&str]| Scope {
            name: name.into(),
            operator: operator.into(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let amounts = |cpu: &str, pods: &str| {
            [("pods", pods), ("requests.cpu", cpu)]
                .map(|(name, amount)| (name.to_owned(), amount.parse().unwrap()))
                .into()
        };
        assert_eq!(read.name, "team");
        assert_eq!((read.hard, read.used), (amounts("2", "10"), amounts("1500m", "3")));
        let scopes = [scope("NotTerminating", "Exists", &[]), scope("PriorityClass", "In", &["high"])];
        assert_eq!(read.scopes, scopes);
    }
}
