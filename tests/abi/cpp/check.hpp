// Checks for the tests of chaku.hpp: each prints one line only when it fails, and counts.
#pragma once

#include <chaku.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>

inline std::atomic<int> checks_passed{0};
inline std::atomic<int> checks_failed{0};

#define CHECK(condition) check(__FILE__, __LINE__, #condition, static_cast<bool>(condition))

inline void check(const char *file, int line, const char *what, bool holds) {
    ++(holds ? checks_passed : checks_failed);
    if (!holds) std::printf("%s:%d: failed: %s\n", file, line, what);
}

// A call succeeds: its value.
#define MUST(call) must(__FILE__, __LINE__, #call, (call))

template <typename T>
T must(const char *file, int line, const char *what, chaku::Result<T> result) {
    check(file, line, what, result.has_value());
    if (!result) std::printf("        %s\n", result.error().to_string().c_str());
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

// Waits until the condition holds, half a minute at most.
template <typename Condition>
bool comes_true(const Condition &condition) {
    for (int tries = 0; tries < 3000 && !condition(); tries++) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return condition();
}

// A callable's life: how often it was called, and how often it was destroyed (what was moved from does not count).
struct Life {
    std::atomic<int> calls{0}, finals{0}, destroyed{0};
};

class Living {
  public:
    explicit Living(Life &life) : life_(&life) {}
    Living(Living &&other) noexcept : life_(other.life_) { other.life_ = nullptr; }
    Living &operator=(Living &&) = delete;
    ~Living() {
        if (life_) ++life_->destroyed;
    }
    Life *operator->() const { return life_; }

  private:
    Life *life_;
};

inline int summary(const char *name) {
    std::printf("%s: %d checks, %d failed\n", name, checks_passed + checks_failed, checks_failed.load());
    return checks_failed == 0 && checks_passed > 0 ? 0 : 1;
}
