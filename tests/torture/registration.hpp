// A callback given to chaku, what it does, and what became of it.
#pragma once

#include <atomic>
#include <chaku.h>
#include <condition_variable>
#include <mutex>
#include <string>

#include "random.hpp"
#include "world.hpp"

enum class Way { EVENT, RUN, READY, LOG };

struct Registration {
    Registration(Way way, RequestObject *request, World *world, Random random);

    // To be given to chaku, with the registration as user data.
    static int32_t on_event(const chaku_event *event, void *user_data);
    static int32_t on_ready(void *user_data);
    static int32_t on_line(int32_t level, const char *target, const char *message, int64_t length, void *user_data);
    static void on_destroy(void *user_data);

    // Waits until the ready hook rang or was destroyed; says whether it may ring again.
    bool wait_for_ring();
    bool is_destroyed() const { return way == Way::RUN || destroyed > 0; }
    void check_at_end();

    const Way way;
    RequestObject *const request;
    World *const world;
    std::atomic<bool> returned{false};  // the call that registers came back
    bool accepted = false;              // and said yes
    std::atomic<bool> final_seen{false};
    std::atomic<int> entered{0}, left{0}, destroyed{0};
    int32_t finish_reason = 0;
    std::string text;  // of all text events

private:
    enum class Habit { PLAIN, STOP, SLEEP, LOOK_AROUND, FREE, CANCEL };

    void enter();
    int32_t leave(bool stop);
    void take_event(const chaku_event *event);
    bool act();

    Random random_;
    const Habit habit_;
    const int patience_;  // calls before the habit shows
    std::atomic<int> late_{0};
    std::atomic<bool> said_stop_{false}, freed_at_destroy_{false};
    std::mutex lock_;
    std::condition_variable changed_;
    bool rung_ = false;
};
