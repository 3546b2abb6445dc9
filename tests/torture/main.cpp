// Eight threads do random things to chaku, on its C interface itself: torture MODELS [OPERATIONS [SEED]].
//
// The same seed gives each thread the same operations; in which order the threads run is up to the machine. The
// operations are done in rounds, after each of which everything is freed, counted and compared.
#include <chaku.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "memory.hpp"
#include "operations.hpp"
#include "registration.hpp"
#include "report.hpp"
#include "settings.hpp"
#include "watch.hpp"

namespace {

constexpr int THREADS = 8;
constexpr long ROUNDS = 20, SHORTEST_ROUND = 250, LONGEST_ROUND = 2500;

struct Part {
    uint64_t seed;
    long first, end;  // operations of the round
};

void work(World &world, int thread, Part part) {
    watch_me(thread);
    for (long number = part.first + thread; number < part.end; number += THREADS) {
        place() = {thread, number};
        Random random(part.seed, static_cast<uint64_t>(thread), static_cast<uint64_t>(number));
        operate(world, random);
    }
    // While others still work: each thread frees a part of what there is.
    std::vector<Object *> objects = world.all();
    for (size_t i = static_cast<size_t>(thread); i < objects.size(); i += THREADS) {
        Random random(part.seed, static_cast<uint64_t>(thread), ~static_cast<uint64_t>(i));
        wind_down(world, objects[i], random);
    }
}

// Threads and callbacks end a moment after what they belonged to.
void settle(World &world, int threads_before) {
    Doing doing("the wait for the last callback to be destroyed and the last thread to end", nullptr);
    while (!world.all_destroyed() || thread_count() != threads_before) sleep_ms(1);
}

void round(Part part, int threads_before) {
    static const int PLACES[] = {2, 4, MOST_PLACES};
    Random random(part.seed, THREADS, static_cast<uint64_t>(part.first));
    World world(random.pick(PLACES));
    std::thread threads[THREADS];
    for (int thread = 0; thread < THREADS; thread++) {
        threads[thread] = std::thread(work, std::ref(world), thread, part);
    }
    for (std::thread &thread : threads) thread.join();
    place() = {THREADS, part.end};
    // Callbacks may have made objects after the threads had looked.
    for (bool some_left = true; some_left;) {
        some_left = false;
        for (Object *object : world.all()) {
            if (object->frees_begun > 0) continue;
            wind_down(world, object, random);
            some_left = true;
        }
    }
    settle(world, threads_before);
    world.check_at_end();
}

}  // namespace

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    long operations = argc > 2 ? std::atol(argv[2]) : 20000;
    uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
    const char *patience = std::getenv("TORTURE_PATIENCE");
    std::printf("torture: %ld operations, seed %llu; each thread does the same with the same seed, but when they meet "
                "is up to the machine\n",
                operations, static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    report_seed(seed);
    set_models(argv[1]);
    watch_me(THREADS);
    watch_start(patience ? std::atoi(patience) : 30);
    int threads_before = thread_count();
    long length = std::min(std::max(operations / ROUNDS, SHORTEST_ROUND), LONGEST_ROUND);
    Slope slope(static_cast<double>(length));
    for (long first = 0; first < operations; first += length) {
        round({seed, first, std::min(first + length, operations)}, threads_before);
        slope.sample();
    }
    slope.check();
    long missing = counted(Group::OTHER, "missing finals"), leaks = counted(Group::OTHER, "leaks");
    CHECK(missing == 0 && leaks == 0, "see below");
    std::printf("missing finals: %ld; leaks: %ld\n", missing, leaks);
    watch_stop();
    return summary();
}
