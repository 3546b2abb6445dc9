/* misuse SHORT.gguf LONG.gguf: a model that answers with a short text, and one that never ends. CHAKU_TEST_SEED chooses
 * what threads do. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "misuse.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const kind_names[KINDS] = {"null",        "stale",     "wrong type", "foreign",
                                              "double free", "reentrant", "concurrent", "forked"};

/* In memory that forked children count in too. */
static struct {
    int passed[KINDS], failed[KINDS];
} *counts;

void count_passed(enum kind kind) { __atomic_add_fetch(&counts->passed[kind], 1, __ATOMIC_SEQ_CST); }

void count_failed(enum kind kind, const char *format, ...) {
    va_list arguments;
    if (__atomic_add_fetch(&counts->failed[kind], 1, __ATOMIC_SEQ_CST) > 20) return;
    va_start(arguments, format);
    flockfile(stdout);
    printf("FAILED  %s: ", kind_names[kind]);
    vprintf(format, arguments);
    printf("\n");
    funlockfile(stdout);
    va_end(arguments);
    fflush(stdout);
}

void give_up(const char *why) {
    printf("FAILED  cannot go on: %s\n", why);
    fflush(stdout);
    _exit(1);
}

static void list_harmless(void) {
    int f, harmless = 0;
    for (f = 0; f < function_count; f++) harmless += !functions[f].misusable;
    printf("%d functions, %d of which take nothing but numbers, if anything:", function_count, harmless);
    for (f = 0; f < function_count; f++) {
        if (!functions[f].misusable) printf(" %s", functions[f].name);
    }
    printf("\n");
}

int main(int argc, char **argv) {
    const char *seed_text = getenv("CHAKU_TEST_SEED");
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : 1;
    int kind, passed = 0, failed = 0;
    if (argc != 3) {
        fprintf(stderr, "usage: %s SHORT.gguf LONG.gguf\n", argv[0]);
        return 2;
    }
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counts == MAP_FAILED) return 2;
    list_harmless();
    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    misuse_forked_early();
    make_world(argv[1]);
    misuse_alone();
    misuse_inside();
    misuse_together(seed);
    misuse_forked(argv[2]);
    end_world();
    for (kind = 0; kind < KINDS; kind++) {
        printf("%-12s %7d checks, %d failed\n", kind_names[kind], counts->passed[kind] + counts->failed[kind],
               counts->failed[kind]);
        passed += counts->passed[kind];
        failed += counts->failed[kind];
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0 || passed == 0;
}
