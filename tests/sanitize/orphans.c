/* For programs with a leak checker: a child forked from a process with several threads is not checked. What only those
 * threads knew of would be taken for lost. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <pthread.h>

#ifdef WITH_VALGRIND
#include <valgrind/valgrind.h>
static void check_no_leaks(void) { VALGRIND_CLO_CHANGE("--leak-check=no"); }
#else
static int orphaned;
/* LeakSanitizer asks this before it looks. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return orphaned; }
static void check_no_leaks(void) { orphaned = 1; }
#endif

static int threads;

static void count_threads(void) {
    DIR *folder = opendir("/proc/self/task");
    threads = -2; /* . and .. */
    while (folder && readdir(folder)) threads++;
    if (folder) closedir(folder);
}

static void in_child(void) {
    if (threads > 1) check_no_leaks();
}

__attribute__((constructor)) static void watch_forks(void) { pthread_atfork(count_threads, NULL, in_child); }
