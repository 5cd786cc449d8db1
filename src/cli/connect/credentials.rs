//! A private folder with credentials, and the environment that names it.

use std::{
    ffi::OsString,
    fs,
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
};

use tempfile::TempDir;

use crate::cluster::Credentials;

/// Credentials on disk, for as long as this lives.
pub struct Folder(TempDir);

impl Folder {
    /// Makes a folder that only we can enter, with three files that only we can
    /// read.
    pub fn new(credentials: &Credentials) -> io::Result<Self> {
        let private = fs::Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix("etcdctl-stack-").permissions(private).tempdir()?;
        let Credentials { ca_pem, certificate_pem, key_pem } = credentials;
        for (name, text) in [("ca.crt", ca_pem), ("client.crt", certificate_pem), ("client.key", key_pem)] {
            let mut options = fs::OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            options.open(folder.path().join(name))?.write_all(text.as_bytes())?;
        }
        Ok(Folder(folder))
    }

    /// What etcdctl reads. It complains, values included, of every variable
    /// with its prefix that it does not know: there must be no others.
    pub fn environment(&self, endpoints: &str) -> Vec<(&'static str, OsString)> {
        let file = |name| self.0.path().join(name).into_os_string();
        vec![
            ("ETCDCTL_ENDPOINTS", endpoints.into()),
            ("ETCDCTL_CACERT", file("ca.crt")),
            ("ETCDCTL_CERT", file("client.crt")),
            ("ETCDCTL_KEY", file("client.key")),
        ]
    }

    /// Removes it.
    pub fn close(self) -> io::Result<()> {
        let path = self.0.path().to_owned();
        self.0.close().map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn only_we_can_read_it_and_nothing_is_left_of_it() {
        let credentials =
            Credentials { ca_pem: "ca".into(), certificate_pem: "certificate".into(), key_pem: "key".into() };
        let folder = Folder::new(&credentials).unwrap();
        let path = folder.0.path().to_owned();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        let environment = folder.environment("https://127.0.0.1:1");
        let held: Vec<(&str, String, u32)> = environment[1..]
            .iter()
            .map(|(name, file)| {
                let file = Path::new(file);
                (*name, fs::read_to_string(file).unwrap(), mode(file))
            })
            .collect();
        assert_eq!(
            held,
            [
                ("ETCDCTL_CACERT", "ca".to_owned(), 0o600),
                ("ETCDCTL_CERT", "certificate".to_owned(), 0o600),
                ("ETCDCTL_KEY", "key".to_owned(), 0o600),
            ]
        );
        assert_eq!(environment[0], ("ETCDCTL_ENDPOINTS", "https://127.0.0.1:1".into()));
        folder.close().unwrap();
        assert!(!path.exists());
    }
}
