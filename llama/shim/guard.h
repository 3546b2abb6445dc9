// One try / catch for every guarded function.
#pragma once

#include "chaku_llama.h"

#include <cstdlib>
#include <cstring>
#include <exception>
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

// Runs `body`, which returns a status. Nothing thrown gets past this.
template <typename Body>
int32_t guard(chaku_llama_text * error, Body && body) noexcept {
    *error = { nullptr, 0 };
    try {
        return std::forward<Body>(body)();
    } catch (const std::exception & e) {
        set_text(error, e.what(), std::strlen(e.what()));
    } catch (...) {
        static const char unknown[] = "an exception of an unknown type";
        set_text(error, unknown, sizeof(unknown) - 1);
    }
    return CHAKU_LLAMA_THREW;
}

} // namespace chaku
