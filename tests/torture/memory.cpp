#include "memory.hpp"

#include <algorithm>
#include <cstdio>
#include <dirent.h>
#include <malloc.h>
#include <string>

#include "report.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

long memory_in_use() {
#ifdef __SANITIZE_ADDRESS__
    return -1;
#else
    struct mallinfo2 info = mallinfo2();
    return static_cast<long>(info.uordblks + info.hblkhd);
#endif
}

int thread_count() {
    int count = -2;  // . and ..
    DIR *folder = opendir("/proc/self/task");
    while (folder && readdir(folder)) count++;
    if (folder) closedir(folder);
    return count;
}

// What could leak is something of a request, a registration, a session or a model. The smallest of these has some 100
// bytes, and one operation in ten or more makes it: a leak shows as 10 KB a 1000 operations, or more. Without a leak
// tables and caches vary, which grow to the most that was ever needed at once. In the later half of a run that is some
// 20 KB, however long the run is: three times as much is allowed, and next to nothing beside it. So a leak of a
// hundredth of the requests shows in 200000 operations.
constexpr double MOST_KB_OF_TABLES = 60.0, MOST_KB_A_1000_OPERATIONS = 0.5;
constexpr double FEWEST_OPERATIONS = 20000;

// The median of the slopes between all pairs of the later rounds (Theil and Sen): no single round decides.
void Slope::check() const {
    if (memory_in_use() < 0) {
        std::printf("memory: not measured, malloc does not tell\n");
        return;
    }
    if (static_cast<double>(samples_.size()) * operations_ < FEWEST_OPERATIONS) {
        std::printf("memory: not judged, too few operations\n");
        return;
    }
    std::vector<double> slopes;
    size_t first = samples_.size() / 2;
    for (size_t i = first; i < samples_.size(); i++) {
        for (size_t j = i + 1; j < samples_.size(); j++) {
            slopes.push_back(static_cast<double>(samples_[j] - samples_[i]) / static_cast<double>(j - i));
        }
    }
    std::nth_element(slopes.begin(), slopes.begin() + slopes.size() / 2, slopes.end());
    double slope = slopes[slopes.size() / 2] / 1024 / operations_ * 1000;
    std::printf("memory: %.1f KB after the first round, %.1f KB in the middle, %.1f KB after the last; slope %.2f KB a "
                "1000 operations\n",
                samples_.front() / 1024.0, samples_[first] / 1024.0, samples_.back() / 1024.0, slope);
    double judged = static_cast<double>(samples_.size() - first) * operations_;
    double most = MOST_KB_A_1000_OPERATIONS + MOST_KB_OF_TABLES / judged * 1000;
    if (!CHECK(slope <= most, std::to_string(slope) + " KB a 1000 operations, of " + std::to_string(most))) {
        count(Group::OTHER, "leaks");
    }
}
