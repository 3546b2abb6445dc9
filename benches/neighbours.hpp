// Other programs that want the processors: children that do nothing but count.
#pragma once

#include <csignal>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

class Neighbours {
public:
    // To be made before the process has threads. They sleep at first.
    explicit Neighbours(int count) {
        const pid_t parent = getpid();
        for (int i = 0; i < count; ++i) {
            const pid_t child = fork();
            if (child < 0) throw std::runtime_error("cannot fork");
            if (child == 0) spin(parent);
            children_.push_back(child);
            waitpid(child, nullptr, WUNTRACED);
        }
    }
    ~Neighbours() {
        for (pid_t child : children_) kill(child, SIGKILL), waitpid(child, nullptr, 0);
    }

    Neighbours(const Neighbours &) = delete;
    Neighbours & operator=(const Neighbours &) = delete;

    void wake() { signal(SIGCONT); }
    void sleep() { signal(SIGSTOP); }

private:
    [[noreturn]] static void spin(pid_t parent) {
        raise(SIGSTOP);
        while (getppid() == parent) {  // they do not outlive it, however it ends
            for (volatile int i = 0; i < 10'000'000; i = i + 1) {
            }
        }
        _exit(0);
    }

    void signal(int number) {
        for (pid_t child : children_) kill(child, number);
    }

    std::vector<pid_t> children_;
};
