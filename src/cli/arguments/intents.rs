//! What is asked for beside the stack file, and what is allowed, as typed.

use std::{collections::BTreeSet, str::FromStr};

use clap::Args;

use crate::{
    desired::Names,
    member::Id,
    observed::Conflict,
    plan::Intent,
    render::quoted,
    report::{DataLoss, Permissions},
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
    /// Take a field from another manager: StatefulSet/NAME:spec.replicas@MANAGER
    ///
    /// The plan names the field and its manager where this is needed. Only the
    /// replicas of the stack's StatefulSet can be taken.
    #[arg(long, value_name = "KIND/NAME:FIELD@MANAGER")]
    pub take: Vec<Taken>,
    /// Save no snapshot before members or data go
    #[arg(long)]
    pub skip_snapshot: bool,
    /// Give up what an unfinished apply was asked for
    #[arg(long)]
    pub abandon: bool,
    #[command(flatten)]
    pub allowed: Allowed,
}

/// Permissions: what may be done, where the plan says that it needs them.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Permissions")]
pub struct Allowed {
    /// Delete the data of these claims: CLAIM,... as the plan names them, or all
    #[arg(long, value_name = "CLAIM,...|all", value_delimiter = ',')]
    pub allow_data_loss: Vec<String>,
    /// Serve nobody while a member restarts
    #[arg(long)]
    pub allow_downtime: bool,
}

/// A field to take, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    typed: String,
    kind: String,
    /// With or without the namespace.
    name: String,
    field: String,
    manager: String,
}

/// The only field that can be taken.
const REPLICAS: &str = "spec.replicas";

impl FromStr for Taken {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let parts = typed.split_once(':').and_then(|(object, rest)| {
            let (kind, name) = object.split_once('/')?;
            let (field, manager) = rest.split_once('@')?;
            Some([kind, name, field, manager].map(str::to_owned))
        });
        match parts {
            Some(parts) if parts.iter().all(|part| !part.is_empty()) => {
                let [kind, name, field, manager] = parts;
                Ok(Taken { typed: typed.to_owned(), kind, name, field, manager })
            }
            _ => Err(format!("write it as `StatefulSet/NAME:{REPLICAS}@MANAGER`; the plan says which")),
        }
    }
}

impl Taken {
    /// As it is asked for, of this stack; or why it cannot be.
    fn of(&self, names: &Names) -> Result<Conflict, String> {
        let Taken { typed, kind, name, field, manager } = self;
        let (stack, namespace) = (&names.stack, &names.namespace);
        let is_stack = name == stack || *name == format!("{namespace}/{stack}");
        let field = field.trim_start_matches('.');
        if kind == "StatefulSet" && is_stack && field == REPLICAS {
            return Ok(Conflict { field: REPLICAS.to_owned(), manager: manager.clone() });
        }
        Err(format!(
            "`{typed}` cannot be taken: only `StatefulSet/{stack}:{REPLICAS}@{manager}` can, of this stack"
        ))
    }
}

impl Intents {
    /// What is asked for of a stack; or what of it cannot be.
    pub fn of(&self, names: &Names) -> Result<Intent, String> {
        Ok(Intent {
            replace: self.replace.iter().cloned().collect(),
            restart: self.restart,
            remove: self.remove.iter().copied().collect(),
            take: self.take.iter().map(|taken| taken.of(names)).collect::<Result<_, _>>()?,
            skip_snapshot: self.skip_snapshot,
            abandon: self.abandon,
        })
    }

    /// What is allowed.
    pub fn permissions(&self) -> Permissions {
        let Allowed { allow_data_loss: claims, allow_downtime } = &self.allowed;
        let data_loss = match claims.iter().any(|claim| claim == "all") {
            true => DataLoss::OfAll,
            false => DataLoss::Of(claims.iter().cloned().collect::<BTreeSet<String>>()),
        };
        Permissions { data_loss, downtime: *allow_downtime }
    }

    /// The first flag that names something of one stack.
    pub fn of_one_stack(&self) -> Option<&'static str> {
        let claims = &self.allowed.allow_data_loss;
        let table = [
            ("--replace", !self.replace.is_empty()),
            ("--remove", !self.remove.is_empty()),
            ("--take", !self.take.is_empty()),
            ("--allow-data-loss CLAIM", claims.iter().any(|claim| claim != "all")),
        ];
        table.iter().find(|(_, given)| *given).map(|(flag, _)| *flag)
    }

    /// The flags that ask for the same again, to be copied. Permissions are
    /// not among them: the plan says which it needs.
    pub fn flags(&self) -> Vec<String> {
        let Intents { replace, restart, remove, take, skip_snapshot, abandon, allowed: _ } = self;
        let flag = |name: &str, given: bool| given.then(|| name.to_owned());
        let mut flags: Vec<String> =
            replace.iter().map(|name| format!("--replace {}", quoted(name))).collect();
        flags.extend(flag("--restart", *restart));
        flags.extend(remove.iter().map(|id| format!("--remove {id}")));
        flags.extend(take.iter().map(|taken| format!("--take {}", quoted(&taken.typed))));
        flags.extend(flag("--skip-snapshot", *skip_snapshot));
        flags.extend(flag("--abandon", *abandon));
        flags
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
    use super::*;
    use crate::stack::parse_and_check;

    fn names() -> Names {
        let text = "[stack]\nname = \"orders\"\nnamespace = \"etcd-orders\"\n";
        Names::of(&parse_and_check("orders.toml", text).unwrap().stack)
    }

    fn take(typed: &str) -> Result<Conflict, String> {
        typed.parse::<Taken>()?.of(&names())
    }

    #[test]
    fn the_replicas_of_the_stack_can_be_taken_and_nothing_else() {
        let replicas = |manager: &str| Ok(Conflict { field: REPLICAS.into(), manager: manager.into() });
        assert_eq!(take("StatefulSet/orders:spec.replicas@kubectl"), replicas("kubectl"));
        assert_eq!(take("StatefulSet/etcd-orders/orders:.spec.replicas@a@b"), replicas("a@b"));
        for other in [
            "StatefulSet/others:spec.replicas@kubectl",
            "StatefulSet/orders:spec.template@kubectl",
            "Service/orders:spec.replicas@kubectl",
        ] {
            let refused = take(other).unwrap_err();
            assert!(refused.contains("only `StatefulSet/orders:spec.replicas@kubectl` can"), "{refused}");
        }
        for no_field in ["spec.replicas", "StatefulSet/orders", "StatefulSet/orders:spec.replicas@", ""] {
            let refused = take(no_field).unwrap_err();
            assert!(refused.contains("StatefulSet/NAME:spec.replicas@MANAGER"), "{refused}");
        }
    }

    #[test]
    fn an_id_is_what_etcdctl_prints() {
        assert_eq!([id("b31c"), id("0xb31c")], [Ok(Id(0xb31c)), Ok(Id(0xb31c))]);
        // The JSON of etcdctl has the same id in decimal.
        for other in ["10501334649042878790", "orders-1", ""] {
            assert!(id(other).unwrap_err().contains("hexadecimal"), "{other}");
        }
    }

    #[test]
    fn all_claims_are_more_than_some() {
        let typed = |claims: &[&str]| {
            let allow_data_loss = claims.iter().map(|claim| (*claim).to_owned()).collect();
            let allowed = Allowed { allow_data_loss, allow_downtime: false };
            let intents = Intents { allowed, ..Intents::default() };
            (intents.permissions().data_loss, intents.of_one_stack().is_some())
        };
        assert_eq!(typed(&["data-a", "all"]), (DataLoss::OfAll, true));
        assert_eq!(typed(&["all"]), (DataLoss::OfAll, false));
        assert_eq!(typed(&[]), (DataLoss::Of(BTreeSet::new()), false));
    }

    #[test]
    fn what_was_asked_for_can_be_copied() {
        let intents = Intents {
            replace: vec!["orders-1".into()],
            remove: vec![Id(0xb31c)],
            take: vec!["StatefulSet/orders:spec.replicas@my tool".parse().unwrap()],
            skip_snapshot: true,
            ..Intents::default()
        };
        let flags = [
            "--replace orders-1",
            "--remove b31c",
            "--take 'StatefulSet/orders:spec.replicas@my tool'",
            "--skip-snapshot",
        ];
        assert_eq!(intents.flags(), flags);
    }
}
