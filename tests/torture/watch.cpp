#include "watch.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <unistd.h>

#include "report.hpp"

namespace {

constexpr int THREADS = 9;  // the workers, and the one that starts them

struct State {
    std::atomic<const char *> what{nullptr};
    std::atomic<const void *> handle{nullptr};
    std::atomic<int64_t> since{0};
    std::atomic<long> number{-1};
};

State states[THREADS];
thread_local State *mine;
std::mutex lock;
std::condition_variable changed;
bool over;
std::thread watcher;

int64_t now_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

void set(const char *what, const void *handle, int64_t since) {
    if (!mine) return;
    mine->handle = handle;
    mine->number = place().number;
    mine->since = since;
    mine->what = what;
}

void print_all(int64_t now) {
    for (int thread = 0; thread < THREADS; thread++) {
        const State &state = states[thread];
        const char *what = state.what;
        std::printf("        thread %d: operation %ld, %s %p, for %lld ms\n", thread, state.number.load(),
                    what ? what : "nothing", state.handle.load(), what ? static_cast<long long>(now - state.since) : 0);
    }
}

bool somebody_waits_too_long(int64_t now, int64_t patience_ms) {
    for (const State &state : states) {
        if (state.what && now - state.since > patience_ms) return true;
    }
    return false;
}

void watch(int patience) {
    std::unique_lock<std::mutex> guard(lock);
    while (!over) {
        changed.wait_for(guard, std::chrono::seconds(1));
        int64_t now = now_ms();
        if (over || !somebody_waits_too_long(now, patience * 1000LL)) continue;
        CHECK(false, "a wait that does not end");
        print_all(now);
        std::fflush(stdout);
        // For whoever wants to look at the threads with a debugger.
        if (std::getenv("TORTURE_STOP")) pause();
        summary();
        _exit(1);
    }
}

}  // namespace

Doing::Doing(const char *what, const void *handle)
    : what_(mine ? mine->what.load() : nullptr), handle_(mine ? mine->handle.load() : nullptr),
      since_(mine ? mine->since.load() : 0) {
    set(what, handle, now_ms());
}

// What it was inside of did not wait: it went on.
Doing::~Doing() { set(what_, handle_, what_ ? now_ms() : since_); }

void watch_start(int patience) { watcher = std::thread(watch, patience); }

void watch_me(int thread) {
    mine = &states[thread];
    mine->what = nullptr;
}

void watch_stop() {
    {
        std::lock_guard<std::mutex> guard(lock);
        over = true;
    }
    changed.notify_all();
    watcher.join();
}

void sleep_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }
