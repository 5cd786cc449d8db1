//! Why a kubeconfig's credential plugin gave no credentials.
//!
//! What such a program prints may hold a token, and its environment too, so of
//! both only what it says on standard error is told.
//! <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>

use std::time::Duration;

use kube::client::AuthError;

use super::Error;

/// The error in words for a person.
pub fn refused(plugin: Option<&str>, error: &AuthError) -> Error {
    let name = named(plugin);
    Error::Plugin(match error {
        AuthError::AuthExecStart(error) => format!("{name} cannot be run: {error}"),
        AuthError::AuthExecRun { cmd: _, out } => {
            let said = String::from_utf8_lossy(&out.stderr).trim().to_owned();
            let said = if said.is_empty() { "it said nothing".to_owned() } else { said };
            format!("{name} ended with {}: {said}", out.status)
        }
        AuthError::AuthExecParse(_) => format!("{name} printed something that is no ExecCredential"),
        // Their words quote what was printed.
        AuthError::MalformedTokenExpirationDate(_) | AuthError::ParseTokenKey(_) => {
            format!("{name} printed something that cannot be read")
        }
        other => format!("{name} gave no credentials: {other}"),
    })
}

/// The error of one that hangs.
pub fn silent(plugin: Option<&str>, waited: Duration) -> Error {
    Error::Plugin(format!("{} gave no credentials within {} s", named(plugin), waited.as_secs()))
}

fn named(plugin: Option<&str>) -> String {
    plugin.map_or_else(|| "the kubeconfig".to_owned(), |name| format!("the credential plugin `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plugin_printed_is_not_quoted() {
        let token: Result<String, _> = serde_json::from_str("{\"TOPSECRET\": 1}");
        let date: Result<jiff::Timestamp, _> = "TOPSECRET".parse();
        let errors = [
            AuthError::ParseTokenKey(token.unwrap_err()),
            AuthError::MalformedTokenExpirationDate(date.unwrap_err()),
        ];
        let expected =
            Error::Plugin("the credential plugin `login` printed something that cannot be read".to_owned());
        assert_eq!(errors.map(|error| refused(Some("login"), &error)), [expected.clone(), expected]);
    }
}
