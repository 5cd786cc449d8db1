//! A snapshot of one member, verified and saved to a file.
//!
//! The file has its name only once it is whole, is what the member sent, and is
//! on the disk; until then it has a hidden name, under which it is removed
//! whatever happens. Nothing here chooses the member or the folder. `tempfile`
//! is used here and in `cli`.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{self, Path, PathBuf},
};

use futures::TryStreamExt as _;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use thiserror::Error;
use tokio::io::{AsyncWriteExt as _, BufWriter};

use crate::{
    etcd::{self, Client},
    member::Status,
};

/// How much is written at a time. etcd sends pieces of 32 KiB, and each write is
/// handed to another thread.
const BUFFER: usize = 1 << 20;

const TRAILER: usize = etcd::TRAILER as usize;

/// Where a snapshot goes, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The folder, made when absent, with its parents.
    pub folder: &'a Path,
    /// The namespace of the stack.
    pub namespace: &'a str,
    /// The name of the stack.
    pub stack: &'a str,
}

/// A snapshot that was verified and is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The file, as an absolute path.
    pub path: PathBuf,
    /// Its size: the database and the 32 bytes of its SHA-256.
    pub bytes: u64,
    /// The SHA-256 of the database alone, in hexadecimal: the last 32 bytes of
    /// the file.
    pub sha256: String,
    /// The revision that the member had just before: the snapshot has this one
    /// and perhaps later ones. etcd does not tell which the last is.
    pub revision: i64,
}

/// Why there is no snapshot. Nothing is left behind.
#[derive(Debug, Error)]
pub enum Error {
    /// It did not answer, or the stream ended early.
    #[error("the member gave no snapshot: {0}")]
    Member(#[from] etcd::Error),
    /// Too short, or not as long as a database and a hash.
    #[error("the snapshot of {bytes} bytes does not end with a SHA-256, so it cannot be verified")]
    NoTrailer {
        /// All that came.
        bytes: u64,
    },
    /// The bytes are not those of which the member took the hash.
    #[error("the snapshot was damaged on its way: its SHA-256 is {got}, the member sent {wanted}")]
    Damaged {
        /// Of what came.
        got: String,
        /// The member's own.
        wanted: String,
    },
    /// Another snapshot of the same second.
    #[error("the snapshot `{}` exists already", .0.display())]
    Exists(PathBuf),
    /// No rights, a full disk, a file in the way.
    #[error("cannot save a snapshot in the folder `{}`: {reason}", .folder.display())]
    Folder {
        /// Where.
        folder: PathBuf,
        /// The system's words.
        reason: io::Error,
    },
}

impl Error {
    /// What a person can do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Error::Member(_) => "nothing was saved; run it again once the member answers",
            Error::NoTrailer { .. } => "nothing was saved; run it again, and look at the member's log",
            Error::Damaged { .. } => "nothing was saved; run it again, and look at what is in between",
            Error::Exists(_) => "run it again a second later, or choose another folder with --snapshot-dir",
            Error::Folder { .. } => "choose another folder with --snapshot-dir",
        }
    }
}

/// Saves a snapshot of this member, named
/// `<namespace>-<stack>-<cluster id>-<revision>-<time>.db`.
pub async fn save(member: &Client, place: Place<'_>, now: Timestamp) -> Result<Saved, Error> {
    let Status { cluster_id, revision, .. } = member.status().await?;
    let Place { folder, namespace, stack } = place;
    let name = format!("{namespace}-{stack}-{cluster_id}-{revision}-{}.db", now.strftime("%Y%m%dT%H%M%SZ"));
    let in_folder = |reason| Error::Folder { folder: folder.to_owned(), reason };
    let path = path::absolute(folder).map_err(in_folder)?.join(name);
    let file = open(&path).map_err(in_folder)?;
    let Verified { bytes, sha256 } = fill(file, member.snapshot(), &path).await?;
    Ok(Saved { path, bytes, sha256, revision })
}

/// Makes the folder, and in it the file under its hidden name, which only we
/// can read.
fn open(path: &Path) -> io::Result<NamedTempFile> {
    let folder = folder(path);
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for made in missing {
        sync_folder(self::folder(made))?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut private = File::options();
    private.write(true).create_new(true).mode(0o600);
    let (prefix, suffix) = (format!(".{name}."), ".partial");
    tempfile::Builder::new().prefix(&prefix).suffix(suffix).make_in(folder, |path| private.open(path))
}

/// Writes, verifies, and gives the file its name. Dropping the future removes
/// the file, as each error does.
async fn fill(partial: NamedTempFile, mut snapshot: etcd::Snapshot, path: &Path) -> Result<Verified, Error> {
    let in_folder = |reason| Error::Folder { folder: folder(path).to_owned(), reason };
    let file = partial.as_file().try_clone().map_err(in_folder)?;
    let mut writer = BufWriter::with_capacity(BUFFER, tokio::fs::File::from_std(file));
    let mut hash = Hash::default();
    while let Some(piece) = snapshot.try_next().await? {
        hash.take(&piece);
        writer.write_all(&piece).await.map_err(in_folder)?;
    }
    let verified = hash.verified()?;
    writer.flush().await.map_err(in_folder)?;
    writer.get_ref().sync_all().await.map_err(in_folder)?;
    keep(partial, path)?;
    Ok(verified)
}

/// Gives the file its name, never over another one, and sees to it that the
/// name is on the disk.
fn keep(partial: NamedTempFile, path: &Path) -> Result<(), Error> {
    let in_folder = |reason| Error::Folder { folder: folder(path).to_owned(), reason };
    partial.persist_noclobber(path).map_err(|failed| match failed.error {
        error if error.kind() == io::ErrorKind::AlreadyExists => Error::Exists(path.to_owned()),
        error => in_folder(error),
    })?;
    sync_folder(folder(path)).map_err(|error| {
        drop(fs::remove_file(path));
        in_folder(error)
    })
}

/// The folder of an absolute path; the root's is the root.
fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

struct Verified {
    bytes: u64,
    sha256: String,
}

/// The hash of a stream but for its last 32 bytes.
#[derive(Default)]
struct Hash {
    sha256: Sha256,
    /// The newest bytes: the trailer, if no more come.
    tail: Vec<u8>,
    bytes: u64,
}

impl Hash {
    fn take(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.tail.extend_from_slice(piece);
        let known = self.tail.len().saturating_sub(TRAILER);
        self.sha256.update(&self.tail[..known]);
        self.tail.drain(..known);
    }

    /// A database is whole pages, so the trailer shows in the length:
    /// `etcdutl` tells by it whether there is one (`etcdutl/snapshot/v3_snapshot.go`).
    fn verified(self) -> Result<Verified, Error> {
        let Hash { sha256, tail, bytes } = self;
        if bytes <= etcd::TRAILER || bytes % 512 != etcd::TRAILER {
            return Err(Error::NoTrailer { bytes });
        }
        let (got, wanted) = (hex(&sha256.finalize()), hex(&tail));
        match got == wanted {
            true => Ok(Verified { bytes, sha256: got }),
            false => Err(Error::Damaged { got, wanted }),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use futures::{StreamExt as _, stream};

    use super::*;

    /// Pages of a database, in pieces of another size, and what must follow.
    fn pieces() -> Vec<Vec<u8>> {
        let database: Vec<u8> = (0..40_960_u32).map(|at| (at % 251) as u8).collect();
        let trailer = Sha256::digest(&database).to_vec();
        database.chunks(7_000).map(<[u8]>::to_vec).chain([trailer]).collect()
    }

    fn stream(pieces: Vec<Vec<u8>>) -> etcd::Snapshot {
        stream::iter(pieces.into_iter().map(Ok)).boxed()
    }

    async fn save_as(path: &Path, snapshot: etcd::Snapshot) -> Result<Verified, String> {
        let file = open(path).map_err(|error| error.to_string())?;
        fill(file, snapshot, path).await.map_err(|error| error.to_string())
    }

    fn left(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn a_whole_snapshot_gets_its_name_and_only_we_can_read_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("state/snapshots/orders.db");
        let Verified { bytes, sha256 } = save_as(&path, stream(pieces())).await.unwrap();
        let whole = pieces().concat();
        assert_eq!(fs::read(&path).unwrap(), whole);
        assert_eq!((bytes, sha256), (40_992, hex(&whole[40_960..])));
        assert_eq!(mode(&path), 0o600);
        assert_eq!(["state", "state/snapshots"].map(|made| mode(&home.path().join(made))), [0o700; 2]);
        assert_eq!(left(folder(&path)), ["orders.db"]);
    }

    #[tokio::test]
    async fn what_cannot_be_verified_leaves_nothing_behind() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("orders.db");
        let no_trailer = || pieces()[..pieces().len() - 1].to_vec();
        let mut flipped = pieces();
        flipped[3][0] ^= 1;
        let short = [&pieces()[..2], &pieces()[5..]].concat();
        let whole_pages_missing = vec![pieces().concat()[4_096..].to_vec()];
        for (pieces, wanted) in [
            (vec![], "the snapshot of 0 bytes does not end with a SHA-256"),
            (vec![vec![1; 32]], "the snapshot of 32 bytes does not end with a SHA-256"),
            (no_trailer(), "the snapshot of 40960 bytes does not end with a SHA-256"),
            (short, "the snapshot of 19992 bytes does not end with a SHA-256"),
            (flipped, "the snapshot was damaged on its way: its SHA-256 is "),
            (whole_pages_missing, "the snapshot was damaged on its way: its SHA-256 is "),
        ] {
            let error = save_as(&path, stream(pieces)).await.err().unwrap();
            assert!(error.starts_with(wanted), "{error}");
            assert_eq!(left(home.path()), [""; 0]);
        }
    }

    #[tokio::test]
    async fn a_broken_stream_and_a_dropped_future_leave_nothing_behind() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("orders.db");
        let broken = etcd::Error::BrokenOff { received: 7_000, reason: "broken pipe".to_owned() };
        let first = || stream(pieces()[..1].to_vec());
        let error = save_as(&path, first().chain(stream::iter([Err(broken)])).boxed()).await.err().unwrap();
        assert_eq!(error, "the member gave no snapshot: broke off after 7000 bytes: broken pipe");
        assert_eq!(left(home.path()), [""; 0]);

        let mut hanging = Box::pin(save_as(&path, first().chain(stream::pending()).boxed()));
        assert!(futures::poll!(&mut hanging).is_pending());
        assert_eq!(left(home.path()).len(), 1);
        drop(hanging);
        assert_eq!(left(home.path()), [""; 0]);
    }

    #[tokio::test]
    async fn an_existing_file_is_never_overwritten_nor_is_a_link_followed() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("orders.db");
        fs::write(&path, "older").unwrap();
        let wanted = format!("the snapshot `{}` exists already", path.display());
        assert_eq!(save_as(&path, stream(pieces())).await.err(), Some(wanted.clone()));
        assert_eq!((fs::read_to_string(&path).unwrap(), left(home.path()).len()), ("older".to_owned(), 1));

        fs::remove_file(&path).unwrap();
        symlink("elsewhere", &path).unwrap();
        assert_eq!(save_as(&path, stream(pieces())).await.err(), Some(wanted));
        assert_eq!(left(home.path()), ["orders.db"]);
    }

    #[tokio::test]
    async fn a_full_disk_leaves_nothing_behind() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("orders.db");
        // What is written goes to a disk that is always full, under a name in the folder.
        let on_full = |name: &Path| {
            File::create_new(name)?;
            File::options().write(true).open("/dev/full")
        };
        let partial = tempfile::Builder::new().make_in(home.path(), on_full).unwrap();
        let error = fill(partial, stream(pieces()), &path).await.err().unwrap();
        let wanted = "No space left on device (os error 28)";
        let folder = home.path().display();
        assert_eq!(error.to_string(), format!("cannot save a snapshot in the folder `{folder}`: {wanted}"));
        assert_eq!(error.help(), "choose another folder with --snapshot-dir");
        assert_eq!(left(home.path()), [""; 0]);
    }

    /// Compiling it is the test: saving may go on on another thread.
    #[tokio::test]
    async fn it_can_be_saved_on_another_thread() {
        fn sendable<T: Send>(_: T) {}
        let dial: etcd::Dial = std::sync::Arc::new(|| Box::pin(std::future::pending()));
        let client = Client::plain("orders-0", dial).unwrap();
        let place = Place { folder: Path::new("/nowhere"), namespace: "shop", stack: "orders" };
        sendable(save(&client, place, Timestamp::UNIX_EPOCH));
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_told_before_the_member_is_asked() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("a-file");
        fs::write(&file, "").unwrap();
        let never_asked = || stream::poll_fn(|_| panic!("the member was asked")).boxed();
        let error = save_as(&file.join("orders.db"), never_asked()).await.err();
        assert_eq!(error.unwrap(), "File exists (os error 17)");
        // Root may write everywhere but here.
        let error = save_as(Path::new("/proc/snapshots/orders.db"), never_asked()).await.err();
        assert_eq!(error.unwrap(), "No such file or directory (os error 2)");
    }
}
