#include "reading.hpp"

#include "call.hpp"
#include "registration.hpp"
#include "report.hpp"

namespace {

chaku_request *handle_of(const RequestObject *request) {
    return static_cast<chaku_request *>(request ? request->handle : nullptr);
}

enum class Pulled { EVENT, NOTHING, OVER };

// One pull. Appends the text, and keeps the finish reason of the final event.
Pulled pull(World &world, RequestObject *request, int64_t timeout_ms, Random &random, std::string *text,
            int32_t *finish_reason) {
    chaku_event *event = nullptr;
    bool over_before = request->finals > 0 || request->finished;
    Call call(Op::NEXT, {request}, true);
    if (call.done(chaku_request_next(handle_of(request), timeout_ms, &event, call.error())) != CHAKU_OK) {
        if (call.has_reason("finished")) request->finished = true;
        CHECK(event == nullptr, "an event with an error");
        return Pulled::OVER;
    }
    if (!event) {
        CHECK(timeout_ms != -1, "nothing, after a wait without end");
        return Pulled::NOTHING;
    }
    CHECK(!over_before, "an event after the final one");
    note_event(request, event);
    if (const char *piece = chaku_event_text(event, nullptr)) text->append(piece);
    bool last = chaku_event_kind(event) == CHAKU_EVENT_FINAL;
    if (last) *finish_reason = chaku_event_finish_reason(event);
    if (random.one_in(12)) keep_event(world, event, random);
    CHECK(chaku_event_free(event) == CHAKU_OK, "an event");
    return last ? Pulled::OVER : Pulled::EVENT;
}

// The other calls of the request see that it is read.
void begin_pulling(RequestObject *request) {
    request->readers++;
    request->pulled = true;
}

}  // namespace

void pull_some(World &world, RequestObject *request, Random &random) {
    static const int64_t TIMEOUTS_MS[] = {0, 0, 1, 5, 20};
    std::string text;
    int32_t finish_reason = 0;
    int most = 1 + random.below(6);
    bool stall = random.one_in(4);
    if (request) begin_pulling(request);
    if (!request) return;
    for (int i = 0; i < most; i++) {
        if (pull(world, request, random.pick(TIMEOUTS_MS), random, &text, &finish_reason) == Pulled::OVER) return;
        if (stall && i == 0) sleep_ms(1 + random.below(30));
    }
}

void pull_all(World &world, RequestObject *request, Random &random) {
    std::string text;
    int32_t finish_reason = 0;
    bool nap = random.one_in(6);
    begin_pulling(request);
    for (;;) {
        Pulled pulled = pull(world, request, nap ? 2 : -1, random, &text, &finish_reason);
        if (pulled == Pulled::OVER) break;
        if (nap && random.one_in(8)) sleep_ms(3);
    }
    if (finish_reason != 0) check_reply(request, text, finish_reason);
}

void run(World &world, RequestObject *request, bool with_callback, Random &random) {
    with_callback |= request->pauses;  // somebody must resume it
    Registration *callback =
        with_callback ? request->add(std::make_unique<Registration>(Way::RUN, request, &world, random)) : nullptr;
    begin_pulling(request);
    Call call(Op::RUN, {request});
    chaku_code code = call.done(
        chaku_request_run(handle_of(request), callback ? Registration::on_event : nullptr, callback, call.error()));
    if (callback) {
        CHECK(callback->entered == callback->left, "a call after the end of the run");
        callback->accepted = callback->returned = true;
    }
    if (call.has_reason("finished")) request->finished = true;
    for (const char *reason : {"finished", "reader_taken", "stale_handle", "reentrant"}) {
        if (call.has_reason(reason)) return;
    }
    // The end was read, by this call.
    CHECK(chaku_request_is_finished(handle_of(request)) == 1, chaku_code_name(code));
    if (callback && callback->final_seen) return;
    CHECK(!callback || request->frees_begun > 0, "an end without a final event");
    request->silent_ends++;
}

void give_callback(World &world, RequestObject *request, Random &random) {
    Registration *callback = request->add(std::make_unique<Registration>(Way::EVENT, request, &world, random));
    request->readers++;
    request->taken = true;
    Call call(Op::ON_EVENT, {request}, !random.one_in(8));
    chaku_code code = call.done(chaku_request_on_event(handle_of(request), Registration::on_event, callback,
                                                       Registration::on_destroy, call.error()));
    if (call.has_reason("finished")) request->finished = true;
    if (code != CHAKU_OK) CHECK(callback->destroyed == 1 && callback->entered == 0, "a registration that failed");
    callback->accepted = code == CHAKU_OK;
    callback->returned = true;
}

void give_hook(World &world, RequestObject *request, Random &random) {
    Registration *hook = request->add(std::make_unique<Registration>(Way::READY, request, &world, random));
    Call call(Op::ON_READY, {request}, !random.one_in(8));
    chaku_code code = call.done(chaku_request_on_ready(handle_of(request), Registration::on_ready, hook,
                                                       Registration::on_destroy, call.error()));
    if (code != CHAKU_OK) CHECK(hook->destroyed == 1 && hook->entered == 0, "a registration that failed");
    hook->accepted = code == CHAKU_OK && request->frees_begun == 0;
    hook->returned = true;
}

void read_when_ready(World &world, RequestObject *request, Random &random) {
    std::string text;
    int32_t finish_reason = 0;
    Registration *hook = request->add(std::make_unique<Registration>(Way::READY, request, &world, random));
    begin_pulling(request);
    {
        Call call(Op::ON_READY, {request});
        chaku_code code = call.done(chaku_request_on_ready(handle_of(request), Registration::on_ready, hook,
                                                           Registration::on_destroy, call.error()));
        hook->accepted = code == CHAKU_OK && request->frees_begun == 0;
        hook->returned = true;
        if (code != CHAKU_OK) return;
    }
    // First a look: of what was read already no ring tells. A ring may come between the last look and the wait; then
    // the wait is short. It must come when an event does.
    for (bool rings = true; rings; rings = hook->wait_for_ring()) {
        for (;;) {
            Pulled pulled = pull(world, request, 0, random, &text, &finish_reason);
            if (pulled == Pulled::NOTHING) break;
            if (pulled == Pulled::OVER) {
                if (finish_reason != 0) check_reply(request, text, finish_reason);
                return;
            }
        }
    }
}

void read_somehow(World &world, RequestObject *request, Random &random) {
    switch (random.below(5)) {
        case 0: return pull_all(world, request, random);
        case 1: return run(world, request, false, random);
        case 2: return run(world, request, true, random);
        case 3: return give_callback(world, request, random);
        default: return read_when_ready(world, request, random);
    }
}
