// One thread of the host: it asks on its own sessions, reads, stalls, cancels, and checks what comes.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <random>
#include <vector>

#include "settings.hpp"
#include "tally.hpp"

// A request under way.
struct Live {
    chaku::Request request;
    std::atomic<bool> cancelled{false};
    bool deadline = false, displaceable = false;
    int64_t max_tokens = 0;
    size_t session = 0;
    int64_t tokens = 0; // read
    int64_t stalls_at = -1, cancels_at = -1;
    int turns_to_stall = 0;
};

// Requests that somebody else than their reader may cancel.
class Registry {
  public:
    void add(const std::shared_ptr<Live> &live);
    void remove(const std::shared_ptr<Live> &live);
    void cancel_one(std::mt19937 &random);
    // Of all that were added and not removed.
    void describe();

  private:
    std::mutex lock_;
    std::vector<std::shared_ptr<Live>> all_;
};

class Worker {
  public:
    Worker(const chaku::Model &model, Tally &tally, Registry &registry, unsigned seed);

    // Until so many requests are through, all of them read to their ends.
    void run(long requests);

  private:
    struct Place {
        chaku::Session session;
        bool busy = false;
        int64_t context_used = 0;
    };

    void start(Place &place, size_t number);
    // One thing is done with one of the requests; says whether it has ended.
    bool serve(Live &live);
    void end(Live &live, const chaku::Event &final);
    bool chance(double share) { return std::uniform_real_distribution<>(0, 1)(random_) < share; }
    int64_t pick(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random_); }

    Tally &tally_;
    Registry &registry_;
    std::mt19937 random_;
    std::vector<Place> places_;
    std::vector<std::shared_ptr<Live>> live_;
};
