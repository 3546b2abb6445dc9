// Answers that stream side by side through the C ABI, each read by a thread of its own.
#pragma once

#include "client.hpp"
#include "measure.hpp"

#include <cstdlib>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

namespace streams {

using measure::Clock;

// Compute threads of every side: two, unless the environment says otherwise. On a machine that others use, two wait for each other without end.
inline int threads() {
    static const char * const wanted = std::getenv("THREADS");
    return wanted ? std::atoi(wanted) : 2;
}

// `context` tokens for all sessions together, of which any may use all.
inline client::Options model_options(int64_t context) {
    client::Options options;
    options.integer("ctx_size", context).integer("threads", threads()).integer("threads_batch", threads());
    return options;
}

// An answer of exactly so many tokens, the likeliest ones.
inline client::Options request_options(int64_t tokens) {
    client::Options options;
    options.integer("max_tokens", tokens).number("temperature", 0).flag("ignore_eos", true);
    return options;
}

// When something was asked, and when each token of the answer was read.
struct Stream {
    Clock::time_point              asked;
    std::vector<Clock::time_point> tokens;
    client::Event                  final;

    double first_token() const { return seconds(asked, tokens.at(0)); }

    static double seconds(Clock::time_point from, Clock::time_point to) { return std::chrono::duration<double>(to - from).count(); }
};

// Asks and reads to the end.
inline Stream answer(const client::Session & session, const std::string & text, int64_t tokens) {
    auto   options = request_options(tokens);
    Stream stream;
    stream.asked = Clock::now();
    auto request = client::chat(session, text, options);
    while (!stream.final) {
        auto event = client::next(request, -1);
        if (client::is_text(event)) stream.tokens.push_back(Clock::now());  // one event a token
        if (client::is_final(event)) stream.final = std::move(event);
    }
    client::check(chaku_event_code(stream.final.get()), nullptr);
    if (chaku_event_completion_tokens(stream.final.get()) != tokens) throw std::runtime_error("an answer has not the length asked for");
    return stream;
}

// A model that has just been loaded and has computed something, so that its weights are in memory.
inline client::Model warm_model(const char * path, client::Options & options) {
    client::Options none;
    auto            model = client::load(path, options);
    answer(client::session(model, none), "Hi", 8);
    return model;
}

// Runs `work(0)` to `work(count - 1)`, each on a thread, and waits for all; throws what the first of them threw.
inline void side_by_side(int count, const std::function<void(int)> & work) {
    std::vector<std::exception_ptr> errors(static_cast<size_t>(count));
    std::vector<std::thread>        threads;
    for (int i = 0; i < count; ++i) {
        threads.emplace_back([&, i] {
            try {
                work(i);
            } catch (...) {
                errors[static_cast<size_t>(i)] = std::current_exception();
            }
        });
    }
    for (auto & thread : threads) thread.join();
    for (const auto & error : errors) {
        if (error) std::rethrow_exception(error);
    }
}

}  // namespace streams
