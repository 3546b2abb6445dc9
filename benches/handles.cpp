// Nanoseconds that looking a handle up costs: those of a getter of a model, and those of a function that takes no
// handle. One JSON line a sample.
#include "client.hpp"
#include "measure.hpp"

#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

namespace {

const int CALLS = 1000000;

// What the calls return, added up, so that none can be left out.
std::atomic<int64_t> total{0};

template <typename Call> double nanoseconds(Call call) {
    int64_t    sum   = 0;
    const auto began = measure::Clock::now();
    for (int i = 0; i < CALLS; ++i) sum += call();
    const double took = measure::seconds_since(began);
    total += sum;
    return took * 1e9 / CALLS;
}

// The mean of what each of the threads sees while all of them call.
template <typename Call> double at_once(int threads, Call call) {
    std::vector<double>      each(threads);
    std::vector<std::thread> running;
    std::atomic<int>         ready{0};
    for (int t = 0; t < threads; ++t) {
        running.emplace_back([&, t] {
            ++ready;
            while (ready < threads) {}
            each[t] = nanoseconds(call);
        });
    }
    double sum = 0;
    for (int t = 0; t < threads; ++t) {
        running[t].join();
        sum += each[t];
    }
    return sum / threads;
}

}  // namespace

int main(int argc, char ** argv) try {
    if (argc != 3) throw std::runtime_error("usage: handles MODEL SAMPLES");
    client::Options options;
    options.integer("ctx_size", 256).integer("threads", 1);
    auto         model  = client::load(argv[1], options);
    chaku_model * handle = model.get();
    const auto   getter = [handle] { return chaku_model_vocab_size(handle); };
    const auto   plain  = [] { return static_cast<int64_t>(chaku_version_number()); };
    nanoseconds(getter);  // warm
    for (int sample = std::atoi(argv[2]); sample > 0; --sample) {
        const double with = nanoseconds(getter), without = nanoseconds(plain);
        const double two_with = at_once(2, getter), two_without = at_once(2, plain);
        std::printf("{\"getter_ns\": %.3f, \"plain_ns\": %.3f, \"two_threads_ns\": %.3f, \"two_threads_plain_ns\": %.3f}\n",
                    with, without, two_with, two_without);
    }
    return total > 0 ? 0 : 1;
} catch (const std::exception & error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
