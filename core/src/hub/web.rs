//! HTTP, as far as downloads need it: who may see the token, where a redirect may lead, what is tried again.

use std::io::Read;
use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::http::{Response, StatusCode, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::job::Stop;
use super::place::{Place, Token};
use super::shown;
use super::spec::is_oid;
use crate::error::{Error, Reason, Result};

/// How long a server may take for its name, for a connection and for the next bytes.
const RESOLVE_TIME: Duration = Duration::from_secs(15);
const CONNECT_TIME: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_secs(30);

const MOST_REDIRECTS: usize = 10;

/// Attempts in a row of which none brought anything, and the pause after the first; each one is twice the one before.
pub(super) const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Longest answer that is not a file.
const LONGEST_JSON: u64 = 16 << 20;

pub(super) struct Web {
    agent: Agent,
    endpoint: String,
    /// Of the endpoint: the token is for it alone.
    home: Origin,
    token: Option<Token>,
}

/// An answer whose body is yet to be read.
pub(super) struct Answer {
    pub(super) response: Response<Body>,
    /// What the hub itself said of the file before it sent us to where the bytes are.
    linked_etag: Option<String>,
}

/// Why an attempt failed.
pub(super) struct Failure {
    pub(super) error: Error,
    /// Whether it may go better the next time, and when at the earliest.
    pub(super) again: Option<Duration>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { error, again: None }
    }
}

impl Failure {
    pub(super) fn passing(error: Error) -> Self {
        Failure { error, again: Some(Duration::ZERO) }
    }
}

impl Web {
    pub(super) fn new(place: &Place) -> Result<Self> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_resolve(Some(RESOLVE_TIME))
            .timeout_connect(Some(CONNECT_TIME))
            .timeout_per_read(Some(SILENCE))
            .timeout_per_write(Some(SILENCE))
            .user_agent(concat!("chaku/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(certificates()?).build());
        let home = Origin::of(&place.endpoint).ok_or_else(|| {
            let message = format!("`{}` is no address of a hub: one is https://host", shown(&place.endpoint));
            Error::new(Reason::InvalidOption, message).with("key", "hub_endpoint")
        })?;
        let agent = config.build().new_agent();
        Ok(Web { agent, endpoint: place.endpoint.clone(), home, token: place.token.clone() })
    }

    /// Ends all that is under way, and lets nothing begin.
    pub(super) fn shutdown(&self) {
        self.agent.clone().shutdown();
    }

    /// A URL of the hub. The path is written as it goes over the line.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.endpoint)
    }

    /// An answer of the hub that is JSON, and the URL of the next page of it.
    pub(super) fn json<T: DeserializeOwned>(
        &self,
        url: &str,
        attempts: u32,
        stop: &Stop,
    ) -> Result<(T, Option<String>)> {
        self.trying(attempts, stop, |_| {
            let mut answer = self.get(url, &[])?;
            let next = answer.next_page().and_then(|next| follow(url, &next));
            // The next page is asked for with the token too.
            let next = next.filter(|next| Origin::of(next).as_ref() == Some(&self.home));
            let mut bytes = Vec::new();
            let body = answer.response.body_mut().with_config().limit(LONGEST_JSON).reader();
            let mut body = body.take(LONGEST_JSON);
            body.read_to_end(&mut bytes).map_err(|error| unreachable(url, &error))?;
            let value = serde_json::from_slice(&bytes).map_err(|error| {
                let message = format!("{} does not answer as a hub does: {error}", shown(url));
                Error::new(Reason::HubUnavailable, message)
            })?;
            Ok((value, next))
        })
    }

    /// Follows redirects, to an answer that is good, `304` or `416`.
    pub(super) fn get(&self, url: &str, headers: &[(&str, String)]) -> Result<Answer, Failure> {
        let (mut url, mut linked_etag) = (url.to_owned(), None);
        for _ in 0..=MOST_REDIRECTS {
            let mut request = self.agent.get(&url);
            for (name, value) in headers {
                request = request.header(*name, value);
            }
            if let Some(token) = self.token.as_ref().filter(|_| Origin::of(&url).as_ref() == Some(&self.home)) {
                request = request.header("Authorization", token.header());
            }
            let response = request.call().map_err(|error| failed(&url, &error))?;
            linked_etag = linked_etag.or_else(|| header(&response, "x-linked-etag"));
            let status = response.status();
            if !status.is_redirection() || status == StatusCode::NOT_MODIFIED {
                return judged(&url, Answer { response, linked_etag });
            }
            let next = header(&response, "location").and_then(|location| follow(&url, &location));
            url = next.ok_or_else(|| {
                let message = format!("{} redirects to where one must not follow", shown(&url));
                Error::new(Reason::HubUnavailable, message)
            })?;
        }
        let message = format!("{} redirects without end", shown(&url));
        Err(Error::new(Reason::HubUnavailable, message).into())
    }

    /// Tries until it succeeds, fails for good, or fails too often in a row. `attempt` is given a mark to set when it has
    /// brought something.
    pub(super) fn trying<T>(
        &self,
        attempts: u32,
        stop: &Stop,
        mut attempt: impl FnMut(&mut bool) -> Result<T, Failure>,
    ) -> Result<T> {
        let mut failures = 0;
        loop {
            stop.check()?;
            let mut progress = false;
            let Failure { error, again } = match attempt(&mut progress) {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            // What was stopped fails in ways of its own.
            stop.check()?;
            failures = if progress { 1 } else { failures + 1 };
            let Some(pause) = again.filter(|_| failures < attempts) else { return Err(error) };
            tracing::warn!(target: "chaku::hub", "{error}; trying again");
            stop.sleep(pause.max(FIRST_PAUSE * 2u32.pow(failures - 1)).min(LONGEST_PAUSE))?;
        }
    }
}

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        header(&self.response, name)
    }

    /// The checksum of the file, where the hub told it.
    pub(super) fn linked_sha256(&self) -> Option<String> {
        let etag = self.linked_etag.as_ref()?.trim_start_matches("W/").trim_matches('"');
        (etag.len() == 64 && is_oid(etag)).then(|| etag.to_ascii_lowercase())
    }

    /// `Link: <url>; rel="next"`.
    fn next_page(&self) -> Option<String> {
        let links = self.header("link")?;
        let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
        Some(next.split_once('<')?.1.split_once('>')?.0.to_owned())
    }
}

fn header(response: &Response<Body>, name: &str) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}

fn judged(url: &str, answer: Answer) -> Result<Answer, Failure> {
    let status = answer.status();
    let about = |reason, what: &str| {
        let said = answer.header("x-error-message").map(|said| format!(" ({})", printable(&said))).unwrap_or_default();
        Error::new(reason, format!("{}: {what}{said}", shown(url))).with("status", status.as_u16())
    };
    let missing = ["RepoNotFound", "EntryNotFound", "RevisionNotFound"];
    Err(match status.as_u16() {
        200..=299 | 304 | 416 => return Ok(answer),
        401 => {
            let what = "the hub wants a token, or another one: set `hub_token` or HF_TOKEN; it says the same of what does not exist";
            about(Reason::HubUnauthorized, what).into()
        }
        403 => {
            about(Reason::HubForbidden, "this token may not read it; its page may ask to accept a licence first").into()
        }
        404 | 410 => about(Reason::HubNotFound, "there is no such thing").into(),
        _ if answer.header("x-error-code").is_some_and(|code| missing.contains(&code.as_str())) => {
            about(Reason::HubNotFound, "there is no such thing").into()
        }
        408 | 425 | 429 | 500..=599 => {
            let pause = answer.header("retry-after").and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
            let error = about(Reason::HubUnavailable, &format!("the server says {status}"));
            Failure { error, again: Some(Duration::from_secs(pause)) }
        }
        _ => about(Reason::HubUnavailable, &format!("the server says {status}")).into(),
    })
}

/// No answer came.
fn failed(url: &str, error: &ureq::Error) -> Failure {
    match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
            Error::new(Reason::InvalidArgument, format!("`{}` is no URL", shown(url))).into()
        }
        // A certificate is as wrong the next time.
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::InvalidProxyUrl => {
            Failure { again: None, ..unreachable(url, error) }
        }
        ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::InvalidData => {
            Failure { again: None, ..unreachable(url, error) }
        }
        _ => unreachable(url, error),
    }
}

/// The line broke, or there was none.
pub(super) fn unreachable(url: &str, error: &dyn std::error::Error) -> Failure {
    Failure::passing(Error::new(Reason::HubUnavailable, format!("{} cannot be reached: {error}", shown(url))))
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Where a redirect leads: nowhere that is not HTTP, and from HTTPS only to HTTPS.
fn follow(url: &str, location: &str) -> Option<String> {
    let from = Origin::of(url)?;
    let next = if location.starts_with("//") {
        format!("{}:{location}", from.scheme)
    } else if location.starts_with('/') {
        format!("{}{location}", from.address())
    } else {
        location.to_owned()
    };
    let to = Origin::of(&next)?;
    (from.scheme == "http" || to.scheme == "https").then_some(next)
}

/// Who answers for a URL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: String,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Origin {
    pub(super) fn of(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let usual = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let host = uri.host().filter(|host| !host.is_empty())?.to_ascii_lowercase();
        Some(Origin { scheme, host, port: uri.port_u16().unwrap_or(usual) })
    }

    fn address(&self) -> String {
        format!("{}://{}:{}", self.scheme, self.host, self.port)
    }
}

/// Those of Mozilla, built in, so that it works where a system has none; or what `SSL_CERT_FILE` names, as for OpenSSL.
fn certificates() -> Result<RootCerts> {
    let Some(path) = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) else {
        return Ok(RootCerts::WebPki);
    };
    let refuse = |why: String| {
        let message = format!("SSL_CERT_FILE names {}, whose certificates cannot be read: {why}", path.display());
        Error::new(Reason::FileUnreadable, message)
    };
    let bytes = std::fs::read(&path).map_err(|error| refuse(error.to_string()))?;
    let certificates = parse_pem(&bytes).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(error) => Some(Err(refuse(error.to_string()))),
    });
    let certificates = certificates.collect::<Result<Vec<_>>>()?;
    match certificates.is_empty() {
        true => Err(refuse("it has none".to_owned())),
        false => Ok(RootCerts::from(certificates)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let same = |a: &str, b: &str| Origin::of(a).unwrap() == Origin::of(b).unwrap();
        assert!(same("https://Hub.co/a?b", "HTTPS://hub.co:443/c"));
        for (a, b) in [
            ("https://hub.co", "http://hub.co"),
            ("https://hub.co", "https://cdn.hub.co"),
            ("http://127.0.0.1:1", "http://127.0.0.1:2"),
            ("https://hub.co", "https://hub.co.evil.com"),
            ("https://hub.co", "https://hub.co@evil.com"),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
        assert!(Origin::of("ftp://a").is_none() && Origin::of("/a").is_none() && Origin::of("").is_none());
    }

    #[test]
    fn redirects_lead_to_http_and_never_from_https_to_it() {
        let to = |location| follow("https://a.b/c/d?e", location);
        assert_eq!(to("/x?y").as_deref(), Some("https://a.b:443/x?y"));
        assert_eq!(to("//x/y").as_deref(), Some("https://x/y"));
        assert_eq!(to("https://x/y").as_deref(), Some("https://x/y"));
        assert_eq!([to("http://x/y"), to("file:///etc/passwd"), to("x/y"), to("")], [const { None }; 4]);
        assert!(follow("http://a", "http://b").is_some() && follow("http://a", "https://b").is_some());
    }
}
