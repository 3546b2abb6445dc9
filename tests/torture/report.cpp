#include "report.hpp"

#include <atomic>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>

namespace {

std::mutex lock;
std::map<std::pair<Group, std::string>, long> counts;
std::atomic<long> passed, failed;
unsigned long long seed_printed;

const char *const HEADINGS[] = {"operations",         "requests started",    "finals by finish reason",
                                "typed errors by reason", "callbacks", "destroys", "other"};

}  // namespace

void count(Group group, const char *name) {
    std::lock_guard<std::mutex> guard(lock);
    counts[{group, name}]++;
}

long counted(Group group, const char *name) {
    std::lock_guard<std::mutex> guard(lock);
    auto found = counts.find({group, name});
    return found == counts.end() ? 0 : found->second;
}

Place &place() {
    thread_local Place here;
    return here;
}

bool check_at(const char *file, int line, bool holds, const char *what, const std::string &detail) {
    if (holds) {
        passed++;
    } else if (++failed <= 50) {
        const char *name = std::strrchr(file, '/');
        std::lock_guard<std::mutex> guard(lock);
        std::printf("FAILED  %s:%d: %s (%s); seed %llu, thread %d, operation %ld\n", name ? name + 1 : file, line,
                    what, detail.c_str(), seed_printed, place().thread, place().number);
        std::fflush(stdout);
    }
    return holds;
}

void report_seed(unsigned long long seed) { seed_printed = seed; }

long failures() { return failed; }

int summary() {
    std::lock_guard<std::mutex> guard(lock);
    const Group *before = nullptr;
    for (const auto &entry : counts) {
        if (!before || *before != entry.first.first) {
            std::printf("%s%s:", before ? "\n" : "", HEADINGS[static_cast<int>(entry.first.first)]);
        }
        before = &entry.first.first;
        std::printf(" %s %ld", entry.first.second.c_str(), entry.second);
    }
    std::printf("\n%ld passed, %ld failed\n", passed.load(), failed.load());
    std::fflush(stdout);
    return failed == 0 && passed > 0 ? 0 : 1;
}
