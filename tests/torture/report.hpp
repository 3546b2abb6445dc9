// What is counted and checked, from any thread.
#pragma once

#include <string>

enum class Group { OPERATION, STARTED, FINISH, REASON, CALLBACK, DESTROY, OTHER };

void count(Group group, const char *name);
long counted(Group group, const char *name);

// A check that fails is printed with the seed, and with the thread and the operation that it happened in.
bool check_at(const char *file, int line, bool holds, const char *what, const std::string &detail);
#define CHECK(condition, detail) check_at(__FILE__, __LINE__, (condition), #condition, (detail))

// The operation this thread is in, for what is printed. A thread of chaku has none.
struct Place {
    int thread = -1;
    long number = -1;
};
Place &place();

void report_seed(unsigned long long seed);
long failures();
// Prints all counts, and last the line `N passed, N failed`. Says what the process returns.
int summary();
