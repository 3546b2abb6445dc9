// The limits that the soak runs into.
#pragma once

#include <chaku.hpp>

constexpr int WORKERS = 8;
constexpr int SESSIONS_EACH = 6;
// Far fewer than may be asked at once, so that they are met all the time.
constexpr int MAX_RUNNING = 6;
constexpr int QUEUE_LIMIT = 12;
constexpr int PROMPT_CACHE_MIB = 1;
constexpr int CONTEXT = 512;
