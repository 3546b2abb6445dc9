// Process-wide state of llama.cpp: loggers, abort callback, terminate handler, devices.
#include "guard.h"

#include "ggml-backend.h"
#include "log.h"

#if defined(__linux__) || defined(__APPLE__)
#include <dlfcn.h>
#define CHAKU_LLAMA_HAS_DLADDR 1
#endif
#if defined(__linux__)
#include <sys/auxv.h>
#elif defined(__APPLE__)
#include <mach-o/dyld.h>
#endif

namespace {

// ggml.cpp replaces the process's std::terminate handler while it is being loaded, with one that starts a debugger and
// writes to stderr before it calls the handler that was there. The handler belongs to the host, so it goes back.
//
// This runs before ggml.cpp's own initialiser: by priority where the linker sorts by it, by link order elsewhere.
std::terminate_handler handler_before_ggml = nullptr;

#if defined(CHAKU_LLAMA_HAS_DLADDR)
#if defined(__linux__)
__attribute__((constructor(101)))
#else
__attribute__((constructor))
#endif
void remember_terminate_handler() {
    handler_before_ggml = std::get_terminate();
}

const void * module_of(const void * address) {
    Dl_info info;
    return address && dladdr(address, &info) ? info.dli_fbase : nullptr;
}

const void * main_program() {
#if defined(__linux__)
    return module_of(reinterpret_cast<const void *>(getauxval(AT_PHDR)));
#else
    return _dyld_get_image_header(0);
#endif
}

// Only in a shared library can ggml's handler (a static function) be told from one the host has set since: it is the only
// one that lies in this module. In a program with llama.cpp linked into it, the host's own may lie there too, so that one
// is left alone: it does what it did before, after ggml's backtrace. There, GGML_NO_BACKTRACE in the environment keeps
// ggml from installing it at all.
void restore_terminate_handler() {
    const void * here = module_of(reinterpret_cast<const void *>(&chaku_llama_backend_init));
    if (!here || here == main_program()) {
        return;
    }
    const auto is_ggmls = [&](std::terminate_handler handler) {
        return handler != handler_before_ggml && module_of(reinterpret_cast<const void *>(handler)) == here;
    };
    if (is_ggmls(std::get_terminate())) {
        const auto replaced = std::set_terminate(handler_before_ggml);
        if (!is_ggmls(replaced)) {
            std::set_terminate(replaced); // another thread was quicker: its handler stays
        }
    }
}
#else
void restore_terminate_handler() {} // ggml prints no backtrace here
#endif

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
        restore_terminate_handler();
        log_fn = log;
        llama_log_set(on_log, nullptr);
        // common/ logs through a thread of its own, started by the first message that passes: no message ever passes.
        common_log_set_verbosity_thold(LOG_LEVEL_OUTPUT - 1);
        ggml_set_abort_callback(on_abort);
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
