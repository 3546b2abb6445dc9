// One call of a function of chaku: watched while it runs, and its answer looked up in the table of what it may answer.
#pragma once

#include <chaku.h>
#include <initializer_list>
#include <vector>

#include "watch.hpp"
#include "world.hpp"

enum class Op {
    RUNTIME_NEW,
    SET_LOG,
    LOAD,
    LOAD_ASYNC,
    RETAIN,
    MODEL_CLOSE,
    TOKENIZE,
    DETOKENIZE,
    SESSION_NEW,
    CHAT,
    GENERATE,
    INGEST,
    CONTINUE,
    RESET,
    FORK,
    REWIND,
    SAVE,
    BUFFER,
    RESTORE,
    MODEL_CHAT,
    METRICS,
    RESUME,
    SESSION_CANCEL,
    SESSION_CLOSE,
    NEXT,
    RUN,
    ON_EVENT,
    ON_READY,
    CANCEL,
    REQUEST_MODEL,
    REQUEST_CLOSE,
    EVENT_RETAIN,
    OPTIONS_NEW,
    OPTIONS_SET,
    FREE,
    END,  // no function: how a request ended
};

// The thread is inside a callback.
class Inside {
public:
    Inside() { depth()++; }
    ~Inside() { depth()--; }
    static bool now() { return depth() > 0; }

private:
    static int &depth();
};

class Call {
public:
    // `objects` are those whose handles the call is given; NULL for a handle that is NULL.
    Call(Op op, std::initializer_list<const Object *> objects, bool with_error = true);
    ~Call();
    chaku_error **error() { return with_error_ ? &error_ : nullptr; }
    // Judges the answer. `facts` are those the objects do not know of.
    chaku_code done(chaku_code code, unsigned facts = 0);
    // The reason of the error; empty without one, and without an error object.
    const char *reason() const { return chaku_error_reason(error_); }
    bool has_reason(const char *reason) const;

private:
    const Op op_;
    const std::vector<const Object *> objects_;
    const bool with_error_;
    chaku_error *error_ = nullptr;
    Doing doing_;
};

// Whether a request with these facts may end like that.
void check_end(const RequestObject *request, int32_t finish_reason, chaku_code code, const chaku_error *error);
