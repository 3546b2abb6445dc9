/* One large allocation is refused: the first, the second, and so on, through a load and a chat. */
#include "faults.h"

#include <dlfcn.h>

static long (*fail)(size_t, long);

/* Each in a process of its own. */
static void refuse_each(const char *model, size_t large, int mapped, int most) {
    int n, worked = 0, lacked = 0;
    *(void **)&fail = dlsym(RTLD_DEFAULT, "fail");
    EXPECT(fail != NULL);
    if (fail == NULL) return;
    for (n = 1; n <= most; n++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            struct choice choices[] = {{CHAKU_OPT_MMAP, 0}, {CHAKU_OPT_THREADS, 1}, {CHAKU_OPT_MAX_TOKENS, 2}, {NULL, 0}};
            struct outcome outcome;
            choices[0].value = mapped;
            fail(large, n);
            live(model_file(model), choices, &outcome);
            fail((size_t)-1, 0);
            if (!went_well(&outcome) && !was_in_want(&outcome)) {
                say("number %d: %s %s (%s)", n, chaku_code_name(outcome.code), outcome.reason, outcome.message);
                exit(1);
            }
            {
                int well = went_well(&outcome);
                live_well(model_file("tiny-script.gguf"));
                exit(failed_so_far() > 0 ? 1 : well ? 0 : 77);
            }
        }
        EXPECT(waitpid(child, &status, 0) == child);
        worked += status == 0;
        lacked += WIFEXITED(status) && WEXITSTATUS(status) == 77;
        if (status != 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == 77)) {
            say("number %d: %s %d", n, WIFSIGNALED(status) ? "signal" : "status",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        }
    }
    say("allocations of %lu KiB and more: %d refused, one at a time: %d worked, %d typed errors", (unsigned long)large >> 10,
        most, worked, lacked);
    EXPECT(worked + lacked == most && lacked > 0);
}

static void of_a_real_model(void) { refuse_each("SmolLM2-135M-Instruct.Q4_1.gguf", 1 << 20, 1, 12); }
static void of_a_copied_model(void) { refuse_each("SmolLM2-135M-Instruct.Q4_1.gguf", 1 << 20, 0, 12); }
/* Smaller ones ggml asks for in C without looking whether it got them. */
static void of_a_tiny_model(void) { refuse_each("tiny-script.gguf", 256 << 10, 0, 20); }

int main(int argc, char **argv) {
    static const struct fault faults[] = {
        {"large allocations of a real model, mapped", of_a_real_model, 0},
        {"large allocations of a real model, copied", of_a_copied_model, 0},
        {"large allocations of a tiny model", of_a_tiny_model, 0},
    };
    return try_faults(argc, argv, faults, sizeof faults / sizeof *faults);
}
