// Memory and threads of this process.
#pragma once

#include <vector>

// Bytes the program has from malloc and has not given back; -1 where malloc cannot say.
long memory_in_use();

// Entries of /proc/self/task.
int thread_count();

// The memory after each round, when everything was freed, must not grow.
class Slope {
public:
    explicit Slope(double operations_a_round) : operations_(operations_a_round) {}
    void sample() { samples_.push_back(memory_in_use()); }
    void check() const;

private:
    double operations_;
    std::vector<long> samples_;
};
