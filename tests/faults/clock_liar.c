/* Preloaded: the wall clock says what `lie` was told, from one moment to the next. CLOCK_MONOTONIC tells the truth. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stddef.h>
#include <sys/time.h>
#include <time.h>

static int64_t offset_s;
static int asked;

void lie(int64_t seconds);
void lie(int64_t seconds) { __atomic_store_n(&offset_s, seconds, __ATOMIC_SEQ_CST); }

static int wall(struct timespec *out, clockid_t clock) {
    static int (*real)(clockid_t, struct timespec *);
    int result;
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    result = real(clock, out);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        __atomic_add_fetch(&asked, 1, __ATOMIC_SEQ_CST);
        out->tv_sec += __atomic_load_n(&offset_s, __ATOMIC_SEQ_CST);
    }
    return result;
}

int clock_gettime(clockid_t clock, struct timespec *out) { return wall(out, clock); }

int gettimeofday(struct timeval *out, void *zone) {
    struct timespec now;
    (void)zone;
    wall(&now, CLOCK_REALTIME);
    out->tv_sec = now.tv_sec, out->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out) {
    struct timespec now;
    wall(&now, CLOCK_REALTIME);
    if (out != NULL) *out = now.tv_sec;
    return now.tv_sec;
}
