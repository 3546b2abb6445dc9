//! The container: what is written is read, and nothing else is.

use std::sync::Arc;

use super::*;
use crate::content::{Chat, Said};
use crate::message::{ChatMessage, Role};

fn conversation() -> Saved {
    let said = |role, text: &str, used| Said { message: ChatMessage::new(role, text), used };
    let said = vec![said(Role::User, "What is a llama?", 20), said(Role::Assistant, "A woolly one. \u{1f999}", 31)];
    Saved {
        fingerprint: Fingerprint::made_up(),
        system_prompt: Some("Be brief.".into()),
        content: Content::Chat(Arc::new(Chat { said, last_turn: Some((0..31).collect()) })),
        cached: Some(Cached { print: [3; 32], tokens: (0..30).collect(), state: (0..=255).collect() }),
    }
}

fn bytes(saved: &Saved) -> Vec<u8> {
    let encoded = saved.encode().unwrap();
    let mut bytes = Vec::new();
    let put = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok(())
    };
    encoded.write(put).unwrap();
    assert_eq!(bytes.len(), encoded.length());
    bytes
}

fn read(bytes: &[u8]) -> Result<Saved> {
    Saved::read(bytes, bytes.len() as u64, |_| Ok(()))
}

/// With the checksum that belongs to it, as somebody would who means harm.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len() - CHECKSUM;
    let checksum = *blake3::hash(&bytes[..end]).as_bytes();
    bytes[end..].copy_from_slice(&checksum);
    bytes
}

fn reason(bytes: &[u8]) -> Reason {
    read(bytes).unwrap_err().reason()
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % limit
    }
}

#[test]
fn what_is_written_is_read() {
    let conversation = conversation();
    let raw = Saved { content: Content::Raw(Arc::new(vec![1, 2, i32::MAX])), cached: None, ..conversation.clone() };
    let new = Saved { content: Content::New, system_prompt: None, ..raw.clone() };
    for saved in [conversation, raw, new] {
        assert_eq!(read(&bytes(&saved)).unwrap(), saved);
    }
}

#[test]
fn it_is_handed_over_in_pieces_and_can_be_stopped_at_each() {
    let mut saved = conversation();
    saved.cached.as_mut().unwrap().state = vec![5; 3 * PIECE];
    assert_eq!(read(&bytes(&saved)).unwrap(), saved);
    let encoded = saved.encode().unwrap();
    let mut pieces = 0;
    encoded
        .write(|piece| {
            assert!(piece.len() <= PIECE);
            pieces += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(pieces, 5);
    let mut put = 0;
    let stopped = encoded.write(|_| {
        put += 1;
        if put == 2 { Err(Error::new(Reason::Cancelled, "stop")) } else { Ok(()) }
    });
    assert_eq!((stopped.unwrap_err().reason(), put), (Reason::Cancelled, 2));
}

#[test]
fn every_truncation_and_every_byte_too_many_is_refused() {
    let bytes = bytes(&conversation());
    for length in 0..bytes.len() {
        assert_eq!(reason(&bytes[..length]), Reason::StateCorrupt, "{length} bytes");
        // What becomes shorter while it is read.
        let error = Saved::read(&bytes[..length], bytes.len() as u64, |_| Ok(())).unwrap_err();
        assert_eq!(error.reason(), Reason::StateCorrupt, "{length} bytes of {}", bytes.len());
    }
    assert_eq!(reason(&[&bytes[..], &[0]].concat()), Reason::StateCorrupt);
}

#[test]
fn every_changed_bit_is_noticed() {
    let bytes = bytes(&conversation());
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(reason(&changed), Reason::StateCorrupt, "bit {bit}");
    }
}

#[test]
fn whatever_is_sealed_with_a_right_checksum_is_read_or_refused() {
    let bytes = bytes(&conversation());
    let mut random = Random(7);
    let (mut read_all_the_same, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let mut changed = bytes.clone();
        for _ in 0..1 + random.below(4) {
            let at = random.below(changed.len() - CHECKSUM);
            match random.below(4) {
                0 => changed[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
                1 => changed[at] = random.below(256) as u8,
                2 => drop(changed.remove(at)),
                _ => changed.insert(at, random.below(256) as u8),
            }
        }
        match read(&sealed(changed)) {
            Ok(saved) => {
                read_all_the_same += 1;
                let _ = saved.check_tokens(31);
            }
            Err(error) => {
                refused += 1;
                assert_eq!(error.reason(), Reason::StateCorrupt, "{error}");
            }
        }
    }
    assert!(read_all_the_same > 1000 && refused > 1000, "{read_all_the_same} read, {refused} refused");
}

#[test]
fn lengths_that_cannot_be_take_no_memory() {
    let bytes = bytes(&conversation());
    for at in [12, 20] {
        for length in [u64::MAX, u64::MAX - 59, 1 << 62, 1 << 40] {
            let mut changed = bytes.clone();
            changed[at..at + 8].copy_from_slice(&length.to_le_bytes());
            assert_eq!(reason(&sealed(changed)), Reason::StateCorrupt);
        }
    }
    // Nor does a list in the head that says it has so many elements.
    let mut changed = bytes;
    changed[FRONT..FRONT + 10].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    assert_eq!(reason(&sealed(changed)), Reason::StateCorrupt);
    let refuse = |_| Err(Error::new(Reason::MemoryBudget, "no"));
    let sound = self::bytes(&conversation());
    let asked = Saved::read(&sound[..], sound.len() as u64, refuse).unwrap_err();
    assert_eq!(asked.reason(), Reason::MemoryBudget);
}

#[test]
fn what_it_is_not_is_said() {
    let bytes = bytes(&conversation());
    let message = |bytes: &[u8]| read(bytes).unwrap_err().message().to_owned();
    assert!(message(&[b'x'; 100]).contains("not a session"));
    let mut newer = bytes.clone();
    newer[8] = 3;
    assert!(message(&sealed(newer)).contains("version 3"));
    assert!(message(&bytes[..60]).contains("truncated"));
}

#[test]
fn tokens_are_checked_against_the_vocabulary() {
    let saved = conversation();
    assert!(saved.check_tokens(31).is_ok());
    assert_eq!(saved.check_tokens(30).unwrap_err().reason(), Reason::StateCorrupt);
    let cached = Saved { content: Content::New, ..conversation() };
    assert_eq!(cached.check_tokens(29).unwrap_err().reason(), Reason::StateCorrupt);
    let negative = Saved { content: Content::Raw(Arc::new(vec![-1])), cached: None, ..conversation() };
    assert_eq!(negative.check_tokens(31).unwrap_err().reason(), Reason::StateCorrupt);
}
