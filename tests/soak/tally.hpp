// What happened, counted by all threads, and what should not have.
#pragma once

#include <array>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <string>

// What must hold; each is one passed or failed check.
enum class Rule { FINAL, NOTHING_AFTER, END, TEXT, OVERLOAD, QUEUE, KV, CACHE, COVERAGE, MEMORY, COUNT };

inline const char *name(Rule rule) {
    constexpr std::array names = {"each request has exactly one final event", "nothing follows the final event",
                                  "a request ends as what was done to it allows", "no token is lost or doubled",
                                  "a full queue refuses with queue_full", "the queue is within its limit",
                                  "the KV cache is within its capacity", "the prompt cache is within its limit",
                                  "all kinds of ends occurred", "memory does not grow"};
    static_assert(names.size() == static_cast<size_t>(Rule::COUNT));
    return names[static_cast<size_t>(rule)];
}

struct Tally {
    std::atomic<long> requests{0}, finals{0}, unread{0}, stalls{0}, refused{0};
    std::atomic<long> complete{0}, cancelled{0}, expired{0}, displaced{0};

    void broken(Rule rule, const std::string &how) {
        // The first few of each say enough.
        if (failures_[static_cast<size_t>(rule)]++ >= 3) return;
        std::lock_guard<std::mutex> guard(printing_);
        std::printf("FAILED  %s: %s\n", name(rule), how.c_str());
    }
    void not_checked(Rule rule, const char *why) {
        skipped_[static_cast<size_t>(rule)] = true;
        std::printf("skipped %s: %s\n", name(rule), why);
    }

    // Prints each rule's verdict and the closing line; says whether all is well.
    bool report() {
        std::printf("%ld requests: %ld complete, %ld cancelled, %ld expired, %ld displaced, %ld freed unread; %ld stalls; %ld "
                    "more were refused\n",
                    requests.load(), complete.load(), cancelled.load(), expired.load(), displaced.load(), unread.load(),
                    stalls.load(), refused.load());
        int passed = 0, failed = 0;
        for (size_t i = 0; i < failures_.size(); i++) {
            if (skipped_[i]) continue;
            failures_[i] == 0 ? passed++ : failed++;
            std::printf("%s  %s\n", failures_[i] == 0 ? "ok    " : "FAILED", name(static_cast<Rule>(i)));
        }
        std::printf("%d passed, %d failed\n", passed, failed);
        return failed == 0;
    }

  private:
    static constexpr size_t RULES = static_cast<size_t>(Rule::COUNT);
    std::array<std::atomic<long>, RULES> failures_{};
    std::array<bool, RULES> skipped_{};
    std::mutex printing_;
};
