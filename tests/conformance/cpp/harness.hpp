// What every case needs. A case is a function that returns when everything is as the table says; the first check that
// fails ends it. The program around the cases is that of the C suite, ../c/main.c: each runs in a process of its own.
#pragma once

#include "chaku.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>

using namespace std::chrono_literals;
using chaku::Code;
using chaku::EventKind;
using chaku::FinishReason;
using chaku::Flow;

// Longest wait for one event, far beyond what a slow machine needs: it tells a hang.
inline constexpr auto event_wait = 60s;

// The models of the C suite.
#define SCRIPT "tiny-script.gguf" // replies SCRIPT_REPLY to every chat, and to raw text that ends in a line feed
#define SCRIPT_REPLY "Hello there, I am a test model."
#define RANDOM "tiny-random.gguf" // endless printable nonsense
#define LONG "tiny-long.gguf"     // LONG_WORDS for ever
#define LONG_WORDS " one two three four five six seven eight"
#define SMOLLM2 "SmolLM2-135M-Instruct.Q4_1.gguf" // sense, and enough work to be caught in the middle of it

#define USER(text) "<|im_start|>user\n" text "<|im_end|>\n"
#define ASSISTANT "<|im_start|>assistant\n"

#define CASE(name)                \
    extern "C" void case_##name(); \
    void case_##name()

// ---- Checks: on the case's own thread only ----

#define CHECK(condition) (here(__FILE__, __LINE__), check(#condition, static_cast<bool>(condition)))
#define CHECK_EQ(actual, expected) (here(__FILE__, __LINE__), check_equal(#actual, (actual), (expected)))
// A call that must succeed: its value.
#define MUST(call) (here(__FILE__, __LINE__), must(#call, (call)))
// A call that must fail in this way: its error, to look into.
#define FAILS(call, code, reason) (here(__FILE__, __LINE__), must_fail(#call, (call).error(), (code), (reason)))
// Looks again and again until the condition holds.
#define WAIT_UNTIL(condition) \
    (here(__FILE__, __LINE__), wait_until(#condition, [&]() -> bool { return static_cast<bool>(condition); }))

void here(const char *file, int line);
[[noreturn]] void fail(const std::string &message);
void check(const char *what, bool holds);

template <typename T>
std::string show(const T &value) {
    if constexpr (std::is_enum_v<T>) {
        return std::to_string(static_cast<std::int64_t>(value));
    } else if constexpr (std::is_arithmetic_v<T>) {
        return std::to_string(value);
    } else {
        return "\"" + std::string(value).substr(0, 2000) + "\"";
    }
}
template <typename T>
std::string show(const std::optional<T> &value) {
    return value ? show(*value) : "nothing";
}

template <typename A, typename B>
bool is_equal(const A &a, const B &b) {
    if constexpr (std::is_integral_v<A> && std::is_integral_v<B>) {
        return static_cast<std::int64_t>(a) == static_cast<std::int64_t>(b);
    } else {
        return a == b;
    }
}

template <typename A, typename B>
void check_equal(const char *what, const A &actual, const B &expected) {
    if (!is_equal(actual, expected)) fail(std::string(what) + " is " + show(actual) + ", not " + show(expected));
}

template <typename T>
T must(const char *what, chaku::Result<T> result) {
    if (!result) fail(std::string(what) + " gives " + result.error().to_string());
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

chaku::Error must_fail(const char *what, const chaku::Error &error, Code code, std::string_view reason);

template <typename Condition>
void wait_until(const char *what, const Condition &condition) {
    const auto give_up = std::chrono::steady_clock::now() + event_wait;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > give_up) fail(std::string("never came true: ") + what);
        std::this_thread::sleep_for(2ms);
    }
}

// ---- Objects ----

std::string model_path(const char *file);
// On one compute thread unless the options say otherwise: several lose much time when others want the processor too.
chaku::Model load(const char *file, chaku::Options options = {});
chaku::Session new_session(const chaku::Model &model, const chaku::Options &options = {});
chaku::Request start_load(const char *file, const chaku::Options &options = {});
chaku::Request start_chat(chaku::Session &session, std::string_view text, const chaku::Options &options = {});
chaku::Request start_chat(chaku::Session &&session, std::string_view text, const chaku::Options &options = {});

// ---- Helpers ----

// How many tokens a text has; what a ChatML prompt has is counted with `parse_special`.
std::int64_t count_tokens(const chaku::Model &model, std::string_view text, bool parse_special = false);
// `unit` repeated: a long text.
std::string repeat(std::string_view unit, int times);
bool starts_with(std::string_view text, std::string_view start);
bool contains(std::string_view text, std::string_view part);

// Counts up in its destructor: held by a callable, it tells how often that was destroyed. One that was moved from does
// not count, and it cannot be copied, so a callable that holds one is never copied either.
class CountsDestruction {
  public:
    explicit CountsDestruction(std::atomic<int> &counter) : counter_(&counter) {}
    CountsDestruction(CountsDestruction &&other) noexcept : counter_(std::exchange(other.counter_, nullptr)) {}
    CountsDestruction &operator=(CountsDestruction &&) = delete;
    ~CountsDestruction() {
        if (counter_) ++*counter_;
    }

  private:
    std::atomic<int> *counter_;
};
