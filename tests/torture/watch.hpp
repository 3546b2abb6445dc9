// Who waits for what, and since when. A wait that lasts too long is a lost wake-up: it ends the program.
#pragma once

#include <cstdint>

// Marks what this thread does until it goes out of scope. What is inside another one stands for it.
class Doing {
public:
    Doing(const char *what, const void *handle);
    ~Doing();
    Doing(const Doing &) = delete;
    Doing &operator=(const Doing &) = delete;

private:
    const char *what_;
    const void *handle_;
    int64_t since_;
};

// Watches the threads that call `watch_me`; `patience` is the longest wait in seconds.
void watch_start(int patience);
void watch_me(int thread);
void watch_stop();

void sleep_ms(int ms);
