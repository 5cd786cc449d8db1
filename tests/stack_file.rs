//! Stack files from text to a checked stack, or to all of their mistakes.
//!
//! `tests/stack_file/<case>.toml` is checked and its findings are compared with
//! `<case>.txt`, as a terminal 100 columns wide shows them, without colour.
//! `UPDATE=1 cargo test --test stack_file` writes what is compared with.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use etcdctl_stack::{
    quantity::Quantity,
    stack::{
        Checked, Compaction, Finding, OnScaleDown, Resources, Severity, parse_and_check, schema, starter,
    },
};
use miette::{GraphicalReportHandler, GraphicalTheme};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn toml_files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).expect("the folder is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("names are plain")
}

/// Compares with a file, or writes it when `UPDATE` is set.
fn compare(path: &Path, actual: &str) {
    if env::var_os("UPDATE").is_some() {
        fs::write(path, actual).expect("it can be written");
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert!(expected == actual, "{} differs; it would now be:\n{actual}", path.display());
}

fn rendered(findings: &[Finding]) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .with_links(false);
    let mut text = String::new();
    for finding in findings {
        handler.render_report(&mut text, finding).expect("a text takes everything");
        text.push('\n');
    }
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn every_mistake_of_a_file_is_shown_at_its_place() {
    for path in toml_files("tests/stack_file") {
        let (all, count) = match parse_and_check(file_name(&path), &read(&path)) {
            Ok(checked) => (checked.warnings, "only warnings".to_owned()),
            Err(findings) => (findings.all.clone(), findings.count()),
        };
        assert!(!all.is_empty(), "{} has no mistake", path.display());
        compare(&path.with_extension("txt"), &format!("{}{count}\n", rendered(&all)));
    }
}

#[test]
fn findings_are_objects_for_programs() {
    let path = root().join("tests/stack_file/five_mistakes.toml");
    let findings = parse_and_check(file_name(&path), &read(&path)).expect_err("it has five mistakes");
    let json = serde_json::to_string_pretty(&findings).expect("findings are plain data");
    compare(&path.with_extension("json"), &format!("{json}\n"));
}

#[test]
fn the_examples_are_right_and_mean_what_they_meant() {
    for path in toml_files("stacks") {
        let name = file_name(&path);
        let checked = parse_and_check(name, &read(&path))
            .unwrap_or_else(|findings| panic!("{name}:\n{}", rendered(&findings.all)));
        let warnings: Vec<&str> = checked.warnings.iter().map(|finding| finding.code).collect();
        let expected: &[&str] = if name == "single.toml" { &["stack::single_member"] } else { &[] };
        assert_eq!(warnings, expected, "{name}");
        let json = serde_json::to_string_pretty(&checked.stack).expect("a stack is plain data");
        compare(
            &root().join("tests/stack_file/checked").join(name).with_extension("json"),
            &format!("{json}\n"),
        );
    }
}

#[test]
fn what_init_writes_is_right() {
    let checked = parse_and_check("orders.toml", &starter("orders")).expect("it has no mistake");
    assert!(checked.warnings.is_empty());
    assert_eq!((checked.stack.name.as_str(), checked.stack.namespace.as_str()), ("orders", "etcd-orders"));
}

/// What the comments of the starter offer must be right as well.
#[test]
fn what_init_offers_in_comments_is_right() {
    let starter = starter("orders");
    let offers = |line: &str| line.starts_with("# ") && (line.contains(" = ") || line.contains("# ["));
    let lines: Vec<&str> =
        starter.lines().map(|line| if offers(line) { line.trim_start_matches("# ") } else { line }).collect();
    let checked = parse_and_check("orders.toml", &lines.join("\n"))
        .unwrap_or_else(|findings| panic!("{}", rendered(&findings.all)));
    assert_eq!(checked.warnings.len(), 0, "{}", rendered(&checked.warnings));
    assert_eq!(checked.stack.tls.users[0].secret, "orders-user-app");
}

#[test]
fn what_the_readme_shows_of_a_stack_file_is_right() {
    let readme = read(&root().join("README.md"));
    let blocks: Vec<&str> =
        readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let checked = parse_and_check("README.md", block);
        assert!(checked.is_ok_and(|checked| checked.warnings.is_empty()), "{block}");
    }
}

#[test]
fn the_schema_is_the_one_of_the_types() {
    let json = serde_json::to_string_pretty(&schema()).expect("a schema is plain data");
    compare(&root().join("stack.schema.json"), &format!("{json}\n"));
}

#[test]
fn a_key_is_found_where_its_value_stands() {
    let text = "[stack]\nname = \"ö\" # ö\nlabels = { \"a.b/c\" = \"x\" }\n[[tls.users]]\nname = \"app\"\n";
    let findings = parse_and_check("orders.toml", text).expect_err("the name is wrong");
    assert!(findings.all.iter().all(|finding| finding.severity == Severity::Error));
    let text = text.replace('ö', "orders").replace("labels", "namespace = \"etcd\"\nlabels");
    let places = parse_and_check("orders.toml", &text).expect("it is right now").places;
    assert_eq!(places.of("stack.name").as_deref(), Some("orders.toml:2:8"));
    assert_eq!(places.of("stack.labels.\"a.b/c\"").as_deref(), Some("orders.toml:4:22"));
    assert_eq!(places.of("tls.users[0].name").as_deref(), Some("orders.toml:6:8"));
    assert_eq!(places.of("cluster.members"), None);
}

#[test]
fn broken_files_never_make_it_panic() {
    let whole = read(&root().join("stacks/production.toml"));
    for end in (0..whole.len()).step_by(7).filter(|end| whole.is_char_boundary(*end)) {
        let _ = parse_and_check("cut.toml", &whole[..end]).map_err(|findings| rendered(&findings.all));
    }
}

/// Looking through the file for each mistake would take half a minute here.
#[test]
fn thousands_of_mistakes_are_each_shown_with_their_place() {
    let labels: Vec<String> = (0..2000).map(|number| format!("\"k /{number}\" = \"v\"\n")).collect();
    let text = format!("[stack]\nname = \"a\"\nnamespace = \"b\"\n[pod.labels]\n{}", labels.concat());
    let findings = parse_and_check("many.toml", &text).expect_err("spaces are not allowed");
    let shown = rendered(&findings.all);
    let json = serde_json::to_string(&findings).expect("plain data");
    assert!(shown.contains("many.toml:2004:1") && json.contains("\"line\":2004"));
}

/// Kinds of values, right for hardly any key.
const VALUES: [&str; 12] = [
    "''",
    "'x'",
    "'1'",
    "1",
    "-9223372036854775808",
    "9223372036854775807",
    "1.5",
    "true",
    "2026-11-21",
    "[]",
    "['']",
    "{}",
];

/// Returns values for a schema, wrong and sometimes right, also further inside.
fn values(root: &Value, schema: &Value) -> Vec<String> {
    if let Some(name) = schema["allOf"][0]["$ref"].as_str().or(schema["$ref"].as_str()) {
        return values(root, root.pointer(name.trim_start_matches('#')).expect("it is defined"));
    }
    let mut all: Vec<String> = VALUES.map(str::to_owned).into();
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        all.extend(values(root, inner).iter().map(|value| format!("{{ {key} = {value} }}")));
    }
    if schema["items"].is_object() {
        all.extend(values(root, &schema["items"]).iter().map(|value| format!("[{value}]")));
    }
    if schema["additionalProperties"].is_object() {
        all.extend(VALUES.map(|value| format!("{{ cpu = {value} }}")));
    }
    all
}

#[test]
fn every_key_takes_every_kind_of_value_without_a_panic() {
    let schema = schema();
    for (key, inner) in schema["properties"].as_object().expect("a table has keys") {
        for value in values(&schema, inner) {
            let text = format!("{key} = {value}\n");
            let _ = parse_and_check("kinds.toml", &text);
        }
    }
}

/// Checks a file that is right, with more written below.
fn checked(more: &str) -> Checked {
    let text = format!("[stack]\nname = \"orders\"\nnamespace = \"etcd\"\n{more}");
    parse_and_check("orders.toml", &text).unwrap_or_else(|findings| panic!("{}", rendered(&findings.all)))
}

#[test]
fn a_default_gives_way_to_what_was_typed() {
    let amounts = |more: &str| {
        let Resources { requests, limits } = checked(&format!("[resources]\n{more}")).stack.resources;
        let one =
            |amounts: &BTreeMap<String, Quantity>, name: &str| amounts.get(name).map(Quantity::to_string);
        [one(&requests, "cpu"), one(&requests, "memory"), one(&limits, "cpu"), one(&limits, "memory")]
            .map(Option::unwrap_or_default)
    };
    assert_eq!(amounts(""), ["250m", "512Mi", "", "2Gi"]);
    assert_eq!(amounts("limits = { memory = \"256Mi\" }"), ["250m", "256Mi", "", "256Mi"]);
    assert_eq!(amounts("requests = { memory = \"4Gi\" }"), ["250m", "4Gi", "", "4Gi"]);
    assert_eq!(amounts("limits = { cpu = \"100m\" }"), ["100m", "512Mi", "100m", "2Gi"]);
}

#[test]
fn the_version_is_pinned_by_the_key_or_by_the_tag() {
    let version = |more: &str| {
        let Checked { stack, warnings, .. } = checked(more);
        (stack.version.to_string(), stack.version_pinned, stack.image.tag, warnings.len())
    };
    let expected =
        |version: &str, pinned, tag: &str, warnings| (version.to_owned(), pinned, tag.to_owned(), warnings);
    assert_eq!(version(""), expected("3.6.16", false, "v3.6.16", 0));
    assert_eq!(version("[cluster]\nversion = \"3.7.3\""), expected("3.7.3", true, "v3.7.3", 0));
    assert_eq!(version("[image]\ntag = \"3.5.21-0\""), expected("3.5.21", true, "3.5.21-0", 0));
    assert_eq!(version("[image]\ntag = \"v3.6\""), expected("3.6.16", false, "v3.6", 2));
    assert_eq!(
        version("[cluster]\nversion = \"3.6.16\"\n[image]\ntag = \"v3.6.16-arm64\""),
        expected("3.6.16", true, "v3.6.16-arm64", 0)
    );
}

#[test]
fn history_is_kept_by_time_or_by_number() {
    let kept =
        |text: &str| checked(&format!("[etcd]\nauto_compaction = {text:?}")).stack.etcd.auto_compaction;
    assert_eq!(kept("1h30m"), Compaction::Periodic(5400));
    assert_eq!(kept("1000 revisions"), Compaction::Revisions(1000));
    assert_eq!(kept("off"), Compaction::Off);
}

#[test]
fn a_claim_is_kept_unless_the_file_gives_it_up() {
    let policy = |more: &str| checked(more).stack.storage.on_scale_down;
    assert_eq!(policy(""), OnScaleDown::Retain);
    assert_eq!(policy("[storage]\non_scale_down = \"retain\""), OnScaleDown::Retain);
    assert_eq!(policy("[storage]\non_scale_down = \"delete\""), OnScaleDown::Delete);
    let ends = |more: &str| checked(more).stack.storage.on_destroy;
    assert_eq!(ends(""), OnScaleDown::Retain);
    assert_eq!(ends("[storage]\non_destroy = \"delete\""), OnScaleDown::Delete);
}

#[test]
fn the_quota_follows_the_volume_up_to_what_etcd_suggests() {
    let quota = |size: &str| checked(&format!("[storage]\nsize = {size:?}")).stack.etcd.quota >> 20;
    assert_eq!((quota("2Gi"), quota("8Gi"), quota("100Gi")), (921, 3686, 8192));
}
