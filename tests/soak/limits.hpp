// Watches the model's own numbers while it works: queue, KV cache and prompt cache never pass their limits.
#pragma once

#include <atomic>
#include <thread>

#include "settings.hpp"
#include "tally.hpp"

class Limits {
  public:
    Limits(const chaku::Model &model, Tally &tally);
    ~Limits();

    Limits(const Limits &) = delete;
    Limits &operator=(const Limits &) = delete;

  private:
    void watch();

    chaku::Model model_;
    Tally &tally_;
    std::atomic<bool> over_{false};
    std::thread thread_;
};
