//! Any tokens and stop strings: the text is that of the bytes, and no stop string is ever in it.
#![no_main]
#![allow(dead_code, reason = "a part of the crate's sources, whose other parts use the rest")]

/// What `text.rs` uses of the crate below.
pub type Token = i32;
extern crate self as chaku_llama;

/// What `text.rs` uses of the crate around it.
mod event {
    #[derive(Debug, PartialEq)]
    pub struct Text {
        pub text: String,
        pub token: crate::Token,
        pub bytes: Vec<u8>,
        pub replaced: bool,
        pub logprob: Option<f64>,
        pub top_logprobs: Vec<()>,
    }
}
mod sampling {
    pub struct Sampled {
        pub token: crate::Token,
        pub logprob: Option<f64>,
        pub top_logprobs: Vec<()>,
    }

    impl From<crate::Token> for Sampled {
        fn from(token: crate::Token) -> Self {
            Sampled { token, logprob: None, top_logprobs: Vec::new() }
        }
    }
}
#[path = "../../core/src/text.rs"]
mod text;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<String>, Vec<Vec<u8>>)| {
    let (stops, tokens) = input;
    let stops: Vec<String> = stops.into_iter().filter(|stop| !stop.is_empty()).collect();
    let all: Vec<u8> = tokens.concat();
    let mut stream = text::TextStream::new(stops.clone());
    let (mut events, mut stopped) = (Vec::new(), false);
    for (token, bytes) in tokens.into_iter().enumerate() {
        let shown = stream.push(token as Token, bytes);
        events.extend(shown.events);
        stopped = shown.stopped;
        if stopped {
            break;
        }
    }
    if !stopped {
        events.extend(stream.finish());
    }
    let bytes: Vec<u8> = events.iter().flat_map(|event| event.bytes.clone()).collect();
    assert!(all.starts_with(&bytes));
    assert!(stopped || bytes == all);
});
