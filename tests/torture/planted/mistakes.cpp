// Mistakes planted between the program and the library, to see that the program finds them: a library to be preloaded.
// The environment variable PLANTED names the mistake.
#include <chaku.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

namespace {

bool planted(const char *name) {
    static const char *chosen = std::getenv("PLANTED");
    return chosen && std::strcmp(chosen, name) == 0;
}

// Says yes every so many times.
bool now_and_then(int every) {
    static std::atomic<int> calls;
    return ++calls % every == 0;
}

template <class Function>
Function real(Function, const char *name) {
    return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}
#define REAL(name) static const auto real_one = real(name, #name)

// A registration whose calls pass through here.
struct Between {
    chaku_event_callback on_event;
    chaku_ready_callback on_ready;
    chaku_destroy_callback destroy;
    void *user_data;
    std::atomic<chaku_event *> last{nullptr};
};

int32_t pass_event(const chaku_event *event, void *user_data) {
    auto *between = static_cast<Between *>(user_data);
    bool last = chaku_event_kind(event) == CHAKU_EVENT_FINAL;
    if (planted("no-final") && last) return 0;
    int32_t verdict = between->on_event(event, between->user_data);
    if (planted("final-twice") && last) between->on_event(event, between->user_data);
    if (planted("event-after-destroy") && last) {
        chaku_event *kept = nullptr;
        if (chaku_event_retain(event, &kept, nullptr) == CHAKU_OK) between->last = kept;
    }
    return verdict;
}

int32_t pass_ready(void *user_data) {
    auto *between = static_cast<Between *>(user_data);
    if (planted("lost-wake-up") && now_and_then(10)) return 0;
    return between->on_ready(between->user_data);
}

void pass_destroy(void *user_data) {
    auto *between = static_cast<Between *>(user_data);
    if (planted("no-destroy") && now_and_then(10)) return;
    between->destroy(between->user_data);
    if (planted("destroy-twice") && now_and_then(10)) between->destroy(between->user_data);
    if (between->last) {
        between->on_event(between->last, between->user_data);
        chaku_event_free(between->last);
    }
    delete between;
}

}  // namespace

extern "C" {

chaku_code chaku_request_on_event(chaku_request *request, chaku_event_callback on_event, void *user_data,
                                  chaku_destroy_callback destroy, chaku_error **out_error) {
    REAL(chaku_request_on_event);
    auto *between = new Between{on_event, nullptr, destroy, user_data};
    return real_one(request, pass_event, between, pass_destroy, out_error);
}

chaku_code chaku_request_on_ready(chaku_request *request, chaku_ready_callback on_ready, void *user_data,
                                  chaku_destroy_callback destroy, chaku_error **out_error) {
    REAL(chaku_request_on_ready);
    auto *between = new Between{nullptr, on_ready, destroy, user_data};
    return real_one(request, pass_ready, between, pass_destroy, out_error);
}

chaku_code chaku_session_new(chaku_model *model, const chaku_options *options, chaku_session **out_session,
                             chaku_error **out_error) {
    REAL(chaku_session_new);
    if (planted("wrong-code") && now_and_then(10)) return CHAKU_INTERNAL;
    return real_one(model, options, out_session, out_error);
}

chaku_code chaku_request_free(chaku_request *request) {
    REAL(chaku_request_free);
    if (planted("leak")) *static_cast<volatile char *>(std::malloc(64)) = 1;
    if (planted("freed-handle-lives") && now_and_then(10)) return CHAKU_OK;
    return real_one(request);
}

// The barrier that is none.
chaku_code chaku_request_close(chaku_request *request, int64_t timeout_ms, chaku_error **out_error) {
    REAL(chaku_request_close);
    if (!planted("no-barrier") || timeout_ms >= 0) return real_one(request, timeout_ms, out_error);
    chaku_request_cancel(request);
    if (out_error) *out_error = nullptr;
    return CHAKU_OK;
}

}  // extern "C"
