// What becomes of a failed assert of llama.cpp: an exception, where that is possible.
//
// GGML_ASSERT and GGML_ABORT end in ggml_abort, which calls the callback below and then abort(). An exception thrown in the
// callback passes through the frames of C (they are compiled with unwind tables, which is every platform's default) and C++
// like any other, up to the guard of the call. What llama.cpp does with exceptions of its own, it does with this one: a load
// frees the half-made model.
//
// The second wall, not the first: what an assert checks is checked before the call. What was under way is left half done,
// so the caller must not use it again.
#include "guard.h"

#include "ggml.h"

#if defined(__linux__)
#include <pthread.h>
#include <unistd.h>
#endif

namespace chaku {

namespace {

chaku_llama_abort_fn log_fn = nullptr;

// From "/where/it/was/built/file.cpp:12: words" to "file.cpp:12: words".
std::string without_folder(const char * message) {
    const std::string all = message;
    const size_t slash = all.substr(0, all.find(": ")).find_last_of("/\\");
    return slash == std::string::npos ? all : all.substr(slash + 1);
}

// A compute thread has no guard to throw to. Its fellows and the thread that called decode run the same operation and fail
// the same assert, so that one throws; this one only must not end the process. It waits for ever: see leak in src/context.rs.
void park_compute_thread() {
#if defined(__linux__)
    char name[16] = {};
    if (pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 && std::strcmp(name, COMPUTE_THREAD) == 0) {
        for (;;) {
            pause();
        }
    }
#endif
}

void on_abort(const char * message) {
    const std::string words = without_folder(message);
    log_fn(words.c_str());
    if (guarded::current) {
        fail_assert(words);
    }
    park_compute_thread();
}

} // namespace

thread_local guarded * guarded::current = nullptr;

void fail_assert(const std::string & words) {
    guarded::current->assertion = words;
    throw failed_assert(words);
}

void catch_asserts(chaku_llama_abort_fn log) {
    log_fn = log;
    ggml_set_abort_callback(on_abort);
}

} // namespace chaku
