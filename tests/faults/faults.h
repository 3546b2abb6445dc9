/* Faults: each is tried in a process of its own, in which nothing but the fault's function runs. It must end well, and the
 * library must write nothing: what appears on stdout or stderr there is a failure, so the tests themselves speak on
 * another descriptor. */
#ifndef FAULTS_H
#define FAULTS_H

#define _GNU_SOURCE
#include <chaku.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST_PATH = 1024, LONGEST_CASE_S = 120 };

struct fault {
    const char *name;
    void (*run)(void);
    int signal; /* what ends the process, when nothing can prevent it */
};

/* Tries all; prints a line each and the counts. The result of main: `program MODELS SCRATCH`. */
int try_faults(int argc, char **argv, const struct fault *faults, size_t count);

/* ---- In a fault's process ---- */

/* Says something about the case at hand. */
void say(const char *format, ...);
void expect(int holds, const char *file, int line, const char *what);
int failed_so_far(void);
#define EXPECT(condition) expect((condition) != 0, __FILE__, __LINE__, #condition)
/* The call gave this code and reason. */
#define FAILS(call, code, reason)                                    \
    do {                                                             \
        chaku_error *error = NULL;                                   \
        chaku_code got = (call);                                     \
        failed_with(got, error, code, reason, __FILE__, __LINE__);   \
    } while (0)
void failed_with(chaku_code got, chaku_error *error, chaku_code code, const char *reason, const char *file, int line);

const char *model_file(const char *name);
/* A copy in the scratch folder, which may be broken. */
const char *copy_of(const char *name);
void put_copy(const char *from, const char *to);

/* Integers and switches by key; the last has no key. */
struct choice {
    const char *key;
    int64_t value;
};
chaku_options *options_of(const struct choice *choices);
/* Small, on one thread, with answers of 32 tokens. */
extern const struct choice SMALL[];
extern const struct choice NO_CHOICE[];

/* How something went: no reason when it went well. */
struct outcome {
    chaku_code code;
    char reason[64], message[512];
    int finals;
    int64_t tokens;
    char text[4096];
};
int went_well(const struct outcome *outcome);
/* Whether it failed for want of something: memory, threads, descriptors. */
int was_in_want(const struct outcome *outcome);

chaku_model *load(const char *path, const struct choice *choices, struct outcome *outcome);
/* One greedy chat in a session of its own, read to its end. */
void chat(chaku_model *model, struct outcome *outcome);
void read_to_end(chaku_request *request, struct outcome *outcome);
/* Loads, chats and lets go. */
void live(const char *path, const struct choice *choices, struct outcome *outcome);
/* The same, and all of it must work. */
void live_well(const char *path);

/* A request whose answer the options of the model and these end, or nobody. */
chaku_request *endless(chaku_model *model, const struct choice *choices);
/* A callback, and whether it has begun. */
int32_t never_return(const chaku_event *event, void *user_data);
int is_stuck(void);
void sleep_ms(long ms);
/* On a clock that nobody sets. */
int64_t now_ms(void);
/* Sets a soft limit, which can be raised again. */
void limit(int resource, rlim_t value);
void unlimit(int resource);
rlim_t address_space_in_use(void);

#endif
