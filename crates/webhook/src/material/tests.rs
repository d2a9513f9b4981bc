use serde_json::json;

use super::*;

const NAME: &str = "metallb-webhook-service.metallb-system.svc";
const NOW: UnixTime = UnixTime(1_800_000_000);

fn secret(data: &[(&str, &str)]) -> Secret {
    let data: BTreeMap<&str, &str> = data.iter().copied().collect();
    serde_json::from_value(json!({ "metadata": { "name": "s" }, "stringData": data })).unwrap()
}

/// The Secret after a write.
fn with(old: &Secret, data: Data) -> Secret {
    let mut new = old.clone();
    let text = data.into_iter().map(|(key, value)| (key.into(), value));
    new.string_data.extend(text);
    new
}

fn renewal(new_authority: bool, keep: &[usize], new_leaf: bool) -> Renewal {
    Renewal {
        new_authority,
        keep: keep.to_vec(),
        new_leaf,
    }
}

#[test]
fn an_empty_secret_holds_nothing_and_garbage_neither() {
    for data in [
        &[][..],
        &[("ca.crt", "-----BEGIN"), ("tls.crt", "x"), ("tls.key", "")],
    ] {
        let material = Material::read(&secret(data), NAME);
        assert_eq!(material.held, Held::default());
        assert!(material.leaf.is_none() && material.bundle.is_empty());
    }
}

#[test]
fn trust_in_a_bundle_ends_with_the_last_of_its_authorities() {
    let made = |now| {
        let renewed = Material::default().renew(&renewal(true, &[], true), &[], (NAME, now));
        Material::read(&with(&Secret::default(), renewed.unwrap()), NAME).bundle
    };
    let ends = |bundle: &str| trust_ends(&BASE64_STANDARD.encode(bundle));
    let (old, new) = (made(NOW), made(NOW.plus(1000)));
    let life = ferrolb_admission::rotation::AUTHORITY_LIFE;
    assert_eq!(ends(&old), Some(NOW.plus(life).0));
    assert_eq!(ends(&[new, old].concat()), Some(NOW.plus(1000 + life).0));
    assert_eq!((ends(""), trust_ends("no base64")), (None, None));
}

#[test]
fn what_is_made_is_understood_again() {
    let data = Material::default()
        .renew(&renewal(true, &[], true), &[], (NAME, NOW))
        .unwrap();
    let made = Material::read(&with(&Secret::default(), data), NAME);
    let [authority] = &made.held.authorities[..] else {
        panic!("{:?}", made.held)
    };
    assert!(authority.can_sign);
    assert_eq!(
        authority.validity,
        Validity::starting(NOW, ferrolb_admission::rotation::AUTHORITY_LIFE)
    );
    let leaf = made.held.leaf.unwrap();
    assert_eq!(leaf.signer, 0);
    assert_eq!(
        leaf.validity,
        Validity::starting(NOW, ferrolb_admission::rotation::LEAF_LIFE)
    );
    assert!(made.leaf.is_some());
}

#[test]
fn a_leaf_for_another_name_does_not_count() {
    let data = Material::default()
        .renew(&renewal(true, &[], true), &[], (NAME, NOW))
        .unwrap();
    let other = Material::read(&with(&Secret::default(), data), "other.metallb-system.svc");
    assert!(other.held.leaf.is_none() && other.leaf.is_none());
    assert_eq!(other.held.authorities.len(), 1);
}

#[test]
fn a_new_authority_stands_before_the_old_one_which_still_vouches_for_the_leaf() {
    let data = Material::default()
        .renew(&renewal(true, &[], true), &[], (NAME, NOW))
        .unwrap();
    let first = with(&Secret::default(), data);
    let old = Material::read(&first, NAME);
    let data = old.renew(&renewal(true, &[0], false), &[], (NAME, NOW)).unwrap();
    assert!(
        !data.contains_key("tls.crt") && !data.contains_key("tls.key"),
        "the leaf stays"
    );
    let second = with(&first, data);
    let both = Material::read(&second, NAME);
    assert_eq!(both.held.authorities.len(), 2);
    assert_eq!(both.held.leaf.unwrap().signer, 1);
    assert!(
        both.bundle.ends_with(&old.bundle),
        "PEM is written as it was read"
    );

    let data = both
        .renew(&renewal(false, &[0, 1], true), &[], (NAME, NOW))
        .unwrap();
    assert!(!data.contains_key("ca.key"), "the authority stays");
    let third = with(&second, data);
    let signed = Material::read(&third, NAME);
    assert_eq!(
        (signed.held.authorities.len(), signed.held.leaf.unwrap().signer),
        (2, 0)
    );

    let data = signed
        .renew(&renewal(false, &[0], false), &[], (NAME, NOW))
        .unwrap();
    assert_eq!(data.keys().copied().collect::<Vec<_>>(), ["ca.crt"]);
    let last = Material::read(&with(&third, data), NAME);
    assert_eq!(
        (last.held.authorities.len(), last.held.leaf.unwrap().signer),
        (1, 0)
    );
}

#[test]
fn authorities_that_the_secret_has_lost_stay_in_the_bundle() {
    let data = Material::default()
        .renew(&renewal(true, &[], true), &[], (NAME, NOW))
        .unwrap();
    let old = Material::read(&with(&Secret::default(), data), NAME);
    let data = Material::default()
        .renew(&renewal(true, &[], true), old.authorities(), (NAME, NOW))
        .unwrap();
    let new = Material::read(&with(&Secret::default(), data), NAME);
    assert_eq!(new.authorities()[1..], *old.authorities());
    assert_eq!(new.held.leaf.unwrap().signer, 0);
}

/// Made by `openssl` 3.0 as cert-controller makes it: RSA 2048, CA with CN `cert`, O `metallb`, serial 0 and ten years,
/// leaf with serial 1 and a year; keys in PKCS#1, and the same keys in PKCS#8.
macro_rules! metallb {
    ($file:literal) => {
        include_str!(concat!("../../tests/metallb-secret/", $file))
    };
}

#[test]
fn a_secret_of_metallb_is_adopted_whatever_the_form_of_its_keys() {
    for (authority_key, leaf_key) in [
        (metallb!("ca.key"), metallb!("tls.key")),
        (metallb!("ca-pkcs8.key"), metallb!("tls-pkcs8.key")),
    ] {
        let secret = secret(&[
            ("ca.crt", metallb!("ca.crt")),
            ("ca.key", authority_key),
            ("tls.crt", metallb!("tls.crt")),
            ("tls.key", leaf_key),
        ]);
        let material = Material::read(&secret, NAME);
        let leaf = material.held.leaf.unwrap();
        assert_eq!((material.held.authorities.len(), leaf.signer), (1, 0));
        assert!(material.leaf.is_some());
        assert_eq!(
            material.bundle,
            metallb!("ca.crt"),
            "the bundle is told as MetalLB tells it"
        );
        let next_month = leaf.validity.not_before.plus(30 * 86_400);
        let plan = ferrolb_admission::rotation::plan(next_month, &material.held, true);
        assert_eq!(plan.renewal, None, "nothing is written");
    }
}

#[test]
fn keys_are_never_printed() {
    let data = Material::default()
        .renew(&renewal(true, &[], true), &[], (NAME, NOW))
        .unwrap();
    let material = Material::read(&with(&Secret::default(), data.clone()), NAME);
    for printed in [format!("{data:?}"), format!("{material:?}")] {
        assert!(!printed.contains("PRIVATE"), "{printed}");
    }
}
