// Collects the events of a request and checks what holds for every stream: whole characters, bytes that make up the
// text, exactly one final event, and nothing after it.
#pragma once

#include "harness.hpp"

#include <vector>

struct Reply {
    std::string text;                 // all text so far
    std::string bytes;                // all bytes so far
    std::vector<chaku::Token> tokens; // of the text events; -1 for one without a token
    std::string reasoning;            // what the model thinks
    std::string calls;                // "add:{...}", one after the other
    std::string call_id;              // the last one
    int progress_count = 0, final_count = 0, replaced_count = 0;
    double progress = 0;          // the last one
    const char *broken = nullptr; // the first rule an event broke
    // Of the final event.
    FinishReason finish_reason = FinishReason::none;
    chaku::Error error;
    chaku::Usage usage{};
    chaku::Timings timings{};
};

// Adds an event. It only notes what is wrong, so any thread may run it.
void collect(Reply &into, const chaku::Event &event);

// Reads one event. Returns its kind.
EventKind read_event(chaku::Request &request, Reply &into);
// Reads until this many tokens were seen in all; the request must not end before.
void read_tokens(chaku::Request &request, Reply &into, std::size_t count);
// Reads until the first progress event; the request must not end before.
void read_progress(chaku::Request &request, Reply &into);
// Reads until the final event and checks the stream.
void read_rest(chaku::Request &request, Reply &into);
Reply read_all(chaku::Request &request);
Reply read_all(chaku::Request &&request);
// Checks a reply that was collected by other means.
void check_stream(const Reply &reply);

// Starts, reads everything.
Reply chat(chaku::Session &session, std::string_view text, const chaku::Options &options = {});
Reply chat(chaku::Session &&session, std::string_view text, const chaku::Options &options = {});
Reply generate(chaku::Session &session, std::string_view text, const chaku::Options &options = {});
Reply generate(chaku::Session &&session, std::string_view text, const chaku::Options &options = {});

// How a request ended: Code::ok and "" for one that succeeded.
#define CHECK_END(reply, finish_reason, code, reason) \
    (here(__FILE__, __LINE__), check_end((reply), (finish_reason), (code), (reason)))
#define CHECK_STOPPED(reply) CHECK_END(reply, FinishReason::stop, Code::ok, "")
#define CHECK_LENGTH(reply) CHECK_END(reply, FinishReason::length, Code::ok, "")
#define CHECK_CANCELLED(reply) CHECK_END(reply, FinishReason::cancelled, Code::cancelled, "cancelled")
#define CHECK_DEADLINE(reply) CHECK_END(reply, FinishReason::deadline, Code::deadline_exceeded, "deadline")
#define CHECK_FAILED(reply, code, reason) CHECK_END(reply, FinishReason::error, code, reason)
void check_end(const Reply &reply, FinishReason finish_reason, Code code, std::string_view reason);

// A model whose engine computes an answer nobody waits for: whatever else it is asked has to queue.
struct Busy {
    chaku::Model model;
    chaku::Request request;
};
Busy make_busy(chaku::Options model_options);
