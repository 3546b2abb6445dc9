// Who waits, who goes first, and what happens when too many wait.
#include "json.hpp"
#include "reply.hpp"

static chaku::Request ask(const Busy &other, const char *priority, const char *overload = "reject") {
    return start_chat(new_session(other.model), "Go.",
                      {{"max_tokens", 8}, {"priority", priority}, {"overload", overload}});
}

#define CHECK_QUICK(request) (here(__FILE__, __LINE__), check_quick(read_all(request)))
static void check_quick(const Reply &reply) {
    check_end(reply, FinishReason::length, Code::ok, "");
    check_equal("the text", reply.text, LONG_WORDS);
}

// Reads at least so many tokens of an endless answer, the first of which is number `at`, and all that are there.
static void read_words(chaku::Request &request, std::size_t at, std::size_t count) {
    static const char *const words[] = {" one", " two", " three", " four", " five", " six", " seven", " eight"};
    for (std::size_t read = 0;; read++) {
        const chaku::Event event = MUST(request.next(read < count ? event_wait : 0s));
        if (!event && read >= count) return;
        CHECK_EQ(event.text(), words[(at + read) % 8]);
    }
}

CASE(priority) {
    Busy other = make_busy({{"ctx_size", 131072}});
    auto low = ask(other, "low"), normal = ask(other, "normal");
    WAIT_UNTIL(timeline_of(normal, "prepared_ms") >= 0);
    // It takes even the place of the one that runs, which never ends.
    CHECK_QUICK(ask(other, "high"));
    CHECK(!other.request.is_finished() && !normal.is_finished() && !low.is_finished());
    // That one goes on without a gap.
    WAIT_UNTIL(timeline_of(other.request, "resumed") >= 1);
    CHECK(timeline_of(other.request, "preempted") >= 1);
    read_words(other.request, 1, 16);
    other.request.cancel();
    CHECK_QUICK(low);
    CHECK(normal.is_finished());
    CHECK_QUICK(normal);
}

CASE(overload_wait) {
    Busy other = make_busy({{"ctx_size", 131072}, {"queue_limit", 1}});
    auto queued = ask(other, "normal"), outside = ask(other, "normal", "wait");
    auto session = new_session(other.model);
    FAILS(session.chat("Go."), Code::resource_exhausted, "queue_full");
    // As many stand outside as may wait inside.
    FAILS(session.chat("Go.", {{"overload", "wait"}}), Code::resource_exhausted, "queue_full");
    CHECK_EQ(queued.queue_position(), 0);
    CHECK_EQ(outside.queue_position(), 1);
    outside.cancel();
    CHECK_CANCELLED(read_all(outside));
    // The wait counts, and ends at the deadline.
    CHECK_DEADLINE(chat(session, "Go.", {{"overload", "wait"}, {"deadline_ms", 100}}));
    outside = ask(other, "normal", "wait");
    other.request.cancel();
    CHECK_QUICK(queued);
    CHECK_QUICK(outside);
    CHECK(metric(other.model, "overload_total") >= 2);
}

CASE(overload_displace) {
    Busy other = make_busy({{"ctx_size", 131072}, {"queue_limit", 2}});
    auto old = ask(other, "low"), young = ask(other, "low"), first = ask(other, "normal", "displace");
    CHECK_FAILED(read_all(young), Code::resource_exhausted, "displaced");
    CHECK(!old.is_finished());
    auto second = ask(other, "normal", "displace");
    CHECK_FAILED(read_all(old), Code::resource_exhausted, "displaced");
    // None is less urgent any more.
    auto session = new_session(other.model);
    const auto error = FAILS(session.chat("Go.", {{"overload", "displace"}}), Code::resource_exhausted, "queue_full");
    CHECK_EQ(error.detail("limit"), "2");
    other.request.cancel();
    CHECK_QUICK(second);
    CHECK_QUICK(first);
    // Who was displaced may come again.
    CHECK_QUICK(ask(other, "low"));
}

CASE(queue_position) {
    Busy other = make_busy({{"ctx_size", 131072}});
    auto first = ask(other, "low"), second = ask(other, "low");
    CHECK(!other.request.queue_position());
    CHECK_EQ(first.queue_position(), 0);
    CHECK_EQ(second.queue_position(), 1);
    auto normal = ask(other, "normal");
    CHECK_EQ(normal.queue_position(), 0);
    CHECK_EQ(first.queue_position(), 1);
    CHECK_EQ(second.queue_position(), 2);
    WAIT_UNTIL(metric(other.model, "queue_depth") == 3);
    first.cancel();
    CHECK(!first.queue_position());
    CHECK_EQ(second.queue_position(), 1);
    other.request.cancel();
    CHECK_QUICK(second);
    CHECK(!second.queue_position() && !start_load(SCRIPT).queue_position()); // a load never waits
}
