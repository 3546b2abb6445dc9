// Process-wide state of llama.cpp: loggers, abort callback, devices.
#include "guard.h"

#include "ggml-backend.h"
#include "log.h"

namespace {

chaku_llama_log_fn log_fn = nullptr;

void on_log(ggml_log_level level, const char * text, void * user_data) {
    log_fn(level, text, user_data);
}

} // namespace

void chaku_llama_text_free(chaku_llama_text text) {
    std::free(text.data);
}

int32_t chaku_llama_backend_init(chaku_llama_log_fn log, chaku_llama_abort_fn on_abort, chaku_llama_text * error) {
    return chaku::guard(error, [&] {
        log_fn = log;
        llama_log_set(on_log, nullptr);
        // common/ logs through a thread of its own, started by the first message that passes: no message ever passes.
        common_log_set_verbosity_thold(LOG_LEVEL_OUTPUT - 1);
        chaku::catch_asserts(on_abort);
        llama_backend_init();
        return CHAKU_LLAMA_OK;
    });
}

size_t chaku_llama_device_count(void) {
    return ggml_backend_dev_count();
}

int32_t chaku_llama_device_get(size_t index, chaku_llama_device * out, chaku_llama_text * error) {
    return chaku::guard(error, [&] {
        ggml_backend_dev_t device = ggml_backend_dev_get(index);
        size_t free = 0, total = 0;
        ggml_backend_dev_memory(device, &free, &total);
        *out = {
            ggml_backend_dev_name(device),
            ggml_backend_dev_description(device),
            ggml_backend_reg_name(ggml_backend_dev_backend_reg(device)),
            ggml_backend_dev_type(device),
            free,
            total,
        };
        return CHAKU_LLAMA_OK;
    });
}

// Takes the place of __cxa_atexit for llama.cpp's and this library's objects, where the linker is told
// --wrap=__cxa_atexit: static objects are never destroyed. A host may return from main while a model still works, and
// its threads must not find llama.cpp's tables gone; the memory goes with the process.
extern "C" int __wrap___cxa_atexit(void (*)(void *), void *, void *);
extern "C" int __wrap___cxa_atexit(void (*)(void *), void *, void *) {
    return 0;
}
