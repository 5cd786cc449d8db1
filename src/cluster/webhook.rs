//! Webhooks that do not answer, or cannot answer a dry-run: which, and of
//! which configuration object.
//!
//! The server says such a thing with a 500 or a 400, as if it were its own
//! fault or the object's. It is neither, and asking again does not help.
//! <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/>

use std::collections::BTreeMap;

use serde_json::Value;

use super::Reader;
use crate::{object::ObjectKey, observed::Proposal};

/// Whether the server's words are about a webhook that gave no verdict.
pub fn is_silent(message: &str) -> bool {
    message.contains("failed calling webhook") || message.contains("does not support dry run")
}

/// The webhook's name, as the server quotes it.
fn name(message: &str) -> Option<&str> {
    message.split_once("webhook \"")?.1.split_once('"').map(|(name, _)| name)
}

impl Reader {
    /// Says of each answer that a webhook kept away which one it is.
    pub(super) async fn name_webhooks(&self, answers: &mut BTreeMap<ObjectKey, Proposal>) {
        let failed = answers.values_mut().filter_map(|answer| match answer {
            Proposal::Failed(reason) if is_silent(reason) => Some(reason),
            _ => None,
        });
        let mut failed: Vec<&mut String> = failed.collect();
        if failed.is_empty() {
            return;
        }
        let configured = self.configured_webhooks().await;
        for reason in &mut failed {
            let owner = name(reason).and_then(|name| configured.get(name));
            **reason = in_words(reason, owner.map(String::as_str));
        }
    }

    /// The configuration object of each webhook, where they may be listed.
    async fn configured_webhooks(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for kind in ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] {
            let path = format!("/apis/admissionregistration.k8s.io/v1/{}s", kind.to_lowercase());
            let Ok(answer) = self.http.get(&path).await else { continue };
            for item in answer.body["items"].as_array().into_iter().flatten() {
                let object = format!("{kind}/{}", item["metadata"]["name"].as_str().unwrap_or_default());
                let names = item["webhooks"].as_array().into_iter().flatten();
                let names = names.filter_map(|one| one.get("name").and_then(Value::as_str));
                all.extend(names.map(|name| (name.to_owned(), object.clone())));
            }
        }
        all
    }
}

fn in_words(reason: &str, owner: Option<&str>) -> String {
    let owner = owner.map(|owner| format!(" of `{owner}`")).unwrap_or_default();
    let webhook = name(reason).map(|name| format!("webhook `{name}`{owner}"));
    let webhook = webhook.unwrap_or_else(|| "a webhook".to_owned());
    let what = match reason.contains("does not support dry run") {
        true => "cannot be asked what it would do (`sideEffects`)",
        false => "does not answer, and nothing is stored without it (`failurePolicy`)",
    };
    format!("{webhook} {what}; bring it back, or leave this object out of its rules: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_named_with_its_configuration_where_that_is_known() {
        let dead = "Internal error occurred: failed calling webhook \"guard.example.test\": failed to call webhook: \
                    Post \"https://127.0.0.1:1/\": dial tcp 127.0.0.1:1: connect: connection refused";
        let old = "admission webhook \"old.example.test\" does not support dry run";
        assert!(
            is_silent(dead) && is_silent(old) && !is_silent("admission webhook \"x\" denied the request: no")
        );
        let words = in_words(dead, Some("ValidatingWebhookConfiguration/guard"));
        assert!(
            words.starts_with(
                "webhook `guard.example.test` of `ValidatingWebhookConfiguration/guard` does not answer"
            ),
            "{words}"
        );
        assert!(
            in_words(old, None).starts_with("webhook `old.example.test` cannot be asked what it would do")
        );
    }
}
