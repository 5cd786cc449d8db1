//! The scripts of workflows, run by bash with programs in the place of ours
//! and of curl that write down what they were asked for.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{documents, strings};

/// A script of a job.
#[derive(Clone, Debug)]
pub struct Script {
    /// `github-plan.yaml plan: Comment`.
    pub name: String,
    pub text: String,
    /// What it is given from outside, as the file has it.
    pub env: BTreeMap<String, String>,
}

pub const GITHUB: [&str; 3] = ["github-plan.yaml", "github-apply.yaml", "github-drift.yaml"];
pub const GITLAB: &str = "gitlab-ci.yaml";

/// The only document of a workflow file.
pub fn workflow(file: &str) -> Value {
    let mut all = documents(&format!("docs/workflows/{file}"));
    assert_eq!(all.len(), 1, "{file}");
    all.remove(0)
}

/// The jobs of a file by name.
pub fn jobs(file: &str) -> Vec<(String, Value)> {
    let whole = workflow(file);
    let jobs = if file == GITLAB { &whole } else { &whole["jobs"] };
    let jobs = jobs.as_object().expect("a table").clone();
    let is_job = |job: &Value| job.get("steps").is_some() || job.get("script").is_some();
    jobs.into_iter().filter(|(_, job)| is_job(job)).collect()
}

/// Every script of all files.
pub fn all() -> Vec<Script> {
    let github = GITHUB.iter().flat_map(|file| of_github(file));
    github.chain(of_gitlab()).collect()
}

/// The script of this name.
pub fn named(name: &str) -> Script {
    let found = all().into_iter().find(|script| script.name == name);
    found.unwrap_or_else(|| panic!("no script `{name}`"))
}

fn of_github(file: &str) -> Vec<Script> {
    let whole = workflow(file);
    let mut all = Vec::new();
    for (job, body) in jobs(file) {
        for step in body["steps"].as_array().expect("steps") {
            let Some(text) = step["run"].as_str() else { continue };
            let tables = [&whole["env"], &body["env"], &step["env"]];
            let env = tables.into_iter().flat_map(environment).collect();
            let name = format!("{file} {job}: {}", step["name"].as_str().expect("a name"));
            all.push(Script { name, text: text.to_owned(), env });
        }
    }
    all
}

fn of_gitlab() -> Vec<Script> {
    let whole = workflow(GITLAB);
    let script = |(job, body): (String, Value)| {
        assert_eq!(body["extends"], ".tool", "{job}");
        let lines = [strings(&whole[".tool"]["before_script"]), strings(&body["script"])].concat();
        let env = environment(&whole["variables"]).collect();
        Script { name: format!("{GITLAB} {job}"), text: lines.join("\n"), env }
    };
    jobs(GITLAB).into_iter().map(script).collect()
}

fn environment(table: &Value) -> impl Iterator<Item = (String, String)> + '_ {
    let pairs = table.as_object().into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned()))
}

/// A checkout, and programs that write down their arguments.
pub struct Runner {
    folder: tempfile::TempDir,
}

/// How a script ended.
pub struct Ran {
    pub code: i32,
    pub said: String,
    /// What our program was asked for, call by call.
    pub calls: Vec<Vec<String>>,
}

/// Writes its arguments down and ends as `CODE_<command>` says, in the case of
/// one stack as `FAILS` says. A plan leaves a file, and an approval is printed.
const TOOL: &str = r#"#!/bin/bash
printf '%s\0' "$@" end-of-call >> "$CALLS"
code="CODE_$1"; code="${!code:-0}"
[ -n "$FAILS" ] && [ "$FAILS" = "$1 $2" ] && code=3
case $1 in
  approved) if [ "$code" = 0 ]; then printf '%s\n' "$DIGEST"; fi ;;
  plan)
    while [ $# -gt 0 ]; do
      if [ "$1" = --out ]; then case $2 in */) mkdir -p "$2" ;; *) echo '{}' > "$2" ;; esac; fi
      shift
    done ;;
esac
exit "$code"
"#;

/// Stands for a download.
const CURL: &str = "#!/bin/bash\nwhile [ $# -gt 0 ]; do [ \"$1\" = --output ] && cp \"$STUBS/etcdctl-stack\" \"$2\"; shift; done\n";

pub const DIGEST: &str = "7f3a91c27f3a91c27f3a91c27f3a91c27f3a91c27f3a91c27f3a91c27f3a91c2";

impl Runner {
    /// A checkout with these stack files.
    pub fn new(stacks: &[&str]) -> Runner {
        let runner = Runner { folder: tempfile::tempdir().expect("a folder") };
        for folder in ["work/stacks", "work/plans", "work/base/state", "work/state", "temp", "stubs"] {
            fs::create_dir_all(runner.path(folder)).expect("a writable folder");
        }
        for stack in stacks {
            fs::write(runner.path("work/stacks").join(stack), "").expect("a writable folder");
        }
        for (name, text) in [("etcdctl-stack", TOOL), ("curl", CURL)] {
            let path = runner.path("stubs").join(name);
            fs::write(&path, text).expect("a writable folder");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a file of ours");
        }
        runner
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The SHA-256 of what curl brings.
    pub fn checksum(&self) -> String {
        let output = Command::new("sha256sum").arg(self.path("stubs/etcdctl-stack")).output();
        let text = String::from_utf8(output.expect("sha256sum is there").stdout).expect("text");
        text.split(' ').next().unwrap_or_default().to_owned()
    }

    /// Runs a script as a runner does, with these variables.
    pub fn run(&self, script: &Script, env: &[(&str, &str)]) -> Ran {
        let calls = self.path("calls");
        fs::write(&calls, "").expect("a writable folder");
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-e"]);
        // GitLab's runners may have another shell, which is not asked for it.
        if !script.name.starts_with(GITLAB) {
            bash.args(["-o", "pipefail"]);
        }
        bash.args(["-c", &script.text]);
        bash.current_dir(self.path("work")).env_clear();
        bash.env("PATH", format!("{}:/usr/bin:/bin", self.path("stubs").display()));
        let own = [("CALLS", "calls"), ("STUBS", "stubs"), ("RUNNER_TEMP", "temp"), ("TMPDIR", "temp")];
        let files = ["GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY"].map(|name| (name, name));
        bash.envs(own.into_iter().chain(files).map(|(name, file)| (name, self.path(file))));
        bash.env("DIGEST", DIGEST).envs(env.iter().copied());
        let output = bash.output().expect("bash is there");
        let said = [output.stdout, output.stderr].concat();
        Ran {
            code: output.status.code().unwrap_or(-1),
            said: String::from_utf8_lossy(&said).into_owned(),
            calls: called(&calls),
        }
    }

    /// Every file in this folder of the runner, at any depth.
    pub fn files(&self) -> Vec<String> {
        let mut all = Vec::new();
        walk(self.folder.path(), &mut all);
        all
    }
}

fn walk(folder: &Path, all: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder").filter_map(Result::ok) {
        all.push(entry.file_name().to_string_lossy().into_owned());
        if entry.path().is_dir() {
            walk(&entry.path(), all);
        }
    }
}

fn called(log: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(log).expect("a file of ours");
    let mut calls = vec![Vec::new()];
    for word in text.split_terminator('\0') {
        match word {
            "end-of-call" => calls.push(Vec::new()),
            word => calls.last_mut().expect("one at least").push(word.to_owned()),
        }
    }
    calls.pop();
    calls
}
