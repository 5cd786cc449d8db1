//! `[pod]`: labels, ids, volumes.

use std::collections::BTreeSet;

use crate::stack::{
    Pod,
    file::PodSection,
    finding::Finder,
    kubernetes::{Volume, VolumeMount, canonical},
    syntax,
};

use super::{annotations, bytes, duration, labels, text};

/// Names of the volumes that every member has.
const OUR_VOLUMES: [&str; 3] = ["data", "tls-server", "tls-peer"];

/// Where these are mounted.
const OUR_PATHS: [&str; 2] = ["/var/lib/etcd", "/etc/etcd"];

pub(super) fn pod(section: PodSection, f: &mut Finder) -> Pod {
    let PodSection {
        labels: given,
        annotations: notes,
        service_account,
        run_as_user,
        fs_group,
        termination_grace,
        extra_volumes,
        extra_volume_mounts,
    } = section;
    let (given, notes) = (given.unwrap_or_default(), notes.unwrap_or_default());
    labels(f, "pod.labels", &given, syntax::label_value);
    annotations(f, "pod.annotations", &notes);
    if let Some(account) = &service_account {
        text(f, "pod.service_account", account, "the name of a ServiceAccount", syntax::dns_subdomain);
    }
    let (extra_volumes, mounts) =
        (extra_volumes.unwrap_or_default(), extra_volume_mounts.unwrap_or_default());
    volumes(f, &extra_volumes, &mounts);
    self::mounts(f, &extra_volumes, &mounts);
    Pod {
        labels: given,
        annotations: notes,
        service_account,
        run_as_user: run_as_user.unwrap_or(65532),
        fs_group: fs_group.unwrap_or(65532),
        termination_grace: grace(f, termination_grace.as_deref()),
        extra_volumes: extra_volumes.iter().map(canonical).collect(),
        extra_volume_mounts: mounts.iter().map(canonical).collect(),
    }
}

/// Returns whole seconds: Kubernetes counts no smaller unit here.
fn grace(f: &mut Finder, value: Option<&str>) -> u32 {
    let key = "pod.termination_grace";
    let milliseconds = duration(f, key, value).unwrap_or(60_000);
    if !milliseconds.is_multiple_of(1000) || !(1000..=3_600_000).contains(&milliseconds) {
        f.error("stack::out_of_range", key, format!("`{key}` is not 1 to 3600 whole seconds"))
            .label("for example \"60s\"");
    }
    u32::try_from(milliseconds / 1000).unwrap_or(u32::MAX)
}

fn volumes(f: &mut Finder, volumes: &[Volume], mounts: &[VolumeMount]) {
    let mut names = BTreeSet::new();
    for (index, volume) in volumes.iter().enumerate() {
        let path = format!("pod.extra_volumes[{index}]");
        sources(f, &path, volume);
        let Some(name) = &volume.name else { continue };
        let key = format!("{path}.name");
        text(f, &key, name, "the name of a volume", |it| syntax::dns_label(it, 63));
        if OUR_VOLUMES.contains(&name.as_str()) {
            f.error("stack::reserved", &key, format!("the volume `{name}` is the tool's own"))
                .label("taken")
                .help("choose another name");
        }
        if !names.insert(name) {
            f.error("stack::duplicate", &key, format!("the volume `{name}` is there twice"))
                .label("the second one");
        }
        if !mounts.iter().any(|mount| mount.name.as_ref() == Some(name))
            && f.right(&["pod.extra_volume_mounts"])
        {
            f.warning("stack::unused", &key, format!("the volume `{name}` is mounted nowhere"))
                .label("named by no `pod.extra_volume_mounts`");
        }
    }
}

/// A volume has one source.
fn sources(f: &mut Finder, path: &str, volume: &Volume) {
    let fields = canonical(volume);
    let count = fields.as_object().into_iter().flatten().filter(|(key, _)| *key != "name").count();
    if count != 1 && f.right(&[path]) {
        f.error("stack::contradiction", path, format!("`{path}` has {count} sources, not 1"))
            .label("one of `configMap`, `secret`, `emptyDir`, `hostPath`, ...");
    }
    let limit = volume.empty_dir.as_ref().and_then(|source| source.size_limit.as_deref());
    bytes(f, &format!("{path}.emptyDir.sizeLimit"), limit);
}

fn mounts(f: &mut Finder, volumes: &[Volume], mounts: &[VolumeMount]) {
    let mut paths = BTreeSet::new();
    for (index, mount) in mounts.iter().enumerate() {
        let path = format!("pod.extra_volume_mounts[{index}]");
        if let Some(name) = &mount.name {
            named(f, &format!("{path}.name"), name, volumes);
        }
        let Some(mount_path) = &mount.mount_path else { continue };
        let key = format!("{path}.mountPath");
        text(f, &key, mount_path, "an absolute path", syntax::absolute_path);
        let plain = mount_path.trim_end_matches('/');
        if let Some(ours) =
            OUR_PATHS.iter().find(|ours| plain == **ours || plain.starts_with(&format!("{ours}/")))
        {
            f.error(
                "stack::reserved",
                &key,
                format!("`{mount_path}` lies in `{ours}`, which is the tool's own"),
            )
            .label("taken")
            .help("mount it somewhere else");
        }
        if plain.is_empty() {
            f.error("stack::reserved", &key, "`/` is the container's own").label("would hide etcd itself");
        }
        if !paths.insert(plain) {
            f.error("stack::duplicate", &key, format!("two volumes are mounted at `{plain}`"))
                .label("the second one");
        }
    }
}

fn named(f: &mut Finder, key: &str, name: &str, volumes: &[Volume]) {
    let known = volumes.iter().any(|volume| volume.name.as_deref() == Some(name));
    if !known && f.right(&["pod.extra_volumes"]) {
        f.error("stack::contradiction", key, format!("no volume is called `{name}`"))
            .label("not in `pod.extra_volumes`")
            .help("add it to `pod.extra_volumes`");
    }
}
