#include "call.hpp"

#include <cstring>

#include "report.hpp"

namespace {

const char *const NAMES[] = {
    "chaku_runtime_new",      "chaku_runtime_set_log",  "chaku_model_load",      "chaku_model_load_async",
    "chaku_model_retain",     "chaku_model_close",      "chaku_model_tokenize",  "chaku_model_detokenize",
    "chaku_session_new",      "chaku_session_chat",     "chaku_session_generate", "chaku_session_ingest",
    "chaku_session_continue", "chaku_session_reset",    "chaku_session_fork",    "chaku_session_rewind",
    "chaku_session_save",     "chaku_request_buffer",   "chaku_session_restore_buffer", "chaku_model_chat",
    "metrics",                "chaku_request_resume",   "chaku_session_cancel",  "chaku_session_close",
    "chaku_request_next",     "chaku_request_run",      "chaku_request_on_event", "chaku_request_on_ready",
    "chaku_request_cancel",   "chaku_request_model",    "chaku_request_close",   "chaku_event_retain",
    "chaku_options_new",      "chaku_options_set",      "free",                  "the end of a request",
};

using Ops = uint64_t;
constexpr Ops of(Op op) { return Ops{1} << static_cast<int>(op); }
template <class... More>
constexpr Ops of(Op op, More... more) { return of(op) | of(more...); }

constexpr Ops ANY = ~Ops{0} & ~of(Op::END);
constexpr Ops STARTS = of(Op::CHAT, Op::GENERATE, Op::INGEST, Op::CONTINUE, Op::MODEL_CHAT);
constexpr Ops MAKES_SESSION = of(Op::SESSION_NEW, Op::FORK, Op::RESTORE);
constexpr Ops LOADS_FILE = of(Op::LOAD, Op::END);
constexpr Ops READS_END = of(Op::END, Op::RUN, Op::REQUEST_MODEL, Op::BUFFER);
// Callback-safe; all others refuse inside a callback.
constexpr Ops SAFE = of(Op::RETAIN, Op::TOKENIZE, Op::DETOKENIZE, Op::SESSION_CANCEL, Op::CANCEL, Op::REQUEST_MODEL,
                        Op::EVENT_RETAIN, Op::OPTIONS_NEW, Op::OPTIONS_SET, Op::BUFFER, Op::METRICS, Op::RESUME, Op::FREE,
                        Op::END);

// What a function may answer besides CHAKU_OK, and the facts without which it may not.
struct Rule {
    Ops ops;
    chaku_code code;
    const char *reason;
    unsigned facts;
};

const Rule RULES[] = {
    {ANY, CHAKU_INVALID_ARGUMENT, "stale_handle", FREED},
    {ANY, CHAKU_INVALID_ARGUMENT, "null_pointer", NONE},
    {ANY & ~SAFE, CHAKU_FAILED_PRECONDITION, "reentrant", INSIDE},

    // The file and the options, by the load itself or in the end of its request.
    {READS_END | LOADS_FILE, CHAKU_NOT_FOUND, "file_not_found", MISSING},
    {READS_END | LOADS_FILE, CHAKU_DATA_LOSS, "model_corrupt", BROKEN},
    {READS_END | LOADS_FILE, CHAKU_DEADLINE_EXCEEDED, "deadline", DEADLINE},
    {of(Op::LOAD, Op::LOAD_ASYNC), CHAKU_RESOURCE_EXHAUSTED, "queue_full", 0},
    {of(Op::LOAD, Op::LOAD_ASYNC, Op::SESSION_NEW, Op::OPTIONS_SET) | STARTS, CHAKU_INVALID_ARGUMENT, "invalid_option",
     BAD_OPTION},
    {of(Op::OPTIONS_SET), CHAKU_INVALID_ARGUMENT, "unknown_option", BAD_OPTION},

    {MAKES_SESSION, CHAKU_RESOURCE_EXHAUSTED, "session_limit", 0},
    {of(Op::RESET, Op::REWIND, Op::SAVE) | MAKES_SESSION | STARTS, CHAKU_FAILED_PRECONDITION, "closed", CLOSED},
    {of(Op::RESET, Op::REWIND, Op::SAVE) | STARTS, CHAKU_FAILED_PRECONDITION, "concurrent_use", USED},
    {of(Op::REWIND), CHAKU_INVALID_ARGUMENT, "invalid_argument", 0},
    {of(Op::SAVE), CHAKU_RESOURCE_EXHAUSTED, "queue_full", 0},
    {of(Op::BUFFER), CHAKU_FAILED_PRECONDITION, "not_finished", 0},
    {of(Op::RESTORE), CHAKU_DATA_LOSS, "state_corrupt", MUTATED},
    {of(Op::RESTORE), CHAKU_FAILED_PRECONDITION, "state_mismatch", FOREIGN},
    {of(Op::RESUME), CHAKU_FAILED_PRECONDITION, "not_paused", 0},
    {STARTS, CHAKU_FAILED_PRECONDITION, "session_mode", USED},
    {STARTS, CHAKU_RESOURCE_EXHAUSTED, "queue_full", NARROW},
    {STARTS, CHAKU_RESOURCE_EXHAUSTED, "queue_full", STATELESS},
    {READS_END, CHAKU_RESOURCE_EXHAUSTED, "displaced", COMPUTES | DISPLACES},
    {STARTS, CHAKU_INVALID_ARGUMENT, "empty_prompt", EMPTY},
    {STARTS, CHAKU_INVALID_ARGUMENT, "invalid_utf8", BAD_TEXT},
    {STARTS, CHAKU_INVALID_ARGUMENT, "invalid_argument", BAD_ROLE},
    {of(Op::CHAT, Op::INGEST, Op::MODEL_CHAT), CHAKU_FAILED_PRECONDITION, "no_chat_template", NO_TEMPLATE},
    {of(Op::MODEL_CHAT), CHAKU_INVALID_ARGUMENT, "invalid_messages", BAD_ROLE},
    {of(Op::CONTINUE), CHAKU_FAILED_PRECONDITION, "nothing_to_continue", 0},

    {READS_END, CHAKU_CANCELLED, "cancelled", STOPPED},
    {READS_END, CHAKU_CANCELLED, "closed_while_running", COMPUTES | MODEL_CLOSED},
    {READS_END, CHAKU_OUT_OF_RANGE, "context_overflow", COMPUTES},
    {READS_END, CHAKU_INVALID_ARGUMENT, "template_failed", COMPUTES | RAISES},
    {READS_END, CHAKU_INVALID_ARGUMENT, "invalid_grammar", COMPUTES | BAD_GRAMMAR},
    {READS_END, CHAKU_UNIMPLEMENTED, "shift_unsupported", COMPUTES | SHIFTS | RECURRENT},

    {of(Op::NEXT, Op::RUN, Op::ON_EVENT), CHAKU_OUT_OF_RANGE, "finished", 0},
    {of(Op::NEXT, Op::RUN), CHAKU_FAILED_PRECONDITION, "reader_taken", TAKEN},
    {of(Op::ON_EVENT), CHAKU_FAILED_PRECONDITION, "reader_taken", PULLED},
    {of(Op::ON_EVENT), CHAKU_FAILED_PRECONDITION, "reader_taken", TAKEN},
    {of(Op::REQUEST_MODEL), CHAKU_FAILED_PRECONDITION, "not_finished", 0},
    {of(Op::REQUEST_MODEL), CHAKU_FAILED_PRECONDITION, "no_result", COMPUTES},
    {of(Op::MODEL_CLOSE, Op::SESSION_CLOSE, Op::REQUEST_CLOSE), CHAKU_DEADLINE_EXCEEDED, "close_timeout", TIMED},

    {of(Op::TOKENIZE, Op::DETOKENIZE), CHAKU_OUT_OF_RANGE, "buffer_too_small", SMALL_BUFFER},
    {of(Op::TOKENIZE), CHAKU_INVALID_ARGUMENT, "invalid_utf8", BAD_TEXT},
    {of(Op::DETOKENIZE), CHAKU_INVALID_ARGUMENT, "invalid_token", BAD_TEXT},
};

// Frees and cancels have no error object: their reason is known by the code alone.
bool is_allowed(Op op, chaku_code code, const char *reason, unsigned facts) {
    if (code == CHAKU_OK) return !(facts & INSIDE) || (of(op) & SAFE);
    for (const Rule &rule : RULES) {
        if ((rule.ops & of(op)) && rule.code == code && (!*reason || std::strcmp(rule.reason, reason) == 0) &&
            (rule.facts & facts) == rule.facts) {
            return true;
        }
    }
    return false;
}

void judge(Op op, chaku_code code, const chaku_error *error, unsigned facts) {
    const char *reason = chaku_error_reason(error);
    if (error) CHECK(chaku_error_code(error) == code && *reason && *chaku_error_message(error), NAMES[(int)op]);
    if (code != CHAKU_OK) {
        count(Group::REASON, error ? reason : (std::string("without object: ") + chaku_code_name(code)).c_str());
    }
    if (is_allowed(op, code, reason, facts)) {
        CHECK(true, "");
        return;
    }
    char known[16];
    std::snprintf(known, sizeof known, "%x", facts);
    CHECK(false, std::string(NAMES[(int)op]) + " gave " + chaku_code_name(code) + " " + reason + ", facts " + known +
                     ": " + chaku_error_message(error));
}

}  // namespace

int &Inside::depth() {
    thread_local int depth;
    return depth;
}

Call::Call(Op op, std::initializer_list<const Object *> objects, bool with_error)
    : op_(op), objects_(objects), with_error_(with_error),
      doing_(NAMES[(int)op], objects.size() && *objects.begin() ? (*objects.begin())->handle : nullptr) {}

Call::~Call() { chaku_error_free(error_); }

chaku_code Call::done(chaku_code code, unsigned facts) {
    for (const Object *object : objects_) facts |= object ? object->facts() : static_cast<unsigned>(NONE);
    if (Inside::now()) facts |= INSIDE;
    CHECK((error_ != nullptr) == (with_error_ && code != CHAKU_OK && op_ != Op::FREE && op_ != Op::CANCEL &&
                                  op_ != Op::SESSION_CANCEL),
          NAMES[(int)op_]);
    judge(op_, code, error_, facts);
    return code;
}

bool Call::has_reason(const char *wanted) const { return std::strcmp(reason(), wanted) == 0; }

void check_end(const RequestObject *request, int32_t finish_reason, chaku_code code, const chaku_error *error) {
    static const char *const FINISHES[] = {"?", "stop", "length", "tool_calls", "cancelled", "deadline", "error"};
    bool known = finish_reason >= CHAKU_FINISH_STOP && finish_reason <= CHAKU_FINISH_ERROR;
    count(Group::FINISH, FINISHES[known ? finish_reason : 0]);
    int32_t expected = code == CHAKU_CANCELLED           ? CHAKU_FINISH_CANCELLED
                       : code == CHAKU_DEADLINE_EXCEEDED ? CHAKU_FINISH_DEADLINE
                                                         : CHAKU_FINISH_ERROR;
    bool fits = code == CHAKU_OK ? finish_reason == CHAKU_FINISH_STOP || finish_reason == CHAKU_FINISH_LENGTH
                                 : finish_reason == expected;
    CHECK(fits, std::string(chaku_code_name(code)) + " with finish reason " + std::to_string(finish_reason));
    judge(Op::END, code, error, request->facts());
}
