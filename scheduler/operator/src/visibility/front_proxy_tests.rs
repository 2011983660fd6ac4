//! Who is believed, and who isn't.

use std::collections::BTreeMap;

use hyper::{HeaderMap, header::HeaderValue};
use rcgen::{CertificateParams, DnType, KeyPair};

use super::*;

fn data(keys: &[(&str, &str)]) -> BTreeMap<String, String> {
    keys.iter()
        .map(|&(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn front_proxy() -> FrontProxy {
    FrontProxy::parse(&data(&[
        (
            "client-ca-file",
            "the CA of ordinary users, which counts for nothing here",
        ),
        ("requestheader-client-ca-file", "PEM"),
        ("requestheader-allowed-names", r#"["front-proxy-client"]"#),
        ("requestheader-username-headers", r#"["X-Remote-User"]"#),
        ("requestheader-group-headers", r#"["X-Remote-Group"]"#),
    ]))
    .unwrap()
}

fn certificate(names: &[&str]) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    for name in names {
        params.distinguished_name.push(DnType::CommonName, *name);
    }
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for &(name, value) in pairs {
        headers.append(name, HeaderValue::from_static(value));
    }
    headers
}

#[test]
fn the_front_proxy_says_who_asks() {
    let headers = headers(&[
        ("x-remote-user", "bob"),
        ("x-remote-group", "sdu-cs"),
        ("x-remote-group", "system:authenticated"),
    ]);
    let caller = front_proxy().identify(Some(&certificate(&["front-proxy-client"])), &headers);
    let groups = vec!["sdu-cs".to_owned(), "system:authenticated".to_owned()];
    assert_eq!(
        caller,
        Ok(Caller {
            user: "bob".into(),
            groups
        })
    );
}

#[test]
fn headers_of_anybody_else_count_for_nothing() {
    let spoof = headers(&[
        ("x-remote-user", "admin"),
        ("x-remote-group", "system:masters"),
    ]);
    assert_eq!(
        front_proxy().identify(None, &spoof),
        Err(Stranger::NoCertificate)
    );
    assert_eq!(
        front_proxy().identify(Some(&certificate(&["bob"])), &spoof),
        Err(Stranger::OtherName("bob".into())),
    );
    assert_eq!(
        front_proxy().identify(Some(b"no certificate"), &spoof),
        Err(Stranger::Unreadable),
    );
    assert_eq!(
        front_proxy().identify(Some(&certificate(&[])), &spoof),
        Err(Stranger::Unreadable)
    );
}

#[test]
fn the_front_proxy_must_name_a_user() {
    let peer = certificate(&["front-proxy-client"]);
    for headers in [headers(&[]), headers(&[("x-remote-user", "")])] {
        assert_eq!(
            front_proxy().identify(Some(&peer), &headers),
            Err(Stranger::NoUser)
        );
    }
}

#[test]
fn without_allowed_names_the_ca_alone_decides() {
    let front_proxy = FrontProxy {
        allowed_names: Vec::new(),
        ..front_proxy()
    };
    let headers = headers(&[("x-remote-user", "bob")]);
    let caller = front_proxy.identify(Some(&certificate(&["aggregator"])), &headers);
    assert_eq!(caller.map(|caller| caller.user), Ok("bob".into()));
}

#[test]
fn a_config_map_without_aggregation_is_refused_with_the_way_out() {
    let full = [
        ("requestheader-client-ca-file", "PEM"),
        ("requestheader-username-headers", r#"["X-Remote-User"]"#),
    ];
    let refused = |keys: &[(&str, &str)]| FrontProxy::parse(&data(keys)).unwrap_err().to_string();
    assert!(FrontProxy::parse(&data(&full)).is_ok());
    assert_eq!(
        refused(&full[1..]),
        "ConfigMap kube-system/extension-apiserver-authentication lacks \
         requestheader-client-ca-file, start the API server with \
         --requestheader-client-ca-file and its kin",
    );
    assert!(refused(&full[..1]).contains("lacks requestheader-username-headers"));
    assert!(
        refused(&[full[0], ("requestheader-username-headers", "X-Remote-User")])
            .ends_with("requestheader-username-headers is not a JSON list of texts"),
    );
}
