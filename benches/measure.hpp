// What every measuring program needs: a clock and this process's peak memory.
#pragma once

#include <chrono>
#include <fstream>
#include <stdexcept>
#include <string>

namespace measure {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point began) { return std::chrono::duration<double>(Clock::now() - began).count(); }

// The highest resident set size so far (Linux only).
inline long peak_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        if (word == "VmHWM:") {
            long kib = 0;
            status >> kib;
            return kib;
        }
    }
    throw std::runtime_error("no VmHWM in /proc/self/status");
}

}  // namespace measure
