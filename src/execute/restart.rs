//! Deleting a pod so that it is made anew: from the template as it is now, or
//! to read the window that is open now.

use serde_json::Value;

use super::{Halt, Run, World, guard::Doubt, leadership::Going, wait::SECOND};
use crate::{
    member::Role,
    observed::Pod,
    plan::{Guard, RestartReason},
};

/// States of a container whose process has ended.
const DEAD: [&str; 4] = ["CrashLoopBackOff", "Error", "Completed", "OOMKilled"];

/// The template as the StatefulSet's controller has seen it.
pub(super) struct Template {
    /// Whether it has seen the last change.
    pub settled: bool,
    /// What it makes pods from.
    pub revision: Option<String>,
}

impl<W: World> Run<'_, W> {
    /// Restarts one pod, unless that is done already: only the one that was
    /// planned with, and not one that is from the template as it is.
    pub(super) async fn restart(
        &mut self,
        ordinal: usize,
        name: &str,
        pod_uid: &str,
        why: RestartReason,
        hand_over: &[usize],
    ) -> Result<(), Halt> {
        let template = match why {
            RestartReason::Outdated => self.settled_template().await?.revision,
            RestartReason::Asked | RestartReason::Volume => None,
        };
        let is_planned = |pod: &Pod| pod.uid == pod_uid && !pod.terminating;
        let Some(pod) = self.pod(ordinal).await?.filter(is_planned) else { return Ok(()) };
        let grown = why == RestartReason::Volume && !self.waits_for_its_restart(ordinal).await?;
        if grown || (template.is_some() && pod.revision == template) {
            self.left_alone.insert(pod.uid);
            return Ok(());
        }
        if !hand_over.is_empty() {
            self.stop_leading(ordinal, name, &pod, hand_over).await?;
        }
        // The step's guard was for all of its members, before the first one went.
        self.healthy_enough(&Guard::MayRestart { ordinal }).await?;
        self.keeps_its_data(ordinal).await?;
        self.delete(&self.names.pod(ordinal), pod_uid).await
    }

    async fn waits_for_its_restart(&mut self, ordinal: usize) -> Result<bool, Halt> {
        let claim = self.claim(ordinal).await?;
        Ok(claim.is_some_and(|claim| claim.growing.as_deref() == Some("FileSystemResizePending")))
    }

    /// A claim that is being deleted is kept by its pod alone: without the pod
    /// the data is gone.
    async fn keeps_its_data(&mut self, ordinal: usize) -> Result<(), Halt> {
        match self.against_claim(ordinal).await? {
            None | Some(Doubt::Unrecorded) => Ok(()),
            Some(doubt) => Err(Halt::because(format!(
                "claim `{claim}` {doubt}: restarting `{name}` could cost its data; `--replace {name}` makes it \
                 anew from what the others hold",
                claim = self.names.claim(ordinal).name,
                name = self.names.member(ordinal),
            ))),
        }
    }

    /// Hands leadership over if it leads, by its own words: without a quorum
    /// there is nobody else to ask. One that is Ready and says nothing is asked
    /// again for a while.
    async fn stop_leading(
        &mut self,
        ordinal: usize,
        name: &str,
        pod: &Pod,
        to: &[usize],
    ) -> Result<(), Halt> {
        for _ in 0..5 {
            match self.world.status(ordinal).await {
                Ok(status) if status.leader == status.member_id && status.role == Role::Voter => {
                    let going = Going { ordinal: Some(ordinal), name, id: status.member_id };
                    return self.hand_over(&going, to).await;
                }
                Err(failure) if pod.ready => self.say(format!("{name} to say whether it leads: {failure}")),
                _ => return Ok(()),
            }
            self.pause(SECOND).await?;
        }
        Ok(())
    }

    /// What pods are made from, once the controller has seen the last change.
    async fn settled_template(&mut self) -> Result<Template, Halt> {
        let began = self.world.now();
        loop {
            let template = self.template().await?;
            if template.settled {
                return Ok(template);
            }
            let reason = self.controller_to_see();
            self.say(reason.clone());
            if self.is_over(began) {
                let seconds = self.options.step_timeout.as_secs();
                return Err(Halt::because(format!("waited {seconds} s for {reason}")));
            }
            self.pause(SECOND).await?;
        }
    }

    pub(super) fn controller_to_see(&self) -> String {
        format!("the controller to see `{}` as it is", self.names.stateful_set())
    }

    /// What pods are made from.
    pub(super) async fn template(&mut self) -> Result<Template, Halt> {
        let key = self.names.stateful_set();
        let Some(live) = self.look(&key).await? else {
            return Err(Halt::because(format!("`{key}` is gone")));
        };
        let number = |pointer: &str| live.body.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let revision = live.body.pointer("/status/updateRevision").and_then(Value::as_str);
        Ok(Template {
            settled: number("/status/observedGeneration") >= number("/metadata/generation"),
            revision: revision.map(str::to_owned),
        })
    }

    /// Deletes the pod of a member that has never started and whose process
    /// has ended: it was told of a window before this one. Once it has started
    /// it has data, and does not read the window any more.
    pub(super) async fn start_again(
        &mut self,
        ordinal: usize,
        name: &str,
        peer_url: &str,
    ) -> Result<(), Halt> {
        // Without a quorum nobody says whether it ever started: it is tried
        // again by itself.
        let Ok(membership) = self.try_list(None).await? else { return Ok(()) };
        if !membership.at(peer_url).is_some_and(|member| member.name.is_empty()) {
            return Ok(());
        }
        match self.pod(ordinal).await? {
            Some(pod) if has_ended(&pod) => {
                self.say(format!("{name} to read the window that is open"));
                self.delete(&self.names.pod(ordinal), &pod.uid).await
            }
            _ => Ok(()),
        }
    }
}

/// Whether a pod's process has ended, and nothing runs until it is tried again.
fn has_ended(pod: &Pod) -> bool {
    let ended = pod.trouble.as_ref().is_some_and(|trouble| DEAD.contains(&trouble.reason.as_str()));
    ended && !pod.terminating && !pod.ready
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        execute::fake::{Fake, State},
        observed::Trouble,
    };

    fn restart(fake: &Fake) -> Result<(), Halt> {
        fake.run(async |run| run.restart(1, "orders-1", "pod-1", RestartReason::Asked, &[]).await)
    }

    #[test]
    fn a_pod_goes_only_while_its_claim_stays() {
        let changes: [fn(&mut State); 3] = [
            |state| state.claims.get_mut(&1).unwrap().terminating = true,
            |state| drop(state.claims.remove(&1)),
            |state| {
                let claim = state.claims.get_mut(&1).unwrap();
                (claim.uid, claim.cluster_id) = ("other".into(), None);
            },
        ];
        for change in changes {
            let fake = Fake::of(3);
            change(&mut fake.state());
            let ended = restart(&fake);
            assert!(matches!(ended, Err(Halt::Stopped { .. })), "{ended:?}");
            assert!(fake.state().log.is_empty());
        }
        let fake = Fake::of(3);
        restart(&fake).unwrap();
        assert_eq!(fake.state().log, ["delete orders-1"]);
    }

    /// Until then its status is about the template before.
    #[test]
    fn a_template_that_the_controller_has_not_seen_is_waited_for() {
        let restart = |seen: u64| {
            let fake = Fake::of(3);
            fake.state().set = json!({
                "metadata": { "generation": 2 },
                "status": { "observedGeneration": seen, "updateRevision": format!("revision-{seen}") },
            });
            fake.state().pods.get_mut(&1).unwrap().revision = Some("revision-1".into());
            let why = RestartReason::Outdated;
            let ended = fake.run(async |run| run.restart(1, "orders-1", "pod-1", why, &[]).await);
            (ended.is_ok(), fake.state().log.clone())
        };
        assert_eq!(restart(1), (false, Vec::new()));
        assert_eq!(restart(2), (true, vec!["delete orders-1".to_owned()]));
    }

    fn pod(reason: Option<&str>) -> Pod {
        let trouble = reason.map(|reason| Trouble {
            reason: reason.to_owned(),
            message: String::new(),
            last_words: None,
            exit_code: None,
        });
        Pod {
            name: "orders-1".into(),
            uid: "1".into(),
            node: Some("node-1".into()),
            phase: "Running".into(),
            ready: false,
            terminating: false,
            image: None,
            client_port: Some(2379),
            restarts: 3,
            revision: None,
            owner: None,
            trouble,
        }
    }

    #[test]
    fn each_restart_looks_again_at_how_the_others_are() {
        let fake = Fake::of(3);
        restart(&fake).unwrap();
        let next = fake.run(async |run| run.restart(2, "orders-2", "pod-2", RestartReason::Asked, &[]).await);
        assert!(matches!(next, Err(Halt::Stopped { .. })), "{next:?}");
        assert_eq!(fake.state().log, ["delete orders-1"]);
    }

    #[test]
    fn only_a_pod_whose_process_has_ended_is_started_again() {
        assert!(has_ended(&pod(Some("CrashLoopBackOff"))) && has_ended(&pod(Some("Error"))));
        for runs_or_waits in [None, Some("Unschedulable"), Some("ImagePullBackOff")] {
            assert!(!has_ended(&pod(runs_or_waits)), "{runs_or_waits:?}");
        }
        assert!(!has_ended(&Pod { terminating: true, ..pod(Some("CrashLoopBackOff")) }));
    }
}
