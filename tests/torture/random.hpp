// Random numbers that are the same everywhere for the same seed (splitmix64).
#pragma once

#include <cstddef>
#include <cstdint>

class Random {
public:
    // One sequence for each operation of each thread, so that what an operation draws changes no other.
    Random(uint64_t seed, uint64_t thread, uint64_t number) : state_(seed) {
        state_ = next() ^ (thread << 48) ^ number;
    }

    uint64_t next() {
        uint64_t mixed = state_ += 0x9E3779B97F4A7C15u;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
        return mixed ^ (mixed >> 31);
    }

    int below(int bound) { return static_cast<int>(next() % static_cast<uint64_t>(bound)); }
    bool one_in(int bound) { return below(bound) == 0; }

    template <class T, size_t N>
    const T &pick(const T (&from)[N]) {
        return from[below(static_cast<int>(N))];
    }

private:
    uint64_t state_;
};
