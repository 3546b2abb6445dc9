// libchaku for the measuring programs: owners that free, and errors as exceptions. Nothing here runs inside a measured loop.
#pragma once

#include "chaku.h"

#include <memory>
#include <stdexcept>
#include <string>

namespace client {

inline void check(chaku_code code, chaku_error * error) {
    if (code == CHAKU_OK) return;
    std::string message = error ? std::string(chaku_error_reason(error)) + ": " + chaku_error_message(error) : chaku_code_name(code);
    chaku_error_free(error);
    throw std::runtime_error(message);
}

template <typename T, void (*Free)(T *)> struct Deleter {
    void operator()(T * handle) const { Free(handle); }
};
template <typename T, void (*Free)(T *)> using Owner = std::unique_ptr<T, Deleter<T, Free>>;

inline void free_options(chaku_options * options) { chaku_options_free(options); }
inline void free_model(chaku_model * model) { chaku_model_free(model); }
inline void free_session(chaku_session * session) { chaku_session_free(session); }
inline void free_request(chaku_request * request) { chaku_request_free(request); }
inline void free_event(chaku_event * event) { chaku_event_free(event); }

using Model   = Owner<chaku_model, free_model>;
using Session = Owner<chaku_session, free_session>;
using Request = Owner<chaku_request, free_request>;
using Event   = Owner<chaku_event, free_event>;

class Options {
public:
    Options() {
        chaku_options * options = nullptr;
        chaku_error *   error   = nullptr;
        check(chaku_options_new(&options, &error), error);
        options_.reset(options);
    }
    Options & integer(const char * key, int64_t value) { return set(chaku_options_set_i64, key, value); }
    Options & number(const char * key, double value) { return set(chaku_options_set_f64, key, value); }
    Options & flag(const char * key, bool value) { return set(chaku_options_set_bool, key, value); }
    Options & text(const char * key, const char * value) {
        chaku_error * error = nullptr;
        check(chaku_options_set_str(options_.get(), key, value, -1, &error), error);
        return *this;
    }

    const chaku_options * get() const { return options_.get(); }
    chaku_options *       get() { return options_.get(); }

private:
    template <typename Setter, typename Value> Options & set(Setter setter, const char * key, Value value) {
        chaku_error * error = nullptr;
        check(setter(options_.get(), key, value, &error), error);
        return *this;
    }

    Owner<chaku_options, free_options> options_;
};

inline Model load(const char * path, Options & options) {
    chaku_model * model = nullptr;
    chaku_error * error = nullptr;
    check(chaku_model_load(nullptr, path, options.get(), &model, &error), error);
    return Model(model);
}

inline Session session(const Model & model, Options & options) {
    chaku_session * session = nullptr;
    chaku_error *   error   = nullptr;
    check(chaku_session_new(model.get(), options.get(), &session, &error), error);
    return Session(session);
}

inline Request chat(const Session & session, const std::string & text, Options & options) {
    chaku_request * request = nullptr;
    chaku_error *   error   = nullptr;
    check(chaku_session_chat(session.get(), text.data(), static_cast<int64_t>(text.size()), options.get(), &request, &error), error);
    return Request(request);
}

inline Request generate(const Session & session, const std::string & text, Options & options) {
    chaku_request * request = nullptr;
    chaku_error *   error   = nullptr;
    check(chaku_session_generate(session.get(), text.data(), static_cast<int64_t>(text.size()), options.get(), &request, &error), error);
    return Request(request);
}

// NULL when `timeout_ms` passed without an event.
inline Event next(const Request & request, int64_t timeout_ms) {
    chaku_event * event = nullptr;
    chaku_error * error = nullptr;
    check(chaku_request_next(request.get(), timeout_ms, &event, &error), error);
    return Event(event);
}

inline bool is_final(const Event & event) { return chaku_event_kind(event.get()) == CHAKU_EVENT_FINAL; }
inline bool is_text(const Event & event) { return chaku_event_kind(event.get()) == CHAKU_EVENT_TEXT; }

// Reads up to the final event and fails unless the request ended well.
inline Event finish(const Request & request) {
    while (true) {
        Event event = next(request, -1);
        if (!is_final(event)) continue;
        chaku_error * error = nullptr;
        chaku_event_error(event.get(), &error);
        check(chaku_event_code(event.get()), error);
        return event;
    }
}

}  // namespace client
