//! Code that runs when a shared library is loaded.

/// Runs the body of a function when the shared library that it is linked into is loaded, before anything in it is
/// called.
///
/// napi's macros register classes and functions in this way. Their own constructor carries an `allow(unsafe_code)`,
/// which a crate that forbids unsafe code cannot take. This one carries none; the attribute that is unsafe is here.
///
/// SAFETY of the attribute: what these sections hold is a pointer to a function without arguments, which the system's
/// loader calls once. The body should only store something: it runs while the library is being loaded, and a panic in
/// it ends the process.
#[macro_export]
macro_rules! constructor {
    ($(#[$attribute:meta])* fn $name:ident() $body:block) => {
        const _: () = {
            extern "C" fn $name() $body

            #[used]
            #[cfg_attr(
                not(any(target_vendor = "apple", windows)),
                unsafe(link_section = ".init_array")
            )]
            #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
            #[cfg_attr(windows, unsafe(link_section = ".CRT$XCU"))]
            static CONSTRUCTOR: extern "C" fn() = $name;
        };
    };
}
