//! What is asked for beside the stack file, and what is allowed, as typed.

use std::collections::BTreeSet;

use clap::Args;

use crate::{
    field::Owned,
    member::Id,
    object::Named,
    observed::journal::Ending,
    plan::Intent,
    render,
    report::{Permissions, Which},
};

/// What no stack file can say: it happens once.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Asked for besides the stack file")]
pub struct Intents {
    /// Remove this member, delete its data and let it join anew; may be given again
    #[arg(long, value_name = "NAME")]
    pub replace: Vec<String>,
    /// Restart every member, one by one
    #[arg(long)]
    pub restart: bool,
    /// Remove a member that is not this stack's, by its id; may be given again
    ///
    /// Hexadecimal, as `etcdctl member list` prints it.
    #[arg(long, value_name = "ID", value_parser = id)]
    pub remove: Vec<Id>,
    /// Take a field from another manager, which loses it; may be given again
    ///
    /// The plan names the field and its manager where this is needed. `take`
    /// under `[ownership]` in the stack file takes it each time. One that the
    /// stack does not set is removed.
    #[arg(long, value_name = "KIND/NAME:FIELD@MANAGER")]
    pub take: Vec<Owned>,
    /// Make an object this stack's that another tool made; may be given again
    ///
    /// The plan names who made it, and shows what would change.
    #[arg(long, value_name = "KIND/NAME")]
    pub adopt: Vec<Named>,
    /// Save no snapshot before members or data go
    #[arg(long)]
    pub skip_snapshot: bool,
    /// Give up what an unfinished apply was asked for
    #[arg(long)]
    pub abandon: bool,
    #[command(flatten)]
    pub allowed: Allowed,
    /// What becomes of the stack as a whole: said by the command.
    #[arg(skip)]
    pub end: Option<Ending>,
    /// What is deleted with it.
    #[arg(skip)]
    pub delete: Vec<Named>,
}

/// Permissions: what may be done, where the plan says that it needs them.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Permissions")]
pub struct Allowed {
    #[command(flatten)]
    pub deletion: Deletion,
    /// Serve nobody while a member restarts
    #[arg(long)]
    pub allow_downtime: bool,
}

/// Permissions to delete.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Permissions")]
pub struct Deletion {
    /// Delete the data of these claims: CLAIM,... as the plan names them, or all
    #[arg(long, value_name = "CLAIM,...|all", value_delimiter = ',')]
    pub allow_data_loss: Vec<String>,
    /// Delete these objects, which cannot be made again as they are: KIND/NAME,...
    ///
    /// Such as the Secret of a user that is not in the stack file any more.
    #[arg(long, value_name = "KIND/NAME,...", value_delimiter = ',')]
    pub allow_delete: Vec<Named>,
}

/// Which end of the stack is planned, instead of what the file wants.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "The end of a stack")]
pub struct End {
    /// Plan what `destroy` would do
    #[arg(long, conflicts_with_all = ["forget", "replace", "restart", "remove", "take", "adopt"])]
    pub destroy: bool,
    /// Plan what `forget` would do
    #[arg(long, conflicts_with_all = ["replace", "restart", "remove", "take", "adopt", "skip_snapshot"])]
    pub forget: bool,
    /// With --destroy: delete these too, KIND/NAME,... of claims, Secrets and the namespace
    #[arg(long, requires = "destroy", value_name = "KIND/NAME,...", value_delimiter = ',')]
    pub delete: Vec<Named>,
}

impl End {
    /// The intents with what becomes of the stack.
    pub fn of(&self, intents: &Intents) -> Intents {
        let end = match (self.destroy, self.forget) {
            (true, _) => Some(Ending::Destroy),
            (_, true) => Some(Ending::Forget),
            _ => None,
        };
        Intents { end, delete: self.delete.clone(), ..intents.clone() }
    }
}

impl Intents {
    /// What is asked for.
    pub fn intent(&self) -> Intent {
        Intent {
            replace: self.replace.iter().cloned().collect(),
            restart: self.restart,
            remove: self.remove.iter().copied().collect(),
            take: self.take.iter().cloned().collect(),
            adopt: self.adopt.iter().cloned().collect(),
            end: self.end,
            delete: self.delete.iter().cloned().collect(),
            skip_snapshot: self.skip_snapshot,
            abandon: self.abandon,
        }
    }

    /// What is allowed.
    pub fn permissions(&self) -> Permissions {
        let Allowed { deletion, allow_downtime } = &self.allowed;
        let Deletion { allow_data_loss: claims, allow_delete } = deletion;
        let data_loss = match claims.iter().any(|claim| claim == "all") {
            true => Which::All,
            false => Which::These(claims.iter().cloned().collect::<BTreeSet<String>>()),
        };
        let delete = Which::These(allow_delete.iter().cloned().collect());
        Permissions { data_loss, delete, downtime: *allow_downtime }
    }

    /// The first flag that names something of one stack.
    pub fn of_one_stack(&self) -> Option<&'static str> {
        let Deletion { allow_data_loss: claims, allow_delete } = &self.allowed.deletion;
        let table = [
            ("--replace", !self.replace.is_empty()),
            ("--remove", !self.remove.is_empty()),
            ("--take", !self.take.is_empty()),
            ("--adopt", !self.adopt.is_empty()),
            ("--allow-data-loss CLAIM", claims.iter().any(|claim| claim != "all")),
            ("--allow-delete", !allow_delete.is_empty()),
            ("--destroy", self.end == Some(Ending::Destroy)),
            ("--forget", self.end == Some(Ending::Forget)),
        ];
        table.iter().find(|(_, given)| *given).map(|(flag, _)| *flag)
    }

    /// The flags that ask for the same again, to be copied. Permissions are
    /// not among them: the plan says which it needs.
    pub fn flags(&self) -> Vec<String> {
        render::asked(&self.intent())
    }
}

fn id(text: &str) -> Result<Id, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    digits
        .parse()
        .map_err(|_| "it is no member id: hexadecimal, as `etcdctl member list` prints it".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::cli::arguments::Arguments;

    #[test]
    fn an_id_is_what_etcdctl_prints() {
        assert_eq!([id("b31c"), id("0xb31c")], [Ok(Id(0xb31c)), Ok(Id(0xb31c))]);
        // The JSON of etcdctl has the same id in decimal.
        for other in ["10501334649042878790", "orders-1", ""] {
            assert!(id(other).unwrap_err().contains("hexadecimal"), "{other}");
        }
    }

    #[test]
    fn drift_is_told_beside_nothing_that_is_asked_for() {
        let command = Arguments::command();
        let plan = command.find_subcommand("plan").expect("it is there");
        let asked = plan
            .get_arguments()
            .filter(|one| one.get_help_heading().is_some_and(|of| of != "Global options"));
        let mut flags = 0;
        for flag in asked.filter_map(|one| Some((one.get_long()?, one.get_action().takes_values()))) {
            let value = match flag.0 {
                "remove" => "b31c",
                "take" => "Service/orders:spec.type@kubectl",
                _ => "Service/orders",
            };
            let typed = ["etcdctl-stack", "plan", "orders.toml", "--drift", &format!("--{}", flag.0)];
            let typed = typed.into_iter().chain(flag.1.then_some(value)).map(str::to_owned);
            let error = Arguments::try_parse_from(typed).expect_err(flag.0);
            assert_eq!(error.kind(), clap::error::ErrorKind::ArgumentConflict, "{}", flag.0);
            flags += 1;
        }
        assert!(flags >= 13, "{flags}");
    }

    #[test]
    fn all_claims_are_more_than_some() {
        let typed = |claims: &[&str]| {
            let allow_data_loss = claims.iter().map(|claim| (*claim).to_owned()).collect();
            let deletion = Deletion { allow_data_loss, ..Deletion::default() };
            let allowed = Allowed { deletion, ..Allowed::default() };
            let intents = Intents { allowed, ..Intents::default() };
            (intents.permissions().data_loss, intents.of_one_stack().is_some())
        };
        assert_eq!(typed(&["data-a", "all"]), (Which::All, true));
        assert_eq!(typed(&["all"]), (Which::All, false));
        assert_eq!(typed(&[]), (Which::These(BTreeSet::new()), false));
    }

    #[test]
    fn what_was_asked_for_can_be_copied() {
        let intents = Intents {
            replace: vec!["orders-1".into()],
            remove: vec![Id(0xb31c)],
            take: vec!["StatefulSet/orders:spec.replicas@my tool".parse().unwrap()],
            adopt: vec!["service/etcd-orders/orders".parse().unwrap()],
            skip_snapshot: true,
            ..Intents::default()
        };
        let flags = [
            "--replace orders-1",
            "--remove b31c",
            "--take 'StatefulSet/orders:spec.replicas@my tool'",
            "--adopt Service/orders",
            "--skip-snapshot",
        ];
        assert_eq!(intents.flags(), flags);
    }
}
