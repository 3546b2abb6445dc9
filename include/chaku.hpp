// chaku for C++17: all of chaku.h, with owners, results and callables. One header; nothing to link but libchaku.
//
// A whole program. It streams an answer:
//
//     #include <chaku.hpp>
//     #include <iostream>
//
//     int main(int argc, char **argv) try {
//         auto model = chaku::Model::load(argc > 1 ? argv[1] : "model.gguf").value();
//         auto session = chaku::Session::make(model).value();
//         auto request = session.chat("Why is the sky blue?", {{CHAKU_OPT_MAX_TOKENS, 200}}).value();
//         request.run([](const chaku::Event &event) { std::cout << event.text() << std::flush; }).value();
//     } catch (const chaku::Exception &exception) {
//         std::cerr << exception.what() << '\n';
//         return 1;
//     }
//
// chaku.h is the contract: chaku_session_chat(session, ...) is session.chat(...) here, and its comment holds.
//
// Objects own one handle each and can be moved. One that was moved from or freed is empty: calls through it fail with
// `null_pointer`, its numbers are 0 and its texts empty. All functions may be called on one object from several threads
// at once, free() too; only to move, assign or destroy it, and to set options, a thread must have it for itself. A
// std::string_view holds as long as the handle it was read from.
//
// Errors come as Result<T>: a value or an Error. What throws is value() when there is none, `new` where this header
// itself needs memory, and your own callables. Without exceptions and run-time types it works too: then there is no
// value(), and running out of memory ends the program, as it does wherever `new` cannot throw.
//
// Callbacks are any callables. They return nothing, or a Flow that can stop. What they throw never gets into C: run()
// lets it out on the caller's thread when the request has ended; elsewhere, on threads of the library, it means
// Flow::stop and is dropped. What a tool throws is told to the model. A callable given to on_event, on_ready or set_log is destroyed exactly once, when it will
// never be called again, also when the call fails.
#ifndef CHAKU_HPP
#define CHAKU_HPP

#include "chaku.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define CHAKU_EXCEPTIONS 1
#include <exception>
#include <stdexcept>
#else
#define CHAKU_EXCEPTIONS 0
#endif

namespace chaku {

// ---- Constants of the C interface -----------------------------------------------------------------------------------

/// A status, with the names and numbers of gRPC's codes.
enum class Code : std::int32_t {
    ok = CHAKU_OK,
    cancelled = CHAKU_CANCELLED,
    unknown = CHAKU_UNKNOWN,
    invalid_argument = CHAKU_INVALID_ARGUMENT,
    deadline_exceeded = CHAKU_DEADLINE_EXCEEDED,
    not_found = CHAKU_NOT_FOUND,
    already_exists = CHAKU_ALREADY_EXISTS,
    permission_denied = CHAKU_PERMISSION_DENIED,
    resource_exhausted = CHAKU_RESOURCE_EXHAUSTED,
    failed_precondition = CHAKU_FAILED_PRECONDITION,
    aborted = CHAKU_ABORTED,
    out_of_range = CHAKU_OUT_OF_RANGE,
    unimplemented = CHAKU_UNIMPLEMENTED,
    internal = CHAKU_INTERNAL,
    unavailable = CHAKU_UNAVAILABLE,
    data_loss = CHAKU_DATA_LOSS,
    unauthenticated = CHAKU_UNAUTHENTICATED,
};

/// What kind of event it is. Ignore kinds you do not know.
enum class EventKind : std::int32_t {
    none = 0, ///< an empty Event
    progress = CHAKU_EVENT_PROGRESS,
    text = CHAKU_EVENT_TEXT,
    final = CHAKU_EVENT_FINAL,
    reasoning = CHAKU_EVENT_REASONING,
    tool_call = CHAKU_EVENT_TOOL_CALL,
    tool_call_arguments = CHAKU_EVENT_TOOL_CALL_ARGUMENTS,
    prompt = CHAKU_EVENT_PROMPT,
    logits = CHAKU_EVENT_LOGITS,
};

/// What a progress event is about. Ignore those you do not know.
enum class Phase : std::int32_t {
    none = 0, ///< of another event
    load = CHAKU_PHASE_LOAD,
    prefill = CHAKU_PHASE_PREFILL,
    download = CHAKU_PHASE_DOWNLOAD,
};

/// Why a request ended.
enum class FinishReason : std::int32_t {
    none = 0, ///< of an event that is not the final one
    stop = CHAKU_FINISH_STOP,
    length = CHAKU_FINISH_LENGTH,
    tool_calls = CHAKU_FINISH_TOOL_CALLS,
    cancelled = CHAKU_FINISH_CANCELLED,
    deadline = CHAKU_FINISH_DEADLINE,
    error = CHAKU_FINISH_ERROR,
};

enum class LogLevel : std::int32_t {
    error = CHAKU_LOG_ERROR,
    warn = CHAKU_LOG_WARN,
    info = CHAKU_LOG_INFO,
    debug = CHAKU_LOG_DEBUG,
    trace = CHAKU_LOG_TRACE,
};

enum class OptionKind : std::int32_t {
    i64 = CHAKU_OPTION_KIND_I64,
    f64 = CHAKU_OPTION_KIND_F64,
    boolean = CHAKU_OPTION_KIND_BOOL,
    str = CHAKU_OPTION_KIND_STR,
    str_list = CHAKU_OPTION_KIND_STR_LIST,
};

enum class DeviceKind : std::int32_t {
    cpu = CHAKU_DEVICE_CPU,
    gpu = CHAKU_DEVICE_GPU,
    integrated_gpu = CHAKU_DEVICE_INTEGRATED_GPU,
    accelerator = CHAKU_DEVICE_ACCELERATOR,
};

/// What a callback may return to say whether it wants more calls; one that returns nothing goes on.
enum class Flow : std::int32_t { go_on = 0, stop = 1 };

using Token = std::int32_t;

/// The longest wait there is. Any wait below 0 is none.
inline constexpr std::chrono::milliseconds forever = (std::chrono::milliseconds::max)();

/// The name of a code, for instance "INVALID_ARGUMENT".
inline std::string_view code_name(Code code) noexcept { return chaku_code_name(static_cast<chaku_code>(code)); }

namespace internal {

/// Text of C that may be NULL.
inline std::string_view text(const char *from_c) noexcept { return from_c ? from_c : std::string_view(); }
inline std::optional<std::string_view> optional_text(const char *from_c) noexcept {
    return from_c ? std::optional<std::string_view>(from_c) : std::nullopt;
}
inline std::optional<Token> optional_token(Token token) noexcept {
    return token >= 0 ? std::optional<Token>(token) : std::nullopt;
}
inline std::int64_t size(std::string_view text) noexcept { return static_cast<std::int64_t>(text.size()); }
inline std::int64_t milliseconds(std::chrono::milliseconds wait) noexcept {
    return wait.count() < 0 ? 0 : wait.count();
}

} // namespace internal

// ---- Errors and results ---------------------------------------------------------------------------------------------

/// What went wrong: a code, a stable reason, a message for people and details for programs. A value that never changes:
/// copies share it, and texts hold as long as one of them.
class Error {
  public:
    /// No error; its code is Code::ok.
    Error() noexcept = default;
    /// Takes over an error of chaku.h; NULL is none.
    explicit Error(chaku_error *error) : Error(static_cast<Code>(chaku_error_code(error)), error) {}
    /// The same for a function that failed with this code: `error` is NULL when there was no memory to describe it.
    Error(Code code, chaku_error *error)
        : code_(code), reason_(chaku_error_reason(error)), message_(chaku_error_message(error)),
          error_(error, chaku_error_free) {}
    /// An error of your own, or of this header; the texts are literals.
    Error(Code code, const char *reason, const char *message) noexcept
        : code_(code), reason_(reason), message_(message) {}
    // Moved, it would leave texts behind that nobody owns.
    Error(const Error &) noexcept = default;
    Error &operator=(const Error &) noexcept = default;

    /// Whether it is one.
    explicit operator bool() const noexcept { return code_ != Code::ok; }
    Code code() const noexcept { return code_; }
    std::string_view reason() const noexcept { return reason_; }
    std::string_view message() const noexcept { return message_; }
    std::optional<std::string_view> detail(const char *key) const noexcept {
        return internal::optional_text(chaku_error_detail(error_.get(), key));
    }
    /// Keys and values of all details.
    std::vector<std::pair<std::string_view, std::string_view>> details() const {
        std::vector<std::pair<std::string_view, std::string_view>> all;
        for (std::int64_t i = 0; i < chaku_error_detail_count(error_.get()); i++) {
            const char *key = chaku_error_detail_key(error_.get(), i);
            all.emplace_back(internal::text(key), internal::text(chaku_error_detail(error_.get(), key)));
        }
        return all;
    }
    /// All in one line: "NOT_FOUND (file_not_found): ...".
    std::string to_string() const {
        return std::string(code_name(code_)).append(" (").append(reason_).append("): ").append(message_);
    }

  private:
    Code code_ = Code::ok;
    const char *reason_ = "";
    const char *message_ = "";
    std::shared_ptr<chaku_error> error_;
};

#if CHAKU_EXCEPTIONS
/// What Result::value throws.
class Exception : public std::runtime_error {
  public:
    explicit Exception(const Error &error) : std::runtime_error(error.to_string()), error_(error) {}
    const Error &error() const noexcept { return error_; }

  private:
    Error error_;
};
#endif

/// A value or an error. On an error `*` and `->` give an empty T, which is harmless: calls through it fail.
template <typename T>
class [[nodiscard]] Result {
  public:
    using value_type = T;

    Result(T value) : value_(std::move(value)) {}
    Result(const Error &error) : error_(error) {}

    bool has_value() const noexcept { return !error_; }
    explicit operator bool() const noexcept { return has_value(); }
    /// None (Code::ok) when there is a value.
    const Error &error() const noexcept { return error_; }

    T &operator*() & noexcept { return value_; }
    const T &operator*() const & noexcept { return value_; }
    T &&operator*() && noexcept { return std::move(value_); }
    T *operator->() noexcept { return &value_; }
    const T *operator->() const noexcept { return &value_; }

    template <typename U>
    T value_or(U &&other) && {
        return has_value() ? std::move(value_) : static_cast<T>(std::forward<U>(other));
    }

#if CHAKU_EXCEPTIONS
    /// The value. Throws Exception on an error.
    T &value() & { return check(), value_; }
    const T &value() const & { return check(), value_; }
    T &&value() && { return check(), std::move(value_); }
#endif

    /// What `next` makes of the value: a Result too, which has this error when there is no value.
    template <typename F>
    auto and_then(F &&next) && -> std::invoke_result_t<F, T &&> {
        if (!has_value()) return error_;
        return std::forward<F>(next)(std::move(value_));
    }
    /// The same for a function that cannot fail.
    template <typename F>
    auto map(F &&next) && -> Result<std::invoke_result_t<F, T &&>> {
        if (!has_value()) return error_;
        return std::forward<F>(next)(std::move(value_));
    }

  private:
#if CHAKU_EXCEPTIONS
    void check() const {
        if (error_) throw Exception(error_);
    }
#endif

    T value_{};
    Error error_;
};

/// Success or an error.
template <>
class [[nodiscard]] Result<void> {
  public:
    using value_type = void;

    Result() noexcept = default;
    Result(const Error &error) : error_(error) {}

    bool has_value() const noexcept { return !error_; }
    explicit operator bool() const noexcept { return has_value(); }
    const Error &error() const noexcept { return error_; }

#if CHAKU_EXCEPTIONS
    /// Throws Exception on an error.
    void value() const {
        if (error_) throw Exception(error_);
    }
#endif

    template <typename F>
    auto and_then(F &&next) const -> std::invoke_result_t<F> {
        if (!has_value()) return error_;
        return std::forward<F>(next)();
    }

  private:
    Error error_;
};

// ---- Version --------------------------------------------------------------------------------------------------------

inline std::uint32_t abi_version() noexcept { return chaku_abi_version(); }
inline std::uint32_t version_number() noexcept { return chaku_version_number(); }
inline std::string_view version() noexcept { return chaku_version(); }
inline std::string_view build_info() noexcept { return chaku_build_info(); }
inline bool has_feature(const char *name) noexcept { return chaku_has_feature(name) != 0; }

/// Whether the library that runs is one this header can talk to; FAILED_PRECONDITION `abi_mismatch` if not. Whatever
/// takes options asks this first (it costs nothing), so a program need not.
inline Result<void> check_abi() {
    const bool exact = CHAKU_ABI_VERSION == 0; // under 0 every release may be different
    if (abi_version() == CHAKU_ABI_VERSION && (!exact || version_number() == CHAKU_VERSION_NUMBER)) return {};
    return Error(Code::failed_precondition, "abi_mismatch",
                 "this program was compiled with the header of another version of libchaku than the one it runs with; "
                 "compile it again, or install the version it was compiled for");
}

// ---- Devices and backends -------------------------------------------------------------------------------------------

struct Device {
    std::string_view name, description, backend;
    DeviceKind kind;
    std::int64_t memory_total, memory_free; ///< bytes; -1 = not known
};

/// The devices that can compute, and what memory is free on them now.
inline std::vector<Device> devices() {
    std::vector<Device> all;
    for (std::int64_t i = 0; i < chaku_device_count(); i++) {
        all.push_back({internal::text(chaku_device_name(i)), internal::text(chaku_device_description(i)),
                       internal::text(chaku_device_backend(i)), static_cast<DeviceKind>(chaku_device_kind(i)),
                       chaku_device_memory_total(i), chaku_device_memory_free(i)});
    }
    return all;
}

/// The compiled-in backends, for instance "cpu" and "cuda".
inline std::vector<std::string_view> backends() {
    std::vector<std::string_view> all;
    for (std::int64_t i = 0; i < chaku_backend_count(); i++) all.push_back(internal::text(chaku_backend_name(i)));
    return all;
}

// ---- Owners, and how they call C ------------------------------------------------------------------------------------

namespace internal {

/// Owns a handle of chaku.h. It is atomic, so that one thread may free what another uses, as in C.
template <typename T, chaku_code (*free_handle)(T *)>
class Handle {
  public:
    using Raw = T;

    Handle() noexcept = default;
    /// Takes over a handle, which is then freed here.
    explicit Handle(T *handle) noexcept : handle_(handle) {}
    Handle(Handle &&other) noexcept : handle_(other.release()) {}
    Handle &operator=(Handle &&other) noexcept {
        free_handle(handle_.exchange(other.release()));
        return *this;
    }

    /// Whether there is a handle: not in one that is new, moved from or freed.
    explicit operator bool() const noexcept { return get() != nullptr; }
    /// The handle, for functions of chaku.h. It stays with this object.
    T *get() const noexcept { return handle_.load(std::memory_order_relaxed); }
    /// Gives the handle away.
    T *release() noexcept { return handle_.exchange(nullptr); }
    /// Frees it now instead of in the destructor; see the chaku_..._free of chaku.h.
    void free() noexcept { free_handle(release()); }

  protected:
    ~Handle() { free(); }

  private:
    std::atomic<T *> handle_{nullptr};
};

inline Error error_of(chaku_code code, chaku_error *error) {
    return code == CHAKU_OK ? Error() : Error(static_cast<Code>(code), error);
}

/// Calls a function whose last argument is an error.
template <typename Function, typename... Arguments>
Result<void> call(Function *function, Arguments... arguments) {
    chaku_error *error = nullptr;
    const chaku_code code = function(arguments..., &error);
    return error_of(code, error);
}

/// Calls a function that makes a T: its last arguments are a handle and an error.
template <typename T, typename Function, typename... Arguments>
Result<T> make(Function *function, Arguments... arguments) {
    typename T::Raw *made = nullptr;
    chaku_error *error = nullptr;
    const chaku_code code = function(arguments..., &made, &error);
    if (code != CHAKU_OK) return error_of(code, error);
    return T(made);
}

} // namespace internal

// ---- Options --------------------------------------------------------------------------------------------------------

/// What an option may be set to: a bool, an integer, a number or a text, which is only borrowed.
class Value {
  public:
    template <typename T>
    Value(const T &value) noexcept : value_(convert(value)) {}

  private:
    friend class Options;
    using Any = std::variant<bool, std::int64_t, double, std::string_view>;

    template <typename T>
    static Any convert(const T &value) noexcept {
        if constexpr (std::is_same_v<T, bool>) {
            return value;
        } else if constexpr (std::is_unsigned_v<T>) { // what is too large for int64_t stays too large for any option
            return value > static_cast<std::uint64_t>(INT64_MAX) ? INT64_MAX : static_cast<std::int64_t>(value);
        } else if constexpr (std::is_integral_v<T>) {
            return static_cast<std::int64_t>(value);
        } else if constexpr (std::is_floating_point_v<T>) {
            return static_cast<double>(value);
        } else {
            return std::string_view(value);
        }
    }

    Any value_;
};

/// A key and its value, as in {CHAKU_OPT_MAX_TOKENS, 100}.
struct Option {
    const char *key;
    Value value;
};

/// Values by key, in the way of a builder:
///
///     chaku::Options options{{CHAKU_OPT_MAX_TOKENS, 100}, {CHAKU_OPT_STOP, "\n\n"}};
///     options.set(CHAKU_OPT_TEMPERATURE, 0.2).add(CHAKU_OPT_STOP, "###");
///
/// A setter that fails changes nothing. The first error is kept, and whatever the options are given to fails with it.
class Options : public internal::Handle<chaku_options, chaku_options_free> {
  public:
    using Handle::Handle;
    /// No key is set. It has a handle from the first one on.
    Options() noexcept = default;
    /// A list key may occur several times; with an empty text it is a list without elements.
    Options(std::initializer_list<Option> values) {
        for (const Option &option : values) {
            const auto *text = std::get_if<std::string_view>(&option.value.value_);
            const bool appends = text && !text->empty() && chaku_option_kind(option.key) == CHAKU_OPTION_KIND_STR_LIST;
            if (appends) add(option.key, *text);
            else set(option.key, option.value);
        }
    }

    Options &set(const char *key, const Value &value) {
        return std::visit([&](auto any) -> Options & { return put(key, any); }, value.value_);
    }
    /// Appends to a list key.
    Options &add(const char *key, std::string_view element) {
        return apply(chaku_options_add_str, key, element.data(), internal::size(element));
    }
    Options &unset(const char *key) { return apply(chaku_options_unset, key); }
    bool is_set(const char *key) const noexcept { return chaku_options_is_set(get(), key) != 0; }
    /// Whether a value lay outside a soft range and was taken as the nearest one inside.
    bool is_clamped(const char *key) const noexcept { return chaku_options_is_clamped(get(), key) != 0; }

    /// The first error of a setter; none (Code::ok) when all is well.
    const Error &error() const noexcept { return error_; }
    /// Gives that error and forgets it.
    Error take_error() { return std::exchange(error_, Error()); }

  private:
    Options &put(const char *key, bool value) { return apply(chaku_options_set_bool, key, std::int32_t{value}); }
    Options &put(const char *key, std::int64_t value) { return apply(chaku_options_set_i64, key, value); }
    Options &put(const char *key, double value) { return apply(chaku_options_set_f64, key, value); }
    Options &put(const char *key, std::string_view value) {
        return apply(chaku_options_set_str, key, value.data(), internal::size(value));
    }

    template <typename Function, typename... Arguments>
    Options &apply(Function *setter, const char *key, Arguments... value) {
        Error error = make_handle();
        if (!error) error = internal::call(setter, get(), key, value...).error();
        if (!error_) error_ = error;
        return *this;
    }

    Error make_handle() {
        if (*this) return {};
        if (const auto abi = check_abi(); !abi) return abi.error();
        auto made = internal::make<Options>(chaku_options_new);
        Handle::operator=(std::move(*made));
        return made.error();
    }

    Error error_;
};

namespace internal {

/// Calls a function that makes a T of options, which come after these arguments.
template <typename T, typename Function, typename... Arguments>
Result<T> make_with(const Options &options, Function *function, Arguments... arguments) {
    if (const auto abi = check_abi(); !abi) return abi.error();
    if (options.error()) return options.error();
    return make<T>(function, arguments..., options.get());
}

} // namespace internal

/// A row of the option table.
struct OptionInfo {
    std::string_view key;
    OptionKind kind;
    std::string_view scope, unit, doc;
    std::optional<std::string_view> default_value, min, max, choices;
    /// A value outside the range is clamped, not refused.
    bool soft;
    /// What llama.app calls it: flags and environment variables.
    std::vector<std::string_view> aliases;
};

namespace internal {

inline std::vector<std::string_view> option_aliases(const char *key) {
    std::vector<std::string_view> all;
    while (const char *alias = chaku_option_alias(key, static_cast<std::int64_t>(all.size()))) all.push_back(alias);
    return all;
}

} // namespace internal

inline std::vector<OptionInfo> option_table() {
    std::vector<OptionInfo> all;
    for (std::int64_t i = 0; i < chaku_option_count(); i++) {
        const char *key = chaku_option_key(i);
        all.push_back({internal::text(key), static_cast<OptionKind>(chaku_option_kind(key)),
                       internal::text(chaku_option_scope(key)), internal::text(chaku_option_unit(key)),
                       internal::text(chaku_option_doc(key)), internal::optional_text(chaku_option_default(key)),
                       internal::optional_text(chaku_option_min(key)), internal::optional_text(chaku_option_max(key)),
                       internal::optional_text(chaku_option_choices(key)), chaku_option_is_soft(key) != 0,
                       internal::option_aliases(key)});
    }
    return all;
}

/// The key of the option that a name stands for, one of llama.app's for instance; nothing for an unknown one.
inline std::optional<std::string_view> find_option(const char *name) {
    return internal::optional_text(chaku_option_find(name));
}

/// What the table says about a key; nothing for an unknown one.
inline std::optional<OptionInfo> option_info(std::string_view key) {
    for (const OptionInfo &row : option_table()) {
        if (row.key == key) return row;
    }
    return std::nullopt;
}

// ---- Buffer ---------------------------------------------------------------------------------------------------------

/// Bytes that chaku made, for instance a saved session. They never change.
class Buffer : public internal::Handle<chaku_buffer, chaku_buffer_free> {
  public:
    using Handle::Handle;

    /// What it holds, as long as it is there; NUL-terminated as well. Empty for an empty one.
    std::string_view view() const noexcept {
        std::int64_t length = 0;
        const char *data = chaku_buffer_data(get(), &length);
        return {data, static_cast<std::size_t>(length)};
    }
    const char *data() const noexcept { return view().data(); }
    std::size_t size() const noexcept { return view().size(); }
};

/// A call of a tool by the model, as long as the callable runs that it is passed to. The arguments are JSON.
struct ToolCall {
    std::string_view id, name, arguments;
};

namespace internal {

/// Calls a function that makes a buffer of text, and copies it.
template <typename Function, typename... Arguments>
Result<std::string> make_text(Function *function, Arguments... arguments) {
    auto buffer = make<Buffer>(function, arguments...);
    if (!buffer) return buffer.error();
    return std::string(buffer->view());
}

} // namespace internal

// ---- Event ----------------------------------------------------------------------------------------------------------

/// Of a final event: how many tokens.
struct Usage {
    std::int64_t prompt_tokens, cached_tokens, completion_tokens, context_used;
};

/// Of a final event: milliseconds.
struct Timings {
    double queue_ms, prepare_ms, prefill_ms, decode_ms, total_ms;
};

/// A token that could have been chosen: natural logarithm of its probability, and its bytes, none for a control token.
struct TopLogprob {
    Token token;
    double logprob;
    std::string_view bytes;
};

/// One event of a request. It holds on its own, and never changes.
/// Logits of the whole vocabulary, which somebody else owns.
struct Logits {
    const float *values;
    std::size_t count;

    const float *begin() const noexcept { return values; }
    const float *end() const noexcept { return values + count; }
    std::size_t size() const noexcept { return count; }
    float operator[](std::size_t token) const noexcept { return values[token]; }
};

class Event : public internal::Handle<chaku_event, chaku_event_free> {
  public:
    using Handle::Handle;

    EventKind kind() const noexcept { return static_cast<EventKind>(chaku_event_kind(get())); }
    bool is_final() const noexcept { return kind() == EventKind::final; }

    /// The answer's text: whole characters, NUL-terminated. Empty for any other event, also of a kind to come.
    std::string_view text() const noexcept { return text_of(EventKind::text); }
    /// What the model thinks before it answers. Empty for any other event.
    std::string_view reasoning() const noexcept { return text_of(EventKind::reasoning); }
    /// The text of a prompt's token. Empty for any other event.
    std::string_view prompt() const noexcept { return text_of(EventKind::prompt); }
    /// The logits of a request that stands still, which hold as long as the event. Empty for any other event.
    Logits logits() const noexcept {
        std::int64_t count = 0;
        const float *values = chaku_event_logits(get(), &count);
        return {values, static_cast<std::size_t>(count)};
    }
    /// Tokens before the one that these logits are for; -1 = other events.
    std::int64_t position() const noexcept { return chaku_event_position(get()); }
    /// A piece of a call's arguments: all pieces of one call together are JSON. Empty for any other event.
    std::string_view arguments() const noexcept { return text_of(EventKind::tool_call_arguments); }
    /// Which call of the answer it is about, from 0 on; -1 = none.
    std::int32_t tool_call_index() const noexcept { return chaku_event_tool_call_index(get()); }
    /// What the result of a call that begins has to name it by.
    std::string_view tool_call_id() const noexcept { return internal::text(chaku_event_tool_call_id(get())); }
    /// The tool of a call that begins.
    std::string_view tool_call_name() const noexcept { return internal::text(chaku_event_tool_call_name(get())); }
    /// The bytes of the answer's text as the model made them, perhaps a part of a character.
    std::string_view bytes() const noexcept {
        std::int64_t length = 0;
        const std::uint8_t *bytes = kind() == EventKind::text ? chaku_event_bytes(get(), &length) : nullptr;
        return {reinterpret_cast<const char *>(bytes), static_cast<std::size_t>(length)};
    }
    std::optional<Token> token() const noexcept { return internal::optional_token(chaku_event_token(get())); }
    /// Whether the text has a character that never became whole, shown as U+FFFD.
    bool replaced() const noexcept { return chaku_event_replaced(get()) != 0; }
    /// Natural logarithm of the probability of the text's or the prompt's token, if the request asked for it.
    std::optional<double> logprob() const noexcept {
        const double logprob = chaku_event_logprob(get());
        return logprob <= 0 ? std::optional<double>(logprob) : std::nullopt;
    }
    /// The likeliest tokens in its place, the likeliest first. Their bytes hold as long as the event.
    std::vector<TopLogprob> top_logprobs() const {
        std::vector<TopLogprob> all;
        for (std::int64_t i = 0; i < chaku_event_top_logprob_count(get()); i++) {
            std::int64_t length = 0;
            const std::uint8_t *bytes = chaku_event_top_logprob_bytes(get(), i, &length);
            all.push_back({chaku_event_top_logprob_token(get(), i), chaku_event_top_logprob(get(), i),
                           {reinterpret_cast<const char *>(bytes), static_cast<std::size_t>(length)}});
        }
        return all;
    }
    /// From 0 to 1; -1 = not known.
    double progress() const noexcept { return chaku_event_progress(get()); }
    /// What the progress is of, and how much is done of how much: tokens, bytes, thousandths of a load. 0 = not known.
    Phase phase() const noexcept { return static_cast<Phase>(chaku_event_phase(get())); }
    std::int64_t progress_done() const noexcept { return chaku_event_progress_done(get()); }
    std::int64_t progress_total() const noexcept { return chaku_event_progress_total(get()); }

    FinishReason finish_reason() const noexcept {
        return static_cast<FinishReason>(chaku_event_finish_reason(get()));
    }
    /// How the request ended; Code::ok for an event that is not the final one.
    Code code() const noexcept { return static_cast<Code>(chaku_event_code(get())); }
    /// The same with all there is to say.
    Error error() const {
        chaku_error *error = nullptr;
        const chaku_code code = chaku_event_error(get(), &error);
        return internal::error_of(code, error);
    }
    Usage usage() const noexcept {
        return {chaku_event_prompt_tokens(get()), chaku_event_cached_tokens(get()),
                chaku_event_completion_tokens(get()), chaku_event_context_used(get())};
    }
    Timings timings() const noexcept {
        return {chaku_event_queue_ms(get()), chaku_event_prepare_ms(get()), chaku_event_prefill_ms(get()),
                chaku_event_decode_ms(get()), chaku_event_total_ms(get())};
    }

    /// One more handle: the way to keep an event that a callback only borrowed.
    Result<Event> retain() const { return internal::make<Event>(chaku_event_retain, get()); }

  private:
    std::string_view text_of(EventKind wanted) const noexcept {
        std::int64_t length = 0;
        const char *text = kind() == wanted ? chaku_event_text(get(), &length) : nullptr;
        return {text, static_cast<std::size_t>(length)};
    }
};

// ---- Callables, and how C calls them --------------------------------------------------------------------------------

namespace internal {

/// Calls a callable and tells C whether to go on.
template <typename F, typename... Arguments>
std::int32_t invoke(F &callable, Arguments &&...arguments) {
    using Returned = std::decay_t<std::invoke_result_t<F &, Arguments...>>;
    static_assert(std::is_void_v<Returned> || std::is_same_v<Returned, Flow>,
                  "a callback returns nothing or a chaku::Flow");
    if constexpr (std::is_void_v<Returned>) {
        callable(std::forward<Arguments>(arguments)...);
        return static_cast<std::int32_t>(Flow::go_on);
    } else {
        return static_cast<std::int32_t>(callable(std::forward<Arguments>(arguments)...));
    }
}

/// The same where nobody could catch what it throws: that means to stop.
template <typename F, typename... Arguments>
std::int32_t invoke_or_stop(F &callable, Arguments &&...arguments) noexcept {
#if CHAKU_EXCEPTIONS
    try {
        return invoke(callable, std::forward<Arguments>(arguments)...);
    } catch (...) {
        return static_cast<std::int32_t>(Flow::stop);
    }
#else
    return invoke(callable, std::forward<Arguments>(arguments)...);
#endif
}

/// An event that is C's to free.
struct BorrowedEvent {
    Event event;
    explicit BorrowedEvent(const chaku_event *borrowed) noexcept : event(const_cast<chaku_event *>(borrowed)) {}
    BorrowedEvent(const BorrowedEvent &) = delete;
    BorrowedEvent &operator=(const BorrowedEvent &) = delete;
    ~BorrowedEvent() { event.release(); }
};

/// A callable on the heap, which is C's until C destroys it.
template <typename F>
struct Owned {
    static std::int32_t on_event(const chaku_event *event, void *callable) noexcept {
        const BorrowedEvent borrowed(event);
        return invoke_or_stop(*static_cast<F *>(callable), borrowed.event);
    }
    static std::int32_t on_ready(void *callable) noexcept { return invoke_or_stop(*static_cast<F *>(callable)); }
    static std::int32_t on_line(std::int32_t level, const char *target, const char *message, std::int64_t length,
                                void *callable) noexcept {
        return invoke_or_stop(*static_cast<F *>(callable), static_cast<LogLevel>(level), std::string_view(target),
                              std::string_view(message, static_cast<std::size_t>(length)));
    }
    static void destroy(void *callable) noexcept { delete static_cast<F *>(callable); }
};

/// A callable of the caller of Request::run, whose thread it runs on.
template <typename F>
struct Borrowed {
    F &callable;
#if CHAKU_EXCEPTIONS
    std::exception_ptr thrown = nullptr;
#endif

    static std::int32_t on_event(const chaku_event *event, void *self) noexcept {
        return static_cast<Borrowed *>(self)->call(event);
    }

    std::int32_t call(const chaku_event *event) noexcept {
        const BorrowedEvent borrowed(event);
#if CHAKU_EXCEPTIONS
        if (thrown) return static_cast<std::int32_t>(Flow::stop);
        try {
            return invoke(callable, borrowed.event);
        } catch (...) {
            thrown = std::current_exception();
            return static_cast<std::int32_t>(Flow::stop);
        }
#else
        return invoke(callable, borrowed.event);
#endif
    }
};

/// The callables of the caller of Session::run_tools, whose thread they run on.
template <typename Tool, typename Look>
struct ToolLoop {
    Tool &tool;
    Borrowed<Look> look;
    Error error = {};

    static std::int32_t on_event(const chaku_event *event, void *self) noexcept {
        return static_cast<ToolLoop *>(self)->look.call(event);
    }
    static std::int32_t on_tool(const char *id, const char *name, const char *arguments, std::int64_t arguments_len,
                                chaku_buffer **out_result, void *self) noexcept {
        const ToolCall call{id, name, {arguments, static_cast<std::size_t>(arguments_len)}};
        return static_cast<ToolLoop *>(self)->answer(call, out_result);
    }

    std::int32_t answer(const ToolCall &call, chaku_buffer **out_result) noexcept {
#if CHAKU_EXCEPTIONS
        try {
            return give(run(call), out_result);
        } catch (...) {
            look.thrown = std::current_exception();
            return static_cast<std::int32_t>(Flow::stop);
        }
#else
        return give(run(call), out_result);
#endif
    }

    std::string run(const ToolCall &call) {
#if CHAKU_EXCEPTIONS
        try {
            return std::string(tool(call));
        } catch (const std::exception &exception) { // the model may do better when it hears of it
            return exception.what();
        }
#else
        return std::string(tool(call));
#endif
    }

    std::int32_t give(const std::string &text, chaku_buffer **out_result) {
        chaku_error *why = nullptr;
        const chaku_code code = chaku_buffer_new(text.data(), internal::size(text), out_result, &why);
        error = error_of(code, why);
        return static_cast<std::int32_t>(error ? Flow::stop : Flow::go_on);
    }
};

template <typename F>
struct MayBeEmpty : std::is_pointer<F> {};
template <typename Signature>
struct MayBeEmpty<std::function<Signature>> : std::true_type {};

/// For an empty std::function C gets NULL, and deals with it.
template <typename F>
bool is_empty(const F &callable) noexcept {
    if constexpr (MayBeEmpty<F>::value) {
        return callable == nullptr;
    } else {
        static_cast<void>(callable);
        return false;
    }
}

} // namespace internal

// ---- Request --------------------------------------------------------------------------------------------------------

class Events;
class Model;

/// A piece of work that takes time. Freeing it cancels it.
class Request : public internal::Handle<chaku_request, chaku_request_free> {
  public:
    using Handle::Handle;

    /// The next event. An empty one without an error: nothing came in time.
    Result<Event> next(std::chrono::milliseconds timeout = forever) {
        return internal::make<Event>(chaku_request_next, get(), internal::milliseconds(timeout));
    }

    /// All events, to be read with a range-for.
    Events events() &;
    Events events() && = delete; // it would read from a request that is gone

    /// Waits for the end: success, or the error of it.
    Result<void> run() { return internal::call(chaku_request_run, get(), nullptr, nullptr); }
    /// Passes every event, as a const Event &, to a callable on this thread. What that throws cancels the request, and
    /// comes out of here when it has ended.
    template <typename F>
    Result<void> run(F &&on_event) {
        using Callable = internal::Borrowed<std::remove_reference_t<F>>;
        Callable callable{on_event};
        const chaku_event_callback function = internal::is_empty(on_event) ? nullptr : Callable::on_event;
        Result<void> end = internal::call(chaku_request_run, get(), function, &callable);
#if CHAKU_EXCEPTIONS
        if (callable.thrown) std::rethrow_exception(callable.thrown);
#endif
        return end;
    }

    /// Passes every event, as a const Event &, to a callable on a thread of chaku, one call at a time.
    template <typename F>
    Result<void> on_event(F &&on_event) {
        using Callable = internal::Owned<std::decay_t<F>>;
        auto owned = std::make_unique<std::decay_t<F>>(std::forward<F>(on_event));
        const chaku_event_callback function = internal::is_empty(*owned) ? nullptr : Callable::on_event;
        return internal::call(chaku_request_on_event, get(), function, owned.release(), Callable::destroy);
    }
    /// Calls a callable, without arguments, whenever events begin to wait; then read with next(0ms) until it is empty.
    template <typename F>
    Result<void> on_ready(F &&on_ready) {
        using Callable = internal::Owned<std::decay_t<F>>;
        auto owned = std::make_unique<std::decay_t<F>>(std::forward<F>(on_ready));
        const chaku_ready_callback function = internal::is_empty(*owned) ? nullptr : Callable::on_ready;
        return internal::call(chaku_request_on_ready, get(), function, owned.release(), Callable::destroy);
    }

    void cancel() noexcept { chaku_request_cancel(get()); }
    /// Lets a request go on that stands still after a logits event: the next token is chosen from the event's logits ...
    Result<void> resume() { return internal::call(chaku_request_resume, get(), nullptr, std::int64_t{0}); }
    /// ... or from these, one for each token of the vocabulary, minus infinity for one that must not come.
    Result<void> resume(const std::vector<float> &logits) {
        static const float none = 0;
        return internal::call(chaku_request_resume, get(), logits.empty() ? &none : logits.data(),
                              static_cast<std::int64_t>(logits.size()));
    }
    /// Whether nothing more will come but what waits to be read; so it is for an empty one.
    bool is_finished() const noexcept { return chaku_request_is_finished(get()) != 0; }
    /// How many waiting requests go before this one; nothing for one that does not wait.
    std::optional<std::int64_t> queue_position() const noexcept {
        const std::int64_t position = chaku_request_queue_position(get());
        return position >= 0 ? std::optional<std::int64_t>(position) : std::nullopt;
    }
    /// When it got how far, as JSON: see chaku_request_timeline.
    Result<std::string> timeline() const { return internal::make_text(chaku_request_timeline, get()); }
    /// The files that a request of Model::download has found or brought, the one to load first.
    Result<std::vector<std::string>> paths() const {
        std::vector<std::string> paths;
        const std::int64_t count = chaku_request_path_count(get());
        // Asked for the first one, a request without any says why.
        for (std::int64_t index = 0; index < (count > 0 ? count : 1); index++) {
            Result<std::string> path = internal::make_text(chaku_request_path, get(), index);
            if (!path) return path.error();
            paths.push_back(*std::move(path));
        }
        return paths;
    }
    /// What a request of Model::load_async has loaded.
    Result<Model> model() const;
    /// What a request of Session::save has saved to memory.
    Result<Buffer> buffer() const { return internal::make<Buffer>(chaku_request_buffer, get()); }
    Result<void> close(std::chrono::milliseconds timeout = forever) {
        return internal::call(chaku_request_close, get(), internal::milliseconds(timeout));
    }
};

/// The events of a request, to be read once:
///
///     auto events = request.events();
///     for (chaku::Event &event : events) std::cout << event.text();
///     if (auto end = events.status(); !end) std::cerr << end.error().to_string() << '\n';
///
/// The loop ends after the final event, or when nothing can be read, for instance because another reader has it all.
class Events {
  public:
    class Iterator;
    struct End {};

    explicit Events(Request &request) noexcept : request_(&request) {}
    /// Waits for an event. A second loop goes on after the event where the first was left.
    Iterator begin();
    End end() const noexcept { return {}; }
    /// After the loop: what Request::run would have returned.
    Result<void> status() const { return error_; }

  private:
    void advance() {
        if (last_) {
            over_ = true;
            return;
        }
        Result<Event> next = request_->next();
        event_ = std::move(*next);
        over_ = !event_;
        last_ = over_ || event_.is_final();
        if (last_) error_ = over_ ? next.error() : event_.error();
    }

    Request *request_;
    Event event_;
    Error error_;
    bool last_ = false; // event_ is the last one
    bool over_ = false; // there is no event_
};

class Events::Iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Event;
    using difference_type = std::ptrdiff_t;
    using pointer = Event *;
    using reference = Event &;

    explicit Iterator(Events &events) noexcept : events_(&events) {}
    /// The event; it may be moved out, to be kept.
    Event &operator*() const noexcept { return events_->event_; }
    Event *operator->() const noexcept { return &events_->event_; }
    Iterator &operator++() {
        events_->advance();
        return *this;
    }
    void operator++(int) { events_->advance(); }
    bool operator==(End) const noexcept { return events_->over_; }
    bool operator!=(End) const noexcept { return !events_->over_; }

  private:
    Events *events_;
};

inline Events::Iterator Events::begin() {
    advance();
    return Iterator(*this);
}

inline Events Request::events() & { return Events(*this); }

// ---- Runtime --------------------------------------------------------------------------------------------------------

namespace internal {

template <typename F>
Result<void> set_log(chaku_runtime *runtime, LogLevel level, F &&sink) {
    using Callable = Owned<std::decay_t<F>>;
    auto owned = std::make_unique<std::decay_t<F>>(std::forward<F>(sink));
    const chaku_log_callback function = is_empty(*owned) ? nullptr : Callable::on_line;
    return call(chaku_runtime_set_log, runtime, static_cast<std::int32_t>(level), function, owned.release(),
                Callable::destroy);
}

inline Result<void> clear_log(chaku_runtime *runtime) {
    return call(chaku_runtime_set_log, runtime, CHAKU_LOG_ERROR, nullptr, nullptr, nullptr);
}

inline Result<std::string> plan(chaku_runtime *runtime, const std::string &path, const Options &options) {
    auto buffer = make_with<Buffer>(options, chaku_runtime_plan, runtime, path.c_str());
    if (!buffer) return buffer.error();
    return std::string(buffer->view());
}

} // namespace internal

/// The owner of models, of their limits and of the log. Most programs need none: there is a default one.
class Runtime : public internal::Handle<chaku_runtime, chaku_runtime_free> {
  public:
    using Handle::Handle;

    static Result<Runtime> make(const Options &options = {}) {
        return internal::make_with<Runtime>(options, chaku_runtime_new);
    }

    /// Sends the log of models loaded from now on to a callable: sink(LogLevel level, std::string_view target,
    /// std::string_view message). It is called from any thread, from several at once, and must call nothing of chaku.
    template <typename F>
    Result<void> set_log(LogLevel level, F &&sink) {
        chaku_runtime *runtime = get();
        return runtime ? internal::set_log(runtime, level, std::forward<F>(sink)) : empty();
    }
    /// No log of models loaded from now on.
    Result<void> clear_log() {
        chaku_runtime *runtime = get();
        return runtime ? internal::clear_log(runtime) : empty();
    }

    /// The numbers of all its models together, as JSON: see chaku_model_metrics.
    Result<std::string> metrics() const {
        chaku_runtime *runtime = get();
        return runtime ? internal::make_text(chaku_runtime_metrics, runtime) : empty();
    }
    /// What a model would take, without loading it, as JSON: see chaku_runtime_plan.
    Result<std::string> plan(const std::string &path, const Options &options = {}) const {
        chaku_runtime *runtime = get();
        return runtime ? internal::plan(runtime, path, options) : empty();
    }

    /// The error of calls with an empty one, whose NULL would stand for the default runtime in C.
    static Error empty() noexcept {
        return {Code::invalid_argument, "null_pointer", "the runtime was moved from or freed"};
    }
};

/// Runtime::set_log for the default runtime.
template <typename F>
Result<void> set_log(LogLevel level, F &&sink) {
    return internal::set_log(nullptr, level, std::forward<F>(sink));
}
inline Result<void> clear_log() { return internal::clear_log(nullptr); }
/// Runtime::metrics of the default runtime.
inline Result<std::string> metrics() { return internal::make_text(chaku_runtime_metrics, nullptr); }
/// Runtime::plan for the default runtime.
inline Result<std::string> plan(const std::string &path, const Options &options = {}) {
    return internal::plan(nullptr, path, options);
}

// ---- Model ----------------------------------------------------------------------------------------------------------

class Session;

/// A message of a conversation, for Model::chat: `role` is "system", "user" or "assistant".
struct Message {
    std::string_view role, content;
};

namespace internal {

inline void append_json(std::string &json, std::string_view text) {
    json += '"';
    for (const char c : text) {
        if (const auto byte = static_cast<unsigned char>(c); byte < 0x20) {
            constexpr char digits[] = "0123456789abcdef";
            json.append("\\u00").append({digits[byte >> 4], digits[byte & 15]});
            continue;
        }
        if (c == '"' || c == '\\') json += '\\';
        json += c;
    }
    json += '"';
}

} // namespace internal

/// A loaded model: weights, tokenizer and chat template. Its sessions keep it alive.
class Model : public internal::Handle<chaku_model, chaku_model_free> {
  public:
    using Handle::Handle;

    /// Loads a GGUF file and waits for it. The path is UTF-8, on every system.
    static Result<Model> load(const std::string &path, const Options &options = {}) {
        return internal::make_with<Model>(options, chaku_model_load, nullptr, path.c_str());
    }
    static Result<Model> load(const Runtime &runtime, const std::string &path, const Options &options = {}) {
        chaku_runtime *owner = runtime.get();
        if (!owner) return Runtime::empty();
        return internal::make_with<Model>(options, chaku_model_load, owner, path.c_str());
    }
    /// Returns at once: the request shows progress, can be cancelled, and then Request::model gives the model.
    static Result<Request> load_async(const std::string &path, const Options &options = {}) {
        return internal::make_with<Request>(options, chaku_model_load_async, nullptr, path.c_str());
    }
    static Result<Request> load_async(const Runtime &runtime, const std::string &path, const Options &options = {}) {
        chaku_runtime *owner = runtime.get();
        if (!owner) return Runtime::empty();
        return internal::make_with<Request>(options, chaku_model_load_async, owner, path.c_str());
    }

    /// Downloads a model of the hub ("hf:user/repo:tag"), or what is missing of it in the cache; Request::paths gives its files.
    static Result<Request> download(const std::string &spec, const Options &options = {}) {
        return internal::make_with<Request>(options, chaku_model_download, nullptr, spec.c_str());
    }
    static Result<Request> download(const Runtime &runtime, const std::string &spec, const Options &options = {}) {
        chaku_runtime *owner = runtime.get();
        if (!owner) return Runtime::empty();
        return internal::make_with<Request>(options, chaku_model_download, owner, spec.c_str());
    }

    /// One more handle to the same model.
    Result<Model> retain() const { return internal::make<Model>(chaku_model_retain, get()); }
    Result<void> close(std::chrono::milliseconds timeout = forever) {
        return internal::call(chaku_model_close, get(), internal::milliseconds(timeout));
    }

    /// Answers the last of these messages, without a session: nothing of it is kept, but what was computed may be found
    /// again by whoever begins in the same way.
    Result<Request> chat(const std::vector<Message> &messages, const Options &options = {}) const {
        std::string json = "[";
        for (const Message &message : messages) {
            json += json.size() > 1 ? ",{\"role\":" : "{\"role\":";
            internal::append_json(json, message.role);
            json += ",\"content\":";
            internal::append_json(json, message.content);
            json += '}';
        }
        return chat_json(json += ']', options);
    }
    /// The same with the messages as JSON: see chaku_model_chat.
    Result<Request> chat_json(std::string_view messages, const Options &options = {}) const {
        return internal::make_with<Request>(options, chaku_model_chat, get(), messages.data(),
                                            internal::size(messages));
    }

    /// A session as Session::save wrote it to a file.
    Result<Session> restore(const std::string &path, const Options &options = {}) const;
    /// The same from memory, for instance from Buffer::view.
    Result<Session> restore_buffer(std::string_view bytes, const Options &options = {}) const;

    /// Its numbers at this moment, as JSON: see chaku_model_metrics.
    Result<std::string> metrics() const { return internal::make_text(chaku_model_metrics, get()); }

    std::int64_t context_size() const noexcept { return chaku_model_context_size(get()); }
    std::int64_t training_context() const noexcept { return chaku_model_training_context(get()); }
    std::int64_t vocab_size() const noexcept { return chaku_model_vocab_size(get()); }
    std::int64_t size_bytes() const noexcept { return chaku_model_size_bytes(get()); }
    std::int64_t parameter_count() const noexcept { return chaku_model_parameter_count(get()); }
    std::string_view description() const noexcept { return internal::text(chaku_model_description(get())); }
    std::optional<std::string_view> chat_template() const noexcept {
        return internal::optional_text(chaku_model_chat_template(get()));
    }

    /// The value of the metadata entry with this key.
    std::optional<std::string_view> metadata(const char *key) const noexcept {
        return internal::optional_text(chaku_model_metadata(get(), key));
    }
    std::int64_t metadata_count() const noexcept { return chaku_model_metadata_count(get()); }
    /// By position from 0; nothing past the last entry.
    std::optional<std::string_view> metadata_key(std::int64_t index) const noexcept {
        return internal::optional_text(chaku_model_metadata_key(get(), index));
    }
    std::optional<std::string_view> metadata_value(std::int64_t index) const noexcept {
        return internal::optional_text(chaku_model_metadata_value(get(), index));
    }

    /// `add_special` puts the tokens around the text that the model wants, such as BOS. `parse_special` reads names of
    /// control tokens in it as these tokens: never with text from strangers.
    Result<std::vector<Token>> tokenize(std::string_view text, bool add_special = false,
                                        bool parse_special = false) const {
        auto count = count_tokens(text, add_special, parse_special);
        if (!count) return count.error();
        std::vector<Token> tokens(static_cast<std::size_t>(*count));
        const auto done = internal::call(chaku_model_tokenize, get(), text.data(), internal::size(text), add_special,
                                         parse_special, tokens.data(), *count, &*count);
        if (!done) return done.error();
        return tokens;
    }
    Result<std::int64_t> count_tokens(std::string_view text, bool add_special = false,
                                      bool parse_special = false) const {
        std::int64_t count = 0;
        const auto done = internal::call(chaku_model_tokenize, get(), text.data(), internal::size(text), add_special,
                                         parse_special, nullptr, 0, &count);
        if (!done) return done.error();
        return count;
    }
    /// The bytes the tokens stand for, which may begin or end inside a character. `special` writes control tokens by
    /// name.
    Result<std::string> detokenize(const std::vector<Token> &tokens, bool special = false) const {
        const auto count = static_cast<std::int64_t>(tokens.size());
        std::int64_t length = 0;
        auto done = internal::call(chaku_model_detokenize, get(), tokens.data(), count, special, nullptr, 0, &length);
        if (!done) return done.error();
        std::string text(static_cast<std::size_t>(length), '\0'); // and room for the NUL, which every string has
        done = internal::call(chaku_model_detokenize, get(), tokens.data(), count, special, text.data(), length + 1,
                              &length);
        if (!done) return done.error();
        return text;
    }

    std::optional<Token> token_bos() const noexcept { return internal::optional_token(chaku_model_token_bos(get())); }
    std::optional<Token> token_eos() const noexcept { return internal::optional_token(chaku_model_token_eos(get())); }
    std::optional<Token> token_eot() const noexcept { return internal::optional_token(chaku_model_token_eot(get())); }
    std::optional<Token> token_pad() const noexcept { return internal::optional_token(chaku_model_token_pad(get())); }
    bool token_is_end(Token token) const noexcept { return chaku_model_token_is_end(get(), token) != 0; }
};

inline Result<Model> Request::model() const { return internal::make<Model>(chaku_request_model, get()); }

// ---- Session --------------------------------------------------------------------------------------------------------

/// A conversation, or a raw text that grows. It runs one request at a time.
class Session : public internal::Handle<chaku_session, chaku_session_free> {
  public:
    using Handle::Handle;

    static Result<Session> make(const Model &model, const Options &options = {}) {
        return internal::make_with<Session>(options, chaku_session_new, model.get());
    }

    /// Says something to the model as the user, and starts its answer.
    Result<Request> chat(std::string_view text, const Options &options = {}) {
        return internal::make_with<Request>(options, chaku_session_chat, get(), text.data(), internal::size(text));
    }
    /// Says several things at once, such as the results of tools, given as JSON: see chaku_session_chat_messages.
    Result<Request> chat_json(std::string_view messages, const Options &options = {}) {
        return internal::make_with<Request>(options, chaku_session_chat_messages, get(), messages.data(),
                                            internal::size(messages));
    }
    /// Chats, calls `tool` with each ToolCall of the answer, tells the model what it returned, a text, and so on until an
    /// answer has no call; with at most so many answers. `look` is shown every const Event & and may return a Flow. All of
    /// it happens on this thread: see chaku_session_run_tools. A std::exception of `tool` is told to the model; what else it
    /// throws, and what `look` throws, ends the loop and comes out of here.
    template <typename Tool, typename Look, typename = std::enable_if_t<std::is_invocable_v<Look &, const Event &>>>
    Result<void> run_tools(std::string_view text, Tool &&tool, Look &&look, const Options &options = {},
                           std::int64_t max_rounds = 8) {
        return run_loop(chaku_session_run_tools, text, tool, look, options, max_rounds);
    }
    template <typename Tool>
    Result<void> run_tools(std::string_view text, Tool &&tool, const Options &options = {}, std::int64_t max_rounds = 8) {
        return run_tools(text, tool, [](const Event &) {}, options, max_rounds);
    }
    /// The same with several messages to begin with, as JSON.
    template <typename Tool, typename Look, typename = std::enable_if_t<std::is_invocable_v<Look &, const Event &>>>
    Result<void> run_tools_json(std::string_view messages, Tool &&tool, Look &&look, const Options &options = {},
                                std::int64_t max_rounds = 8) {
        return run_loop(chaku_session_run_tools_messages, messages, tool, look, options, max_rounds);
    }
    template <typename Tool>
    Result<void> run_tools_json(std::string_view messages, Tool &&tool, const Options &options = {},
                                std::int64_t max_rounds = 8) {
        return run_tools_json(messages, tool, [](const Event &) {}, options, max_rounds);
    }
    /// Appends raw text, and starts to generate after it.
    Result<Request> generate(std::string_view text, const Options &options = {}) {
        return internal::make_with<Request>(options, chaku_session_generate, get(), text.data(), internal::size(text));
    }
    /// Computes text without generating. `role` is "user", "assistant", "system" or "tool"; nullptr = raw text.
    Result<Request> ingest(const char *role, std::string_view text, const Options &options = {}) {
        return internal::make_with<Request>(options, chaku_session_ingest, get(), role, text.data(),
                                            internal::size(text));
    }
    /// Goes on where the last answer ended.
    Result<Request> continue_answer(const Options &options = {}) {
        return internal::make_with<Request>(options, chaku_session_continue, get());
    }

    /// A session that goes on from here by itself; what both have in common is computed and kept once. It has the
    /// options of this one, `options` going first.
    Result<Session> fork(const Options &options = {}) const {
        return internal::make_with<Session>(options, chaku_session_fork, get());
    }
    /// Keeps the first `length` messages of the conversation, or tokens of the raw text, and forgets the rest.
    Result<void> rewind(std::int64_t length) { return internal::call(chaku_session_rewind, get(), length); }
    /// Writes the session to a file, from where Model::restore reads it.
    Result<Request> save(const std::string &path, const Options &options = {}) const {
        return internal::make_with<Request>(options, chaku_session_save, get(), path.c_str());
    }
    /// The same to memory: Request::buffer has it, once the request has ended.
    Result<Request> save_to_memory(const Options &options = {}) const {
        return internal::make_with<Request>(options, chaku_session_save, get(), nullptr);
    }

    /// Forgets the conversation, but not the system prompt.
    Result<void> reset() { return internal::call(chaku_session_reset, get()); }
    std::int64_t context_used() const noexcept { return chaku_session_context_used(get()); }
    std::int64_t message_count() const noexcept { return chaku_session_message_count(get()); }
    /// Cancels its request, if one is under way.
    void cancel() noexcept { chaku_session_cancel(get()); }
    Result<void> close(std::chrono::milliseconds timeout = forever) {
        return internal::call(chaku_session_close, get(), internal::milliseconds(timeout));
    }

  private:
    template <typename Function, typename Tool, typename Look>
    Result<void> run_loop(Function *function, std::string_view text, Tool &tool, Look &look, const Options &options,
                          std::int64_t max_rounds) {
        if (const auto abi = check_abi(); !abi) return abi.error();
        if (options.error()) return options.error();
        using Loop = internal::ToolLoop<std::remove_reference_t<Tool>, std::remove_reference_t<Look>>;
        Loop loop{tool, {look}};
        const Result<void> end = internal::call(function, get(), text.data(), internal::size(text), options.get(),
                                                max_rounds, Loop::on_tool, Loop::on_event, static_cast<void *>(&loop));
#if CHAKU_EXCEPTIONS
        if (loop.look.thrown) std::rethrow_exception(loop.look.thrown);
#endif
        if (loop.error) return loop.error;
        return end;
    }
};

inline Result<Session> Model::restore(const std::string &path, const Options &options) const {
    return internal::make_with<Session>(options, chaku_session_restore, get(), path.c_str());
}
inline Result<Session> Model::restore_buffer(std::string_view bytes, const Options &options) const {
    return internal::make_with<Session>(options, chaku_session_restore_buffer, get(), bytes.data(),
                                        internal::size(bytes));
}

} // namespace chaku

#endif // CHAKU_HPP
