// Tens of thousands of requests on one model whose limits are met all the time: soak MODEL REQUESTS SEED. run.sh says more.
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <malloc.h>
#include <unistd.h>

#include "limits.hpp"
#include "settings.hpp"
#include "slope.hpp"
#include "tally.hpp"
#include "worker.hpp"

namespace {

constexpr int ROUNDS = 40;
// Tables and caches grow to the most that was ever needed at once: seen were 90 KB in the later 10000 of 20000 requests, and nothing any more in the later
// 30000 of 60000. So much is allowed, however long the run is: an object of 150 bytes left by every tenth request shows in 20000.
constexpr double BYTES_OF_TABLES = 128 * 1024;
constexpr long FEWEST_TO_JUDGE = 20000;
constexpr auto PATIENCE = std::chrono::seconds(120);

double memory_in_use() {
    const struct mallinfo2 info = mallinfo2();
    return static_cast<double>(info.uordblks + info.hblkhd);
}

chaku::Model load(const char *path) {
    chaku::Options options{{CHAKU_OPT_CTX_SIZE, CONTEXT},
                           {CHAKU_OPT_THREADS, 1},
                           {CHAKU_OPT_MAX_SESSIONS, WORKERS * SESSIONS_EACH},
                           {CHAKU_OPT_MAX_RUNNING, MAX_RUNNING},
                           {CHAKU_OPT_QUEUE_LIMIT, QUEUE_LIMIT},
                           {CHAKU_OPT_PROMPT_CACHE_MIB, PROMPT_CACHE_MIB}};
    return chaku::Model::load(path, options).value();
}

// Ends the program when for long no request has ended.
class Watchdog {
  public:
    Watchdog(Tally &tally, Registry &registry) : thread_([&] { watch(tally, registry); }) {}
    ~Watchdog() {
        {
            std::lock_guard<std::mutex> guard(lock_);
            over_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

  private:
    void watch(Tally &tally, Registry &registry) {
        std::unique_lock<std::mutex> guard(lock_);
        for (long before = -1; !changed_.wait_for(guard, PATIENCE, [&] { return over_; });) {
            const long now = tally.finals;
            if (now == before) {
                registry.describe();
                tally.broken(Rule::FINAL, "no request has ended for long");
                tally.report();
                std::fflush(stdout);
                _exit(1);
            }
            before = now;
        }
    }

    std::mutex lock_;
    std::condition_variable changed_;
    bool over_ = false;
    std::thread thread_;
};

// Workers with sessions of their own, and one thread that cancels whatever it finds.
void round(const chaku::Model &model, Tally &tally, Registry &registry, long requests, unsigned seed) {
    std::atomic<bool> over{false};
    std::thread canceller([&] {
        for (std::mt19937 random(seed); !over;) {
            registry.cancel_one(random);
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    });
    std::vector<std::thread> threads;
    for (int i = 0; i < WORKERS; i++) {
        const long share = requests / WORKERS + (i < requests % WORKERS ? 1 : 0);
        threads.emplace_back([&, i, share] {
            Worker(model, tally, registry, seed * 1000 + static_cast<unsigned>(i)).run(share);
        });
    }
    for (std::thread &thread : threads) thread.join();
    over = true;
    canceller.join();
}

void judge_memory(const std::vector<double> &samples, long requests, Tally &tally) {
    if (requests < FEWEST_TO_JUDGE) return tally.not_checked(Rule::MEMORY, "too few requests");
    const std::vector<double> later(samples.begin() + static_cast<long>(samples.size() / 2), samples.end());
    const double a_round = static_cast<double>(requests) / ROUNDS;
    const Slope slope = slope_of(later);
    std::printf("memory: %.1f KB after the first round, %.1f KB after the last; %.2f bytes a request in the later half (%.2f to "
                "%.2f)\n",
                samples.front() / 1024, samples.back() / 1024, slope.median / a_round, slope.low / a_round, slope.high / a_round);
    const double grown = slope.low * static_cast<double>(later.size());
    if (grown > BYTES_OF_TABLES) tally.broken(Rule::MEMORY, std::to_string(grown / 1024) + " KB in the later half at least");
}

void judge_coverage(Tally &tally) {
    const auto seen = [&](long count, const char *what) {
        if (count == 0) tally.broken(Rule::COVERAGE, std::string("none ") + what);
    };
    seen(tally.complete, "complete");
    seen(tally.cancelled, "cancelled");
    seen(tally.expired, "expired");
    seen(tally.stalls, "stalled");
    seen(tally.refused, "refused");
    seen(tally.displaced, "displaced");
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: soak MODEL REQUESTS SEED\n");
        return 2;
    }
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    const long requests = std::atol(argv[2]);
    const unsigned seed = static_cast<unsigned>(std::atol(argv[3]));
    Tally tally;
    Registry registry;
    std::vector<double> samples;
    {
        const Watchdog watchdog(tally, registry);
        const chaku::Model model = load(argv[1]);
        const Limits limits(model, tally);
        for (int i = 0; i < ROUNDS; i++) {
            const long share = requests * (i + 1) / ROUNDS - requests * i / ROUNDS;
            round(model, tally, registry, share, seed * ROUNDS + static_cast<unsigned>(i));
            std::this_thread::sleep_for(std::chrono::milliseconds(100)); // what was freed is let go of
            samples.push_back(memory_in_use());
        }
    }
    if (tally.finals + tally.unread != requests) {
        tally.broken(Rule::FINAL, std::to_string(tally.finals) + " final events");
    }
    judge_memory(samples, requests, tally);
    judge_coverage(tally);
    return tally.report() ? 0 : 1;
}
