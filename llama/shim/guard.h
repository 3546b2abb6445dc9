// One try / catch for every guarded function.
#pragma once

#include "chaku_llama.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

namespace chaku {

// Copies `from` into `to`. Out of memory leaves `to` empty: an error without words is better than none.
inline void set_text(chaku_llama_text * to, const char * from, size_t len) noexcept {
    *to = { nullptr, 0 };
    if (char * data = static_cast<char *>(std::malloc(len + 1))) {
        std::memcpy(data, from, len);
        data[len] = '\0';
        *to = { data, len };
    }
}

inline void set_text(chaku_llama_text * to, const std::string & from) noexcept {
    set_text(to, from.data(), from.size());
}

// The name of ggml's compute threads, by which a failed assert tells them from the host's.
constexpr char COMPUTE_THREAD[] = "chaku-compute";

// An assert of llama.cpp that failed. A std::exception, so that llama.cpp cleans up after it where it does after its own.
struct failed_assert : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A guarded call on this thread: where a failed assert may throw. They nest when llama.cpp calls back.
struct guarded {
    static thread_local guarded * current;

    std::string assertion; // the words of the assert that failed, also when llama.cpp caught the exception itself

    guarded() : outer(current) { current = this; }
    ~guarded() { current = outer; }
    guarded(const guarded &) = delete;
    guarded & operator=(const guarded &) = delete;

private:
    guarded * outer;
};

// What a failed assert does in a guarded call.
[[noreturn]] void fail_assert(const std::string & words);

// From now on failed asserts are told to `log`, and throw in guarded calls.
void catch_asserts(chaku_llama_abort_fn log);

// Runs `body`, which returns a status. Nothing thrown gets past this.
template <typename Body>
int32_t guard(chaku_llama_text * error, Body && body) noexcept {
    *error = { nullptr, 0 };
    guarded call;
    int32_t status = CHAKU_LLAMA_THREW;
    try {
        status = std::forward<Body>(body)();
    } catch (const std::exception & e) {
        set_text(error, e.what(), std::strlen(e.what()));
    } catch (...) {
        static const char unknown[] = "an exception of an unknown type";
        set_text(error, unknown, sizeof(unknown) - 1);
    }
    if (!call.assertion.empty()) {
        std::free(error->data);
        set_text(error, call.assertion);
        return CHAKU_LLAMA_ASSERTED;
    }
    return status;
}

} // namespace chaku
