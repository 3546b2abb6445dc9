// Microseconds an event costs when a full queue is drained through the C ABI: next, kind, text, token, free. src/main.rs is the same in Rust.
#include "client.hpp"
#include "measure.hpp"

#include <cstdio>
#include <thread>

int main(int argc, char ** argv) try {
    if (argc != 3) throw std::runtime_error("usage: drain MODEL EVENTS");
    const int       events = std::atoi(argv[2]);
    client::Options model_options, session_options, request_options;
    model_options.integer("ctx_size", 256).integer("threads", 1).integer("threads_batch", 1);
    session_options.text("overflow", "shift");
    request_options.integer("max_tokens", events).integer("event_queue", 2 * events).flag("ignore_eos", true);
    auto model   = client::load(argv[1], model_options);
    auto session = client::session(model, session_options);
    auto request = client::chat(session, "Hi", request_options);
    while (!chaku_request_is_finished(request.get())) std::this_thread::sleep_for(std::chrono::milliseconds(20));

    int        texts = 0;
    int64_t    bytes = 0, tokens = 0;
    bool       more  = true;
    const auto began = measure::Clock::now();
    while (more) {
        chaku_event * event = nullptr;
        chaku_error * error = nullptr;
        client::check(chaku_request_next(request.get(), 0, &event, &error), error);
        if (chaku_event_kind(event) == CHAKU_EVENT_TEXT) {
            int64_t length = 0;
            if (chaku_event_text(event, &length)) bytes += length;
            tokens += chaku_event_token(event);
            ++texts;
        } else if (chaku_event_kind(event) == CHAKU_EVENT_FINAL) {
            more = false;
        }
        chaku_event_free(event);
    }
    const double took = measure::seconds_since(began);
    if (texts < events) throw std::runtime_error("only " + std::to_string(texts) + " events came");
    // The sums keep the reads from being optimized away.
    std::printf("{\"us\": %.5f, \"events\": %d, \"bytes\": %lld, \"tokens\": %lld}\n", took * 1e6 / texts, texts, static_cast<long long>(bytes), static_cast<long long>(tokens));
    return 0;
} catch (const std::exception & error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
