//! `[image]` and `cluster.version`: what the members run, and which etcd that is.

use crate::stack::{Image, file::ImageSection, finding::Finder, syntax};
use crate::version::Version;

use super::text;

const NEWEST: [Version; 3] = [Version::new(3, 5, 35), Version::DEFAULT, Version::new(3, 7, 3)];

/// Returns the version, whether the file fixes it, and the image.
///
/// A tag that starts with a version fixes the version as well: the flags must
/// be those of the program that runs.
pub(super) fn image(version: Option<&str>, section: ImageSection, f: &mut Finder) -> (Version, bool, Image) {
    let ImageSection { repository, tag, digest, pull_policy, pull_secrets } = section;
    let named = version.and_then(|text| named_version(f, text));
    let tagged = tag.as_deref().and_then(version_of_tag);
    let version = named.or(tagged).unwrap_or(Version::DEFAULT);
    let image = Image {
        repository: repository.unwrap_or_else(|| "registry.k8s.io/etcd".to_owned()),
        tag: tag.unwrap_or_else(|| format!("v{version}")),
        digest,
        pull_policy: pull_policy.unwrap_or_else(|| "IfNotPresent".to_owned()),
        pull_secrets: pull_secrets.unwrap_or_default(),
    };
    forms(f, &image);
    agreement(f, named, tagged, &image);
    (version, named.or(tagged).is_some(), image)
}

fn named_version(f: &mut Finder, text: &str) -> Option<Version> {
    let key = "cluster.version";
    match text.parse::<Version>() {
        Ok(version) => supported(f, key, version).then_some(version),
        Err(reason) => {
            let label = newest(text).map_or(reason.to_string(), |_| "names no patch release".to_owned());
            let finding =
                f.error("stack::bad_version", key, format!("`{key}` is not an etcd version")).label(label);
            finding.help = newest(text).map(|version| format!("write \"{version}\""));
            None
        }
    }
}

/// Returns the newest release of a minor such as `3.6`: the one whose flags the
/// table of flags was made from.
pub(in crate::stack) fn newest(minor: &str) -> Option<Version> {
    NEWEST.into_iter().find(|version| minor == format!("{}.{}", version.major, version.minor))
}

fn supported(f: &mut Finder, key: &str, version: Version) -> bool {
    if !version.supported() {
        let known = Version::MINORS.map(|minor| format!("3.{minor}")).join(", ");
        f.error("stack::bad_version", key, format!("etcd {version} is not known to this release"))
            .label("its flags are unknown")
            .help(format!("use a version of {known}; {} is the default", Version::DEFAULT));
    }
    version.supported()
}

/// Reads `v3.6.16` and `3.6.4-0`; `None` for a tag that may move, such as `v3.6`.
fn version_of_tag(tag: &str) -> Option<Version> {
    let plain = tag.strip_prefix('v').unwrap_or(tag);
    plain.split('-').next()?.parse().ok()
}

fn forms(f: &mut Finder, image: &Image) {
    text(f, "image.repository", &image.repository, "the name of an image", syntax::image_repository);
    text(f, "image.tag", &image.tag, "a tag", syntax::image_tag);
    if let Some(digest) = &image.digest {
        text(f, "image.digest", digest, "a digest", syntax::image_digest);
    }
    for (index, secret) in image.pull_secrets.iter().enumerate() {
        text(
            f,
            &format!("image.pull_secrets[{index}]"),
            secret,
            "the name of a Secret",
            syntax::dns_subdomain,
        );
    }
}

fn agreement(f: &mut Finder, named: Option<Version>, tagged: Option<Version>, image: &Image) {
    let (version_key, tag_key) = ("cluster.version", "image.tag");
    if !f.right(&[version_key, tag_key]) {
        return;
    }
    let tag = &image.tag;
    match (named, tagged) {
        (Some(named), Some(tagged)) if named != tagged => {
            f.error(
                "stack::contradiction",
                tag_key,
                format!("`{tag_key}` is etcd {tagged}, `{version_key}` is {named}"),
            )
            .label(format!("not {named}"))
            .help(format!("leave `{tag_key}` out: it follows `{version_key}`"));
        }
        (None, Some(tagged)) => {
            supported(f, tag_key, tagged);
        }
        (_, None) if f.given(tag_key) && image.digest.is_none() => {
            f.warning(
                "stack::floating_tag",
                tag_key,
                format!("`{tag_key}` is {tag:?}, which names no release"),
            )
            .label("what it stands for may change")
            .help(format!("use a tag such as \"v{}\", or set `image.digest`", Version::DEFAULT));
        }
        _ => {}
    }
    let told = named.or(tagged).is_some();
    if !told && (f.given("image.digest") || f.given(tag_key)) {
        let key = if f.given("image.digest") { "image.digest" } else { tag_key };
        f.warning("stack::unknown_version", key, format!("`{key}` does not tell which etcd it is"))
            .label(format!("flags will be those of {}", Version::DEFAULT))
            .help(format!("set `{version_key}`"));
    }
}
