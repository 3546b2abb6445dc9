//! Text to tokens and back.

use std::marker::PhantomData;
use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;

use crate::stack::with_stack;
use crate::{Error, Model, Token, ffi};

/// Many vocabularies split text by std::regex, and libstdc++ goes one call deeper for every character of a match: 300 bytes
/// of stack each, so that 60 kB of base64 overflow 16 MiB.
const STACK_PER_BYTE: usize = 1024;

/// From here on a stack that the system refuses is too large, rather than a thread too many.
const LARGE_STACK: usize = 1 << 30;

/// Up to here that fits any thread's stack.
const SHORT_TEXT: usize = 256;

/// The vocabulary of a model.
#[derive(Clone, Copy)]
pub struct Vocab<'m> {
    raw: NonNull<ffi::llama_vocab>,
    model: PhantomData<&'m Model>,
}

// SAFETY: a vocabulary does not change after its model is loaded, and the lifetime keeps the model.
unsafe impl Send for Vocab<'_> {}
// SAFETY: as above.
unsafe impl Sync for Vocab<'_> {}

impl Vocab<'_> {
    pub(crate) fn new(raw: NonNull<ffi::llama_vocab>) -> Self {
        Self { raw, model: PhantomData }
    }

    pub(crate) fn raw(self) -> *const ffi::llama_vocab {
        self.raw.as_ptr()
    }

    /// How many tokens there are. Every smaller number is a token.
    pub fn n_tokens(&self) -> u32 {
        // SAFETY: reads a number of a loaded vocabulary. So do the functions below.
        unsafe { sys::llama_vocab_n_tokens(self.raw()) }.cast_unsigned()
    }

    /// The bytes of the longest token. Looks at all of them.
    pub fn longest_token(&self) -> usize {
        let mut bytes = Vec::new();
        (0..self.n_tokens().cast_signed()).fold(0, |longest, token| {
            bytes.clear();
            let length = self.token_bytes(token, true, &mut bytes).map_or(0, |()| bytes.len());
            longest.max(length)
        })
    }

    /// Splits a text into tokens. `add_special`: with the tokens that the model wants around every text. `parse_special`:
    /// read the names of control tokens in the text as those tokens, which only text from a trusted side may do.
    pub fn tokenize(&self, text: &str, add_special: bool, parse_special: bool) -> Result<Vec<Token>, Error> {
        self.check_has_tokenizer()?;
        if add_special {
            self.check_special_tokens()?;
        }
        if text.len() <= SHORT_TEXT {
            return self.tokenize_here(text, add_special, parse_special);
        }
        let stack = text.len().saturating_mul(STACK_PER_BYTE);
        with_stack(stack, || self.tokenize_here(text, add_special, parse_special)).map_err(|error| match stack {
            // The system says the same when it has no room for the stack.
            LARGE_STACK.. => Error::TextTooLong { bytes: text.len() },
            _ => Error::NoThread { message: format!("cannot start a thread to tokenize a long text: {error}") },
        })?
    }

    fn tokenize_here(&self, text: &str, add_special: bool, parse_special: bool) -> Result<Vec<Token>, Error> {
        let too_long = || Error::TextTooLong { bytes: text.len() };
        let length = i32::try_from(text.len()).map_err(|_| too_long())?;
        // Most texts have fewer tokens than bytes; if not, the first try says how many.
        let mut tokens: Vec<Token> = vec![0; text.len() / 2 + 8];
        loop {
            let capacity = i32::try_from(tokens.len()).map_err(|_| too_long())?;
            let mut count = 0;
            ffi::run("llama_tokenize", |error| {
                // SAFETY: the text and the buffer are as long as said, and what tokenization asserts was checked.
                unsafe {
                    ffi::chaku_llama_tokenize(
                        self.raw(),
                        text.as_ptr().cast(),
                        length,
                        tokens.as_mut_ptr(),
                        capacity,
                        add_special,
                        parse_special,
                        &raw mut count,
                        error,
                    )
                }
            })?;
            match usize::try_from(count) {
                Ok(count) => {
                    tokens.truncate(count);
                    return Ok(tokens);
                }
                // i32::MIN: more tokens than an i32 can count.
                Err(_) if count == i32::MIN => return Err(too_long()),
                Err(_) => tokens.resize(count.unsigned_abs() as usize, 0),
            }
        }
    }

    /// Appends the bytes of one token: often a part of a character. `special`: also the names of control tokens.
    pub fn token_bytes(&self, token: Token, special: bool, out: &mut Vec<u8>) -> Result<(), Error> {
        self.check_has_tokenizer()?;
        self.check_token(token)?;
        let start = out.len();
        out.resize(start + 32, 0);
        let result = loop {
            let buffer = &mut out[start..];
            let capacity = i32::try_from(buffer.len()).unwrap_or(i32::MAX);
            let mut count = 0;
            let result = ffi::run("llama_token_to_piece", |error| {
                // SAFETY: the buffer is at least as long as said, and the token exists.
                unsafe {
                    ffi::chaku_llama_token_to_piece(
                        self.raw(),
                        token,
                        buffer.as_mut_ptr().cast(),
                        capacity,
                        special,
                        &raw mut count,
                        error,
                    )
                }
            });
            match (result, usize::try_from(count)) {
                (Err(error), _) => break Err(error),
                (Ok(()), Ok(count)) => break Ok(count),
                (Ok(()), Err(_)) => out.resize(start + count.unsigned_abs() as usize, 0),
            }
        };
        out.truncate(start + result.as_ref().copied().unwrap_or(0));
        result.map(drop)
    }

    /// The text of tokens, as bytes. `remove_special`: without the tokens that `add_special` adds. `unparse_special`: with
    /// the names of control tokens.
    pub fn detokenize(&self, tokens: &[Token], remove_special: bool, unparse_special: bool) -> Result<Vec<u8>, Error> {
        self.check_has_tokenizer()?;
        for &token in tokens {
            self.check_token(token)?;
        }
        let too_long = || Error::TextTooLong { bytes: tokens.len().saturating_mul(8) };
        let n_tokens = i32::try_from(tokens.len()).map_err(|_| too_long())?;
        let mut bytes = vec![0_u8; tokens.len().saturating_mul(8).max(32)];
        loop {
            let capacity = i32::try_from(bytes.len()).map_err(|_| too_long())?;
            let mut count = 0;
            ffi::run("llama_detokenize", |error| {
                // SAFETY: tokens and buffer are as long as said, and every token exists.
                unsafe {
                    ffi::chaku_llama_detokenize(
                        self.raw(),
                        tokens.as_ptr(),
                        n_tokens,
                        bytes.as_mut_ptr().cast(),
                        capacity,
                        remove_special,
                        unparse_special,
                        &raw mut count,
                        error,
                    )
                }
            })?;
            match usize::try_from(count) {
                Ok(count) => {
                    bytes.truncate(count);
                    return Ok(bytes);
                }
                Err(_) => bytes.resize(count.unsigned_abs() as usize, 0),
            }
        }
    }

    /// Whether this token ends a generation.
    pub fn is_eog(&self, token: Token) -> bool {
        // SAFETY: looks the number up in a set.
        unsafe { sys::llama_vocab_is_eog(self.raw(), token) }
    }

    /// Whether this is a control token. A number that is no token is none.
    pub fn is_control(&self, token: Token) -> bool {
        self.has_attr(token, sys::LLAMA_TOKEN_ATTR_CONTROL)
    }

    /// Whether `parse_special` can produce this token from its name: control, user-defined and unknown tokens.
    pub fn is_special(&self, token: Token) -> bool {
        self.has_attr(
            token,
            sys::LLAMA_TOKEN_ATTR_CONTROL | sys::LLAMA_TOKEN_ATTR_USER_DEFINED | sys::LLAMA_TOKEN_ATTR_UNKNOWN,
        )
    }

    /// Whether texts begin with [`bos`](Self::bos).
    pub fn add_bos(&self) -> bool {
        // SAFETY: as in n_tokens.
        unsafe { sys::llama_vocab_get_add_bos(self.raw()) }
    }

    /// Whether texts end with [`eos`](Self::eos).
    pub fn add_eos(&self) -> bool {
        // SAFETY: as in n_tokens.
        unsafe { sys::llama_vocab_get_add_eos(self.raw()) }
    }

    /// Begins a text.
    pub fn bos(&self) -> Option<Token> {
        self.named(sys::llama_vocab_bos)
    }

    /// Ends a text.
    pub fn eos(&self) -> Option<Token> {
        self.named(sys::llama_vocab_eos)
    }

    /// Ends a turn.
    pub fn eot(&self) -> Option<Token> {
        self.named(sys::llama_vocab_eot)
    }

    /// Separates sentences.
    pub fn sep(&self) -> Option<Token> {
        self.named(sys::llama_vocab_sep)
    }

    /// A newline.
    pub fn nl(&self) -> Option<Token> {
        self.named(sys::llama_vocab_nl)
    }

    /// Padding.
    pub fn pad(&self) -> Option<Token> {
        self.named(sys::llama_vocab_pad)
    }

    /// Fill in the middle: begins what stands before the gap.
    pub fn fim_pre(&self) -> Option<Token> {
        self.named(sys::llama_vocab_fim_pre)
    }

    /// Fill in the middle: begins what stands after the gap.
    pub fn fim_suf(&self) -> Option<Token> {
        self.named(sys::llama_vocab_fim_suf)
    }

    /// Fill in the middle: begins what goes into the gap.
    pub fn fim_mid(&self) -> Option<Token> {
        self.named(sys::llama_vocab_fim_mid)
    }

    pub(crate) fn check_token(&self, token: Token) -> Result<(), Error> {
        if (0..self.n_tokens().cast_signed()).contains(&token) {
            return Ok(());
        }
        Err(Error::input("token", format!("{token} is not one of the {} tokens", self.n_tokens())))
    }

    pub(crate) fn check_has_tokenizer(&self) -> Result<(), Error> {
        // SAFETY: as in n_tokens.
        if unsafe { sys::llama_vocab_type(self.raw()) } == sys::LLAMA_VOCAB_TYPE_NONE {
            return Err(Error::input("model", "has no vocabulary"));
        }
        Ok(())
    }

    /// Tokenization asserts that the tokens which the model says it adds exist.
    fn check_special_tokens(&self) -> Result<(), Error> {
        // SAFETY: as in n_tokens.
        let word_pieces = unsafe { sys::llama_vocab_type(self.raw()) } == sys::LLAMA_VOCAB_TYPE_WPM;
        for (name, wanted, token) in [
            ("beginning-of-text", self.add_bos() || word_pieces, self.bos()),
            ("end-of-text", self.add_eos(), self.eos()),
            ("separator", word_pieces, self.sep()),
        ] {
            if wanted && token.is_none() {
                let message = format!("asks for a {name} token around texts but has none");
                return Err(Error::input("model", message));
            }
        }
        Ok(())
    }

    fn has_attr(&self, token: Token, mask: sys::llama_token_attr) -> bool {
        if self.check_has_tokenizer().and_then(|()| self.check_token(token)).is_err() {
            return false;
        }
        let mut attr = 0;
        let asked = ffi::run("llama_vocab_get_attr", |error| {
            // SAFETY: the token exists.
            unsafe { ffi::chaku_llama_token_attr(self.raw(), token, &raw mut attr, error) }
        });
        #[allow(clippy::unnecessary_cast, reason = "the signedness of C enums differs between platforms")]
        let mask = mask as i32;
        asked.is_ok() && attr & mask != 0
    }

    fn named(&self, get: unsafe extern "C" fn(*const ffi::llama_vocab) -> Token) -> Option<Token> {
        // SAFETY: as in n_tokens. -1 (LLAMA_TOKEN_NULL) means that there is none.
        let token = unsafe { get(self.raw()) };
        self.check_token(token).ok().map(|()| token)
    }
}

impl std::fmt::Debug for Vocab<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vocab({} tokens)", self.n_tokens())
    }
}
