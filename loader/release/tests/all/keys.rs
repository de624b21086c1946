//! Keys and signatures: the published vectors, and what is no key.

use crate::support::{bytes, key};
use refit_release::key::KeyError;
use refit_release::{PublicKey, SecretKey};

/// Of RFC 8032, section 7.1: secret key, public key, message, signature.
const RFC_8032: [[&str; 4]; 4] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ],
];

/// Of “Taming the many EdDSAs” (IACR 2020/1244), table of section 6.2: public key, message, signature, and whether it
/// is one that counts here.
const EDGES: [([&str; 3], bool); 10] = [
    // The key and R are of small order.
    (
        [
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a0000000000000000000000000000000000000000000000000000000000000000",
        ],
        false,
    ),
    // The key is.
    (
        [
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
            "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        ],
        false,
    ),
    // R is.
    (
        [
            "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
            "aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e",
        ],
        false,
    ),
    // Both have a part of small order; the equation holds without the cofactor.
    (
        [
            "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
            "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
            "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009",
        ],
        true,
    ),
    // It holds with the cofactor only.
    (
        [
            "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
            "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
            "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed5125ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09",
        ],
        false,
    ),
    (
        [
            "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
            "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
            "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405",
        ],
        false,
    ),
    // S is larger than the order of the base point.
    (
        [
            "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
            "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
            "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514",
        ],
        false,
    ),
    (
        [
            "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
            "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
            "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa19427e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22",
        ],
        false,
    ),
    // R is not in its canonical form.
    (
        [
            "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
            "fdaebc429f4a735932a160da1301080c13280eea8bc280d1b392c6b9e6ba3a5a",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f454d370c8d9fc323a41450f8d513eafeb5b0697390c1e505a0d4ddc71f566607",
        ],
        false,
    ),
    (
        [
            "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
            "84b698d39be126ff55fe45079e6c8bf64a0d7db6994560b4e96b7021eb39c1a1",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f084d5b99c2a9463d9c8bd5026916996984eeec87ddf1d3be329006ace1b37b09",
        ],
        false,
    ),
];

/// As `number verdict key signature message`.
const WYCHEPROOF: &str = include_str!("../vectors/wycheproof-ed25519.txt");

fn public(hex: &str) -> Result<PublicKey, KeyError> {
    PublicKey::from_bytes(bytes(hex).try_into().unwrap())
}

/// Whether the key is one, and has signed.
fn counts(key: &str, message: &[u8], signature: &str) -> bool {
    let signature = bytes(signature).try_into();
    signature
        .is_ok_and(|signature| public(key).is_ok_and(|key| key.has_signed(message, &signature)))
}

#[test]
fn keys_and_signatures_are_those_of_rfc_8032() {
    for [secret, public_key, message, signature] in RFC_8032 {
        let secret = SecretKey::from_seed(&bytes(secret).try_into().unwrap()).unwrap();
        assert_eq!(secret.public(), public(public_key).unwrap());
        assert_eq!(secret.sign(&bytes(message))[..], bytes(signature)[..]);
        assert!(counts(public_key, &bytes(message), signature));
    }
}

#[test]
fn signatures_of_which_implementations_disagree_count_as_the_strict_check_says() {
    for ([key, message, signature], expected) in EDGES {
        assert_eq!(
            counts(key, &bytes(message), signature),
            expected,
            "{signature}"
        );
    }
}

#[test]
fn every_verdict_of_wycheproof_is_ours() {
    let mut seen = [0, 0];
    for line in WYCHEPROOF.lines().filter(|line| !line.starts_with('#')) {
        let parts: Vec<_> = line.split(' ').collect();
        let [number, verdict, key, signature, message] = parts[..] else {
            panic!("{line}");
        };
        let hex = |text: &str| text.trim_start_matches('-').to_owned();
        let found = counts(key, &bytes(&hex(message)), &hex(signature));
        assert_eq!(found, verdict == "valid", "vector {number}");
        seen[usize::from(found)] += 1;
    }
    assert!(seen[0] > 50 && seen[1] > 50, "{seen:?}");
}

#[test]
fn a_signature_with_the_order_added_to_s_counts_for_nothing() {
    // The order of the base point, little endian (RFC 8032, section 5.1).
    let order = bytes("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let key = key(1);
    let mut signature = key.sign(b"message");
    assert!(key.public().has_signed(b"message", &signature));
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert!(!key.public().has_signed(b"message", &signature));
}

#[test]
fn a_point_for_which_anybody_signs_is_no_key() {
    // The eight points of small order, in their canonical forms.
    for weak in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ] {
        assert_eq!(public(weak), Err(KeyError::Weak), "{weak}");
    }
}

#[test]
fn a_point_has_one_form_and_no_other_is_a_key() {
    // y = p + 1, which is y = 1; y = p, which is 0; and 1 with the sign of an x that is 0.
    for other in [
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000080",
    ] {
        let refused = public(other).unwrap_err();
        assert!(
            matches!(refused, KeyError::NotCanonical | KeyError::NoPoint),
            "{other}: {refused}"
        );
    }
    let no_point = "0200000000000000000000000000000000000000000000000000000000000000";
    assert_eq!(public(no_point), Err(KeyError::NoPoint));
}

#[test]
fn keys_are_read_from_their_texts_and_a_secret_shows_itself_in_no_message() {
    let secret = key(9);
    let text = secret.to_text();
    let again = SecretKey::from_text(&format!("  {text}\n")).unwrap();
    assert_eq!(again.public(), secret.public());
    assert_eq!(secret.public().to_string().parse(), Ok(secret.public()));
    let digits = text.split_once(':').unwrap().1;
    assert!(!format!("{secret:?}").contains(digits));
    let public = secret.public();
    assert_eq!(format!("{secret:?}"), format!("SecretKey(of {public})"));
    assert_eq!(format!("{public:?}"), format!("PublicKey({public})"));
    for wrong in [digits, &text[..text.len() - 1]] {
        let error = SecretKey::from_text(wrong).unwrap_err();
        assert!(!error.to_string().contains(&digits[..8]), "{error}");
    }
    assert!(SecretKey::from_text(&secret.public().to_string()).is_err());
    assert_eq!("0011".parse::<PublicKey>(), Err(KeyError::Text));
}
