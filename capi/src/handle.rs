//! Handles: what C holds instead of an address. Type, slot and generation are packed into the pointer's bits; every
//! call looks the handle up, so a stale, foreign or mistyped one is an error, never undefined behaviour.

use std::ops::Deref;
use std::sync::Arc;

use chaku::{Error, Reason, Result};

use crate::buffer::BufferObject;
use crate::error::ErrorObject;
use crate::event::EventObject;
use crate::fork;
use crate::model::ModelObject;
use crate::options::OptionsObject;
use crate::table::{Key, Limits, Table};
use crate::types::*;

/// A C handle type: its objects, its number in the handle's bits, and its table.
pub(crate) trait Handle: Sized + 'static {
    type Object: Send + Sync + 'static;
    const TYPE: Type;
    fn table() -> &'static Table<Self::Object>;
}

/// An object that a call uses. A panic of the call poisons it, because nobody knows what was left half done.
pub(crate) struct Held<H: Handle> {
    object: Arc<H::Object>,
    key: Key,
    /// The host was unwinding already when it called, which says nothing about the object.
    unwinding: bool,
}

impl<H: Handle> Held<H> {
    pub(crate) fn share(&self) -> Arc<H::Object> {
        self.object.clone()
    }
}

impl<H: Handle> Deref for Held<H> {
    type Target = H::Object;

    fn deref(&self) -> &H::Object {
        &self.object
    }
}

impl<H: Handle> Drop for Held<H> {
    fn drop(&mut self) {
        if !self.unwinding && std::thread::panicking() {
            H::table().poison(self.key);
        }
    }
}

/// Gives an object to C.
pub(crate) fn put<H: Handle>(object: Arc<H::Object>) -> Result<*mut H> {
    fork::watch();
    check_process::<H>()?;
    let key = H::table().insert(object).ok_or_else(|| {
        Error::new(Reason::MemoryBudget, format!("no {} can be made: all its handles are in use", H::TYPE.name()))
    })?;
    Ok(std::ptr::without_provenance_mut(LAYOUT.pack(H::TYPE, key) as usize))
}

/// Finds the object of a handle, which stays alive at least as long as what is returned.
pub(crate) fn get<H: Handle>(handle: *const H, parameter: &'static str) -> Result<Held<H>> {
    check_process::<H>()?;
    // Here, not in a helper: this is the path of every call, some tens of nanoseconds long.
    if let Ok(key) = LAYOUT.unpack(handle.addr() as u64, H::TYPE)
        && let Some(object) = H::table().get(key)
    {
        return Ok(Held { object, key, unwinding: std::thread::panicking() });
    }
    Err(explain(handle, parameter))
}

/// Like [`get`], but NULL is `None`.
pub(crate) fn get_optional<H: Handle>(handle: *const H, parameter: &'static str) -> Result<Option<Held<H>>> {
    if handle.is_null() { Ok(None) } else { get(handle, parameter).map(Some) }
}

/// Ends a handle: it is stale from now on. NULL is `None`.
pub(crate) fn take<H: Handle>(handle: *const H, parameter: &'static str) -> Result<Option<Arc<H::Object>>> {
    if handle.is_null() {
        return Ok(None);
    }
    check_process::<H>()?;
    let key = LAYOUT.unpack(handle.addr() as u64, H::TYPE).map_err(|_| explain(handle, parameter))?;
    H::table().remove(key).map(Some).ok_or_else(|| explain(handle, parameter))
}

/// In a forked child all handles but those of errors are left alone. Errors are how it is told.
#[inline]
fn check_process<H: Handle>() -> Result<()> {
    if H::TYPE == Type::chaku_error { Ok(()) } else { fork::refuse_child() }
}

/// The error of a handle that was not found.
#[cold]
fn explain<H: Handle>(handle: *const H, parameter: &'static str) -> Error {
    let expected = H::TYPE.name();
    let error = match LAYOUT.unpack(handle.addr() as u64, H::TYPE) {
        Err(NotAKey::Null) => Error::new(Reason::NullPointer, format!("`{parameter}` must be a {expected}, not NULL")),
        Err(NotAKey::OfType(found)) => {
            let found = found.name();
            Error::new(Reason::WrongHandle, format!("`{parameter}` must be a {expected}, this is a {found}"))
                .with("found", found)
        }
        Err(NotAKey::Foreign) => {
            Error::new(Reason::StaleHandle, format!("`{parameter}` must be a {expected}, this is no chaku handle"))
        }
        Ok(key) if H::table().is_poisoned(key) => Error::new(
            Reason::Poisoned,
            format!("a call on this {expected} panicked, so its state is unknown; free it and make a new one"),
        ),
        Ok(_) => Error::new(Reason::StaleHandle, format!("`{parameter}` is a {expected} that was freed already")),
    };
    error.with("parameter", parameter).with("expected", expected)
}

macro_rules! handles {
    ($($handle:ident = $number:literal holds $object:ty;)+) => {
        /// The handle types. Numbers are never used again for another type.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(non_camel_case_types, reason = "the names are those of the C types")]
        #[repr(u8)]
        pub(crate) enum Type { $($handle = $number,)+ }

        impl Type {
            pub(crate) fn name(self) -> &'static str {
                match self { $(Type::$handle => stringify!($handle),)+ }
            }

            fn from_number(number: u64) -> Option<Type> {
                match number { $($number => Some(Type::$handle),)+ _ => None }
            }
        }

        $(impl Handle for $handle {
            type Object = $object;
            const TYPE: Type = Type::$handle;
            fn table() -> &'static Table<$object> {
                // A forked child has one of its own: a thread it does not have may hold a lock of the other. Its keys
                // begin where the parent's do not come in any foreseeable time, so that no handle names two objects.
                static TABLES: [Table<$object>; 2] =
                    [Table::new(LAYOUT.limits(), 0), Table::new(LAYOUT.limits(), LAYOUT.limits().generations / 2)];
                &TABLES[usize::from(fork::is_child())]
            }
        })+
    };
}

handles! {
    chaku_error = 1 holds ErrorObject;
    chaku_options = 2 holds OptionsObject;
    chaku_runtime = 3 holds chaku::Runtime;
    chaku_model = 4 holds ModelObject;
    chaku_session = 5 holds chaku::Session;
    chaku_request = 6 holds chaku::Request;
    chaku_event = 7 holds EventObject;
    chaku_buffer = 8 holds BufferObject;
}

/// How the bits of a handle are shared out, from the highest: magic, type, generation, index, and a low magic part.
#[derive(Clone, Copy)]
struct Layout {
    magic: u64,
    type_bits: u32,
    generation_bits: u32,
    index_bits: u32,
    /// The lowest bit is set: no allocator returns an odd address.
    odd: bool,
}

/// The highest byte makes the handle a non-canonical address: nobody can mistake it for memory, or memory for it.
const LAYOUT_64: Layout = Layout { magic: 0xCA, type_bits: 6, generation_bits: 26, index_bits: 24, odd: false };
/// With 32 bits an address may look like anything, except odd.
const LAYOUT_32: Layout = Layout { magic: 0, type_bits: 4, generation_bits: 13, index_bits: 14, odd: true };
const LAYOUT: Layout = if usize::BITS >= 64 { LAYOUT_64 } else { LAYOUT_32 };

/// Why bits are not a key of the wanted type.
#[derive(Debug, PartialEq)]
enum NotAKey {
    Null,
    Foreign,
    OfType(Type),
}

impl Layout {
    const fn limits(self) -> Limits {
        Limits { slots: 1 << self.index_bits, generations: 1 << self.generation_bits }
    }

    fn pack(self, of: Type, key: Key) -> u64 {
        let mut bits = self.magic;
        bits = bits << self.type_bits | of as u64;
        bits = bits << self.generation_bits | u64::from(key.generation);
        bits = bits << self.index_bits | u64::from(key.index);
        bits << u32::from(self.odd) | u64::from(self.odd)
    }

    #[inline]
    fn unpack(self, handle: u64, wanted: Type) -> Result<Key, NotAKey> {
        if handle == 0 {
            return Err(NotAKey::Null);
        }
        let bits = handle >> u32::from(self.odd);
        let (index, bits) = split(bits, self.index_bits);
        let (generation, bits) = split(bits, self.generation_bits);
        let (number, magic) = split(bits, self.type_bits);
        let is_odd = handle & 1 == 1;
        if magic != self.magic || (self.odd && !is_odd) {
            return Err(NotAKey::Foreign);
        }
        if number != wanted as u64 {
            return Err(Type::from_number(number).map_or(NotAKey::Foreign, NotAKey::OfType));
        }
        Ok(Key { index: index as u32, generation: generation as u32 })
    }
}

#[inline]
fn split(bits: u64, count: u32) -> (u64, u64) {
    (bits & ((1 << count) - 1), bits >> count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUTS: [(Layout, u32); 2] = [(LAYOUT_64, 64), (LAYOUT_32, 32)];

    #[test]
    fn both_layouts_fill_their_word_exactly() {
        for (layout, width) in LAYOUTS {
            let bits = layout.type_bits + layout.generation_bits + layout.index_bits + u32::from(layout.odd);
            assert_eq!(bits + (u64::BITS - layout.magic.leading_zeros()), width);
        }
    }

    #[test]
    fn what_is_packed_is_unpacked_and_never_null() {
        for (layout, width) in LAYOUTS {
            let last = layout.limits();
            for key in [
                Key { index: 0, generation: 0 },
                Key { index: 1, generation: 2 },
                Key { index: last.slots - 1, generation: last.generations - 1 },
            ] {
                let bits = layout.pack(Type::chaku_event, key);
                assert!(bits != 0 && (width == 64 || bits >> 32 == 0), "{bits:#x} fits {width} bits");
                assert_eq!(layout.unpack(bits, Type::chaku_event), Ok(key));
                assert_eq!(layout.unpack(bits, Type::chaku_model), Err(NotAKey::OfType(Type::chaku_event)));
            }
        }
    }

    #[test]
    fn addresses_are_foreign() {
        let local = 0u64;
        let address = (&raw const local).addr() as u64;
        assert_eq!(LAYOUT_64.unpack(address, Type::chaku_model), Err(NotAKey::Foreign));
        assert_eq!(LAYOUT_64.unpack(u64::MAX, Type::chaku_model), Err(NotAKey::Foreign));
        assert_eq!(LAYOUT_32.unpack(0x0804_9f10, Type::chaku_model), Err(NotAKey::Foreign), "even");
        assert_eq!(LAYOUT_32.unpack(0xFFFF_FFFF, Type::chaku_model), Err(NotAKey::Foreign), "no such type");
    }

    #[test]
    fn misuse_names_the_parameter_and_what_was_expected() {
        let options: *mut chaku_options = put(Arc::new(OptionsObject::default())).unwrap();
        let as_model = options.cast::<chaku_model>();

        let null = get::<chaku_model>(std::ptr::null(), "model").err().unwrap();
        assert_eq!((null.reason(), null.detail("parameter")), (Reason::NullPointer, Some("model")));

        let wrong = get(as_model, "model").err().unwrap();
        assert_eq!(wrong.reason(), Reason::WrongHandle);
        assert_eq!((wrong.detail("expected"), wrong.detail("found")), (Some("chaku_model"), Some("chaku_options")));
        assert_eq!(take(as_model, "model").err().unwrap().reason(), Reason::WrongHandle);

        assert!(take(options, "options").unwrap().is_some());
        assert_eq!(get(options, "options").err().unwrap().reason(), Reason::StaleHandle);
        assert_eq!(take(options, "options").err().unwrap().reason(), Reason::StaleHandle);
        assert!(take::<chaku_options>(std::ptr::null(), "options").unwrap().is_none());

        let foreign = get((&raw const null).cast::<chaku_model>(), "model").err().unwrap();
        assert_eq!(foreign.reason(), Reason::StaleHandle);
    }

    #[test]
    fn a_call_that_panics_poisons_what_it_used_and_nothing_else() {
        let used: *mut chaku_options = put(Arc::new(OptionsObject::default())).unwrap();
        let unused: *mut chaku_options = put(Arc::new(OptionsObject::default())).unwrap();
        let code = crate::guard::control(|| {
            let _used = get(used, "options")?;
            panic!("half done")
        });
        assert_eq!(code, crate::error::CHAKU_INTERNAL);
        let error = get(used, "options").err().unwrap();
        assert_eq!((error.reason(), error.detail("parameter")), (Reason::Poisoned, Some("options")));
        assert!(get(unused, "options").is_ok());
        for options in [used, unused] {
            assert!(take(options, "options").unwrap().is_some(), "a poisoned one can be freed");
            assert_eq!(get(options, "options").err().unwrap().reason(), Reason::StaleHandle);
        }
    }

    #[test]
    fn a_host_that_is_unwinding_itself_poisons_nothing() {
        struct CallsWhenDropped(*mut chaku_options);
        impl Drop for CallsWhenDropped {
            fn drop(&mut self) {
                assert!(get(self.0, "options").is_ok());
            }
        }
        let options: *mut chaku_options = put(Arc::new(OptionsObject::default())).unwrap();
        let host = std::panic::catch_unwind(|| {
            let _calls = CallsWhenDropped(options);
            panic!("the host's own");
        });
        assert!(host.is_err());
        assert!(get(options, "options").is_ok());
        take(options, "options").unwrap();
    }
}
