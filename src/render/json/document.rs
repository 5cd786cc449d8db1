//! What the JSON of a plan holds: the published schema is made of these types,
//! and says what stands here.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{FORMAT_VERSION, change::ResourceChange};
use crate::{
    member::{Alarm, Id, Member},
    plan::{Action, Against, Basis, Cost, Ending, Fact, Guard, Needs, Wait},
    report::Unfinished,
};

/// A plan of one stack file. A reader ignores keys that it does not know, which
/// a new minor version may add, and refuses a `format_version` of another major.
/// A file that has no plan has the same keys, and `diagnostics` say why.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "The plan of a stack, as `etcdctl-stack plan --json` prints it")]
pub struct Document {
    /// `MAJOR.MINOR`.
    #[schemars(regex(pattern = r"^1\.[0-9]+$"))]
    pub format_version: &'static str,
    /// The version of the tool that made it.
    pub tool_version: &'static str,
    /// The stack file.
    pub stack: StackFile,
    /// Where the stack is.
    pub target: Option<Target>,
    /// What an approval is bound to, for `apply --expect`: 64 hexadecimal digits.
    /// The first 32 bind it; the others, eight times four, say in which part
    /// another plan differs. Null where something could not be read.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub digest: Option<String>,
    /// The recording that it was made against; null where a cluster was asked.
    pub against: Option<Against>,
    /// What the digest is made of: SHA-256 of each part, in 64 digits.
    pub basis: Option<Basis>,
    /// When it was made. Not part of the digest.
    #[schemars(extend("format" = "date-time"))]
    pub timestamp: Option<String>,
    /// Whether `apply` would carry it out, with the permissions that were given.
    pub applyable: bool,
    /// Whether nothing is left to do after the last step.
    pub complete: bool,
    /// Whether something could not be read, so that this is no whole plan.
    pub errored: bool,
    /// What it comes to, in numbers.
    pub summary: Option<Summary>,
    /// Set where the stack as a whole goes or is handed over.
    pub end: Option<Ending>,
    /// The run that broke off and that this plan goes on with.
    pub goes_on_with: Option<Unfinished>,
    /// Every object of the stack, those that stay as they are with `no-op`; and
    /// claims whose data is deleted.
    pub resource_changes: Vec<ResourceChange>,
    /// Empty: a plan compares with the stack file, and does not look for what
    /// changed since the last apply. `plan --drift --json` tells that.
    pub resource_drift: [Value; 0],
    /// Fields that others set in the stack's objects, and that the stack does not.
    pub foreign_fields: Vec<ForeignField>,
    /// Fields that others own and that the plan would change.
    pub conflicts: Vec<Conflict>,
    /// etcd as it is, where it runs.
    pub etcd: Option<Etcd>,
    /// What is done, in order; each step begins when the one before it is done.
    pub steps: Vec<Step>,
    /// What was looked into, and what came of it.
    pub checks: Vec<Check>,
    /// What a reviewer should know.
    pub warnings: Vec<String>,
    /// Why it cannot be applied, and what is doubtful in the stack file.
    pub diagnostics: Vec<Diagnostic>,
}

impl Document {
    /// That of a file of which nothing else is known.
    pub fn of_file(file: &str) -> Self {
        Document {
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION"),
            stack: StackFile { name: None, file: file.to_owned(), sha256: None },
            target: None,
            digest: None,
            against: None,
            basis: None,
            timestamp: None,
            applyable: false,
            complete: false,
            errored: false,
            summary: None,
            end: None,
            goes_on_with: None,
            resource_changes: Vec::new(),
            resource_drift: [],
            foreign_fields: Vec::new(),
            conflicts: Vec::new(),
            etcd: None,
            steps: Vec::new(),
            checks: Vec::new(),
            warnings: Vec::new(),
            diagnostics: Vec::new(),
        }
    }
}

/// A stack file.
#[derive(Serialize, JsonSchema)]
pub struct StackFile {
    /// The stack's name; null where the file could not be used.
    pub name: Option<String>,
    /// The file, as it was named.
    pub file: String,
    /// SHA-256 of its bytes.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Option<String>,
}

/// Where a stack is.
#[derive(Serialize, JsonSchema)]
pub struct Target {
    /// The context of the kubeconfig. Two people may name one cluster differently.
    pub context: String,
    /// The uid of the namespace `kube-system`: which cluster this is.
    pub cluster_uid: Option<String>,
    /// The stack's namespace.
    pub namespace: String,
    /// Whether it is there already.
    pub namespace_exists: bool,
}

/// What a plan comes to.
#[derive(Serialize, JsonSchema)]
pub struct Summary {
    /// Objects to make.
    pub create: usize,
    /// Objects to change in place, those that are adopted among them.
    pub update: usize,
    /// Objects that are as wanted but for what steps change in them as members
    /// come and go. Their `actions` are `["update"]` too.
    pub stepwise: usize,
    /// Objects that others made and that become the stack's.
    pub adopt: usize,
    /// Objects to delete and create again.
    pub recreate: usize,
    /// Objects to hand over.
    pub forget: usize,
    /// Objects to delete, and claims whose data is deleted.
    pub delete: usize,
    /// Steps.
    pub steps: usize,
    /// Members that restart.
    pub restarts: usize,
    /// Claims whose data is deleted.
    pub data_loss: usize,
    /// Changes of which the API server was asked what it would store.
    pub verified: usize,
    /// Changes of which it could not be asked yet.
    pub predicted: usize,
    /// Checks that could not be made.
    pub unchecked: usize,
    /// Voters.
    pub members: Members,
    /// What must be allowed by name, whether it was or not.
    pub needs: Needs,
}

/// Voters before the first step and after the last.
#[derive(Serialize, JsonSchema)]
pub struct Members {
    /// Now.
    pub before: usize,
    /// After the last step.
    pub after: usize,
    /// After which step the fewest may fail, where that is fewer than now.
    pub lowest: Option<Lowest>,
}

/// The step after which the fewest members may fail.
#[derive(Serialize, JsonSchema)]
pub struct Lowest {
    /// Its number, from 1.
    pub step: usize,
    /// How many vote then.
    pub members: usize,
    /// How many must agree.
    pub quorum: usize,
    /// How many may fail.
    pub can_lose: usize,
}

/// A field that somebody else set and that the stack does not.
#[derive(Serialize, JsonSchema)]
pub struct ForeignField {
    /// The object.
    pub address: String,
    /// The field, as the API server shows it in a conflict.
    pub field: String,
    /// The same as the keys that lead there; a list item is an object of what
    /// names it.
    pub path: Vec<Value>,
    /// Who set it.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// When they last changed something, as the server writes it.
    pub time: Option<String>,
    /// Its value; null where it may be secret.
    pub value: Option<Value>,
    /// Whether the stack file leaves it to them.
    pub tolerated: bool,
    /// Whether it goes with the object, which is made anew.
    pub lost: bool,
    /// `error` where the plan stops for it.
    pub severity: Severity,
    /// What it means for the members, where it is dangerous.
    pub meaning: Option<String>,
    /// What `--take` takes to remove it.
    pub take: String,
}

/// How bad something is.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The plan stops for it.
    Error,
    /// Somebody should know.
    Warning,
    /// It is no trouble.
    Info,
}

/// A field that others own and that the plan would change.
#[derive(Serialize, JsonSchema)]
pub struct Conflict {
    /// The object.
    pub address: String,
    /// The field, as the API server shows it.
    pub field: String,
    /// The same as the keys that lead there; a list item is an object of what
    /// names it.
    pub path: Vec<Value>,
    /// What the stack wants; null where it may be secret, or nothing.
    pub yours: Option<Value>,
    /// What is there; null likewise.
    pub theirs: Option<Value>,
    /// Who owns it.
    pub manager: String,
    /// Through which subresource, such as `scale`.
    pub subresource: Option<String>,
    /// When they last changed something, as the server writes it.
    pub time: Option<String>,
    /// What it means for the members.
    pub meaning: Option<String>,
}

/// etcd as it is.
#[derive(Serialize, JsonSchema)]
pub struct Etcd {
    /// The cluster's id.
    pub cluster_id: Id,
    /// The members in the list.
    pub members: Vec<Member>,
    /// Names of members that answer, know a leader and report no error.
    pub healthy: Vec<String>,
    /// The leader's name.
    pub leader: Option<String>,
    /// Alarms that are raised.
    pub alarms: Vec<Alarm>,
    /// Bytes of the largest database file; null in a plan against a recording.
    pub db_size: Option<i64>,
    /// The quota in bytes.
    pub quota: u64,
}

/// One step.
#[derive(Serialize, JsonSchema)]
pub struct Step {
    /// `s1`, `s2`, ...: its number.
    #[schemars(regex(pattern = "^s[1-9][0-9]*$"))]
    pub id: String,
    /// What it mainly does: the `do` of one of its actions, or `wait`.
    pub kind: String,
    /// For a person.
    pub title: String,
    /// What is done, in order.
    pub actions: Vec<Action>,
    /// What must hold when it begins.
    pub before: Vec<Guard>,
    /// What must hold for it to be done.
    pub after: Vec<Wait>,
    /// Voters once it is done, where it touches membership.
    pub members: Option<usize>,
    /// How many of them must agree.
    pub quorum: Option<usize>,
    /// How many may fail.
    pub can_lose: Option<usize>,
    /// What it costs.
    pub costs: Vec<Cost>,
}

/// Something that was looked into.
#[derive(Serialize, JsonSchema)]
pub struct Check {
    /// What: `rights`, `storage_class`, `pod`, `claim`, `nodes`.
    pub name: String,
    /// What came of it; `unknown` where it could not be found out.
    #[schemars(extend("enum" = ["pass", "fail", "unknown"]))]
    pub status: &'static str,
    /// In words.
    pub detail: String,
}

/// A reason, a mistake or a doubt.
#[derive(Clone, Serialize, JsonSchema)]
pub struct Diagnostic {
    /// `error` where it stops everything.
    pub severity: Severity,
    /// Which kind, such as `plan::conflict` or `stack::unknown_key`; stable.
    pub code: String,
    /// What is wrong.
    pub summary: String,
    /// What to do.
    pub detail: Option<String>,
    /// What else is known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<Vec<Fact>>,
    /// The key of the stack file that it is about, such as `storage.size`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Where that key stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// The file that a mistake is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Where in the file; null for one that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// The line of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snippet: Option<String>,
}

impl Diagnostic {
    /// One that stops everything.
    pub fn error(code: &str, summary: String, detail: Option<String>) -> Self {
        Diagnostic {
            severity: Severity::Error,
            code: code.to_owned(),
            summary,
            detail,
            facts: None,
            key: None,
            span: None,
            file: None,
            range: None,
            snippet: None,
        }
    }
}

/// A place in a stack file. Both numbers start at 1; columns count characters.
#[derive(Clone, Serialize, JsonSchema)]
pub struct Span {
    /// The file, as it was named.
    pub file: String,
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// A part of a file.
#[derive(Clone, Serialize, JsonSchema)]
pub struct Range {
    /// Where it begins.
    pub start: Position,
    /// Where it ends.
    pub end: Position,
}

/// A spot in a file. Both numbers start at 1; columns count characters.
#[derive(Clone, Serialize, JsonSchema)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
    /// Bytes before it in the file.
    pub byte: usize,
}
