//! Which request of which forge this is about: by flags, and by what GitHub
//! Actions and GitLab CI tell a job.
//!
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/variables>
//! <https://docs.gitlab.com/ci/variables/predefined_variables/>

use std::fs;

use serde_json::Value;

use super::{
    arguments::{On, Place as Arguments},
    clock,
    exit::Exit,
    output::Output,
};
use crate::forge::{Error, Forge, GitHub, GitLab, Patience, Token};

/// What a job knows of its request.
#[derive(Debug)]
pub struct Place {
    /// The forge.
    pub on: On,
    /// The repository, or the project.
    repository: String,
    /// The request, where it is known.
    pub number: Option<u64>,
    /// The commit at its tip, where it is known.
    pub head: Option<String>,
    /// The commit that it is to be merged into.
    pub base: Option<String>,
    /// The commit that the job is about.
    pub commit: Option<String>,
    /// The page of the run.
    pub run_url: Option<String>,
    /// Which attempt it is.
    pub attempt: u32,
    /// Whether its token may only read by design: a fork's, or Dependabot's.
    pub is_read_only: bool,
    token: Option<Token>,
}

type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A variable that is set to something.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Place {
    /// Finds out. Says what is missing.
    pub fn find(arguments: &Arguments, output: &Output) -> Result<Self, Exit> {
        let read = |path: &str| fs::read_to_string(path).ok();
        let event = variable("GITHUB_EVENT_PATH").and_then(|path| read(&path));
        let event = event.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null);
        Place::of(arguments, &variable, &event).map_err(|(what, help)| output.error(&what, Some(&help)))
    }

    /// The same, as a function of all that it looks at.
    fn of(arguments: &Arguments, env: Environment<'_>, event: &Value) -> Result<Self, (String, String)> {
        let on = match arguments.on {
            Some(on) => on,
            None => detected(env)?,
        };
        let mut place = match on {
            On::Github => github(env, event),
            On::Gitlab => gitlab(env),
        }?;
        if let Some(repository) = &arguments.repository {
            place.repository.clone_from(repository);
        }
        place.number = arguments.number.or(place.number);
        check(on, &place.repository)?;
        Ok(place)
    }

    /// Whether there is a token.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// The error that there is none.
    pub fn without_token(&self, output: &Output) -> Exit {
        let (name, help) = match self.on {
            On::Github => ("GITHUB_TOKEN", "in a workflow: `env: { GITHUB_TOKEN: ${{ github.token }} }`"),
            On::Gitlab => (
                "GITLAB_TOKEN",
                "a project access token with scope `api`; CI_JOB_TOKEN may not write comments",
            ),
        };
        output.error(&format!("{name} is not set"), Some(help))
    }

    /// Connects, for a request of any number.
    pub fn connect(&self, arguments: &Arguments) -> Result<Forge, Error> {
        let patience = Patience::new(arguments.patience, || clock::now().as_second());
        let (token, number) = (self.token.as_ref(), self.number.unwrap_or_default());
        let at = (self.repository.as_str(), number);
        Ok(match self.on {
            On::Github => {
                let (api, graphql) = urls();
                Forge::GitHub(GitHub::new((&api, &graphql), at, token, patience)?)
            }
            On::Gitlab => {
                let api = variable("CI_API_V4_URL").unwrap_or_else(|| "https://gitlab.com/api/v4".to_owned());
                Forge::GitLab(GitLab::new(&api, at, token, patience)?)
            }
        })
    }

    /// The number of the request: the one that is known, or else the one that
    /// the job's commit was merged by.
    pub async fn resolve(&self, forge: &mut Forge, output: &Output) -> Result<u64, Exit> {
        let help = "name it with --number";
        let number = match (self.number, &self.commit) {
            (Some(number), _) => number,
            (None, Some(commit)) => {
                let found = forge.merged(commit).await.map_err(|error| failed(&error, output))?;
                let none = || format!("no request, or more than one, was merged as {commit}");
                found.ok_or_else(|| output.error(&none(), Some(help)))?
            }
            (None, None) => {
                return Err(output.error("which pull request this is about is not known", Some(help)));
            }
        };
        forge.at(number);
        Ok(number)
    }
}

/// Prints an error of a forge.
pub fn failed(error: &Error, output: &Output) -> Exit {
    output.error(&error.to_string(), error.help().as_deref())
}

/// By the variables that each system sets.
fn detected(env: Environment<'_>) -> Result<On, (String, String)> {
    let set = |name: &str| env(name).is_some();
    let other =
        ["BITBUCKET_BUILD_NUMBER", "BITBUCKET_COMMIT", "TF_BUILD", "SYSTEM_PULLREQUEST_PULLREQUESTID"];
    if set("GITHUB_ACTIONS") {
        Ok(On::Github)
    } else if set("GITLAB_CI") {
        Ok(On::Gitlab)
    } else if other.into_iter().any(set) {
        let what = "comments are written on GitHub and GitLab, and this is neither".to_owned();
        Err((what, "use `plan --format markdown`, and post that".to_owned()))
    } else {
        Err((
            "where the pull request is is not known".to_owned(),
            "pass --on github or --on gitlab".to_owned(),
        ))
    }
}

fn github(env: Environment<'_>, event: &Value) -> Result<Place, (String, String)> {
    let pull = &event["pull_request"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let on_comment = || event["issue"]["pull_request"].is_object().then(|| event["issue"]["number"].as_u64());
    let (server, id) = (env("GITHUB_SERVER_URL"), env("GITHUB_RUN_ID"));
    let repository = env("GITHUB_REPOSITORY").unwrap_or_default();
    let is_fork = pull.is_object() && pull["head"]["repo"]["id"] != pull["base"]["repo"]["id"];
    Ok(Place {
        on: On::Github,
        number: pull["number"].as_u64().or_else(|| on_comment().flatten()),
        head: text(&pull["head"]["sha"]),
        base: text(&pull["base"]["sha"]),
        commit: env("GITHUB_SHA"),
        run_url: server.zip(id).map(|(server, id)| format!("{server}/{repository}/actions/runs/{id}")),
        attempt: env("GITHUB_RUN_ATTEMPT").and_then(|text| text.parse().ok()).unwrap_or(1),
        is_read_only: is_fork || env("GITHUB_ACTOR").is_some_and(|actor| actor == "dependabot[bot]"),
        token: token(env("GITHUB_TOKEN").or_else(|| env("GH_TOKEN")))?,
        repository,
    })
}

fn gitlab(env: Environment<'_>) -> Result<Place, (String, String)> {
    let (source, target) = (env("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"), env("CI_MERGE_REQUEST_PROJECT_ID"));
    Ok(Place {
        on: On::Gitlab,
        is_read_only: source.is_some() && source != target,
        repository: target.or_else(|| env("CI_PROJECT_ID")).unwrap_or_default(),
        number: env("CI_MERGE_REQUEST_IID").and_then(|text| text.parse().ok()),
        // Only where the results are merged first; then CI_COMMIT_SHA is of the merge.
        head: env("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA").or_else(|| env("CI_COMMIT_SHA")),
        base: env("CI_MERGE_REQUEST_TARGET_BRANCH_SHA").or_else(|| env("CI_MERGE_REQUEST_DIFF_BASE_SHA")),
        commit: env("CI_COMMIT_SHA"),
        run_url: env("CI_JOB_URL"),
        attempt: 1,
        token: token(env("GITLAB_TOKEN"))?,
    })
}

fn token(text: Option<String>) -> Result<Option<Token>, (String, String)> {
    let help = || "set it anew, without a line break".to_owned();
    text.map(|text| Token::new(&text)).transpose().map_err(|reason| (reason, help()))
}

/// Nothing in a repository's name may lead to another path.
fn check(on: On, repository: &str) -> Result<(), (String, String)> {
    let is_name = |name: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        !name.is_empty() && name != "." && name != ".." && name.chars().all(plain)
    };
    let is_pair = repository.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name));
    match on {
        _ if repository.is_empty() => Err((
            "which repository this is about is not known".to_owned(),
            "name it with --repository".to_owned(),
        )),
        On::Github if !is_pair => {
            let what = format!("`{repository}` is no repository of GitHub");
            Err((what, "it is OWNER/NAME".to_owned()))
        }
        _ => Ok(()),
    }
}

/// REST and GraphQL of GitHub. One's own server has them at `/api/v3` and
/// `/api/graphql`.
fn urls() -> (String, String) {
    let api = variable("GITHUB_API_URL").unwrap_or_else(|| "https://api.github.com".to_owned());
    let beside = || match api.strip_suffix("/api/v3") {
        Some(server) => format!("{server}/api/graphql"),
        None => format!("{api}/graphql"),
    };
    let graphql = variable("GITHUB_GRAPHQL_URL").unwrap_or_else(beside);
    (api, graphql)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn find(set: &[(&str, &str)], event: &Value) -> Result<Place, (String, String)> {
        let nothing = Arguments { on: None, repository: None, number: None, patience: Duration::ZERO };
        let env = |name: &str| set.iter().find(|one| one.0 == name).map(|one| one.1.to_owned());
        Place::of(&nothing, &env, event)
    }

    #[test]
    fn the_tip_of_a_pull_request_is_in_the_event_and_not_in_the_commit() {
        let event = json!({ "pull_request": {
            "number": 7,
            "head": { "sha": "41d9", "repo": { "id": 1 } },
            "base": { "sha": "9be2", "repo": { "id": 1 } },
        } });
        let set = [("GITHUB_ACTIONS", "true"), ("GITHUB_REPOSITORY", "acme/etcd"), ("GITHUB_SHA", "merge")];
        let place = find(&set, &event).unwrap();
        assert_eq!((place.number, place.head.as_deref(), place.is_read_only), (Some(7), Some("41d9"), false));
        let mut fork = event;
        fork["pull_request"]["head"]["repo"]["id"] = json!(2);
        assert!(find(&set, &fork).unwrap().is_read_only);
    }

    #[test]
    fn a_merge_request_of_a_fork_is_in_the_project_that_it_is_for() {
        let set = [
            ("GITLAB_CI", "true"),
            ("CI_PROJECT_ID", "20"),
            ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "20"),
            ("CI_MERGE_REQUEST_PROJECT_ID", "10"),
            ("CI_MERGE_REQUEST_IID", "3"),
            ("CI_COMMIT_SHA", "41d9"),
        ];
        let place = find(&set, &Value::Null).unwrap();
        assert_eq!((place.repository.as_str(), place.number, place.is_read_only), ("10", Some(3), true));
        assert_eq!(place.head.as_deref(), Some("41d9"));
    }

    #[test]
    fn what_is_not_known_is_said() {
        let reason = |set: &[(&str, &str)]| find(set, &Value::Null).unwrap_err().1;
        assert!(reason(&[("BITBUCKET_COMMIT", "1")]).contains("--format markdown"));
        assert!(reason(&[("TF_BUILD", "True")]).contains("--format markdown"));
        assert!(reason(&[]).contains("--on"));
        assert!(reason(&[("GITHUB_ACTIONS", "true")]).contains("--repository"));
        let odd = [("GITHUB_ACTIONS", "true"), ("GITHUB_REPOSITORY", "acme/../../user")];
        assert!(reason(&odd).contains("OWNER/NAME"));
    }
}
