/* No memory: address space limits from far too small to enough, and contexts that no machine can hold. */
#include "faults.h"

/* Mebibytes on top of what the process has when it begins. The default stacks of its threads are among them; and, as things go, for
 * each a heap of malloc's, which reserves 64: so the last steps are large. */
enum { FINE_STEPS = 24, FINE_MB = 4, STEPS = 32, COARSE_MB = 64 };

static int mebibytes(int step) {
    return step < FINE_STEPS ? 1 + step * FINE_MB : 1 + FINE_STEPS * FINE_MB + (step - FINE_STEPS) * COARSE_MB;
}

static const struct choice MAPPED[] = {{CHAKU_OPT_MMAP, 1}, {CHAKU_OPT_THREADS, 1}, {CHAKU_OPT_CTX_SIZE, 512}, {CHAKU_OPT_MAX_TOKENS, 8}, {NULL, 0}};
static const struct choice COPIED[] = {{CHAKU_OPT_MMAP, 0}, {CHAKU_OPT_THREADS, 2}, {CHAKU_OPT_CTX_SIZE, 512}, {CHAKU_OPT_MAX_TOKENS, 8}, {NULL, 0}};

/* A life in so little that it ends somewhere, then one without limit. */
static void in_little_memory(rlim_t bytes, const struct choice *choices, int *worked) {
    struct outcome outcome;
    limit(RLIMIT_AS, address_space_in_use() + bytes);
    live(model_file("tiny-script.gguf"), choices, &outcome);
    unlimit(RLIMIT_AS);
    *worked = went_well(&outcome);
    if (!*worked && !was_in_want(&outcome)) {
        say("with %lu bytes: %s %s (%s)", (unsigned long)bytes, chaku_code_name(outcome.code), outcome.reason, outcome.message);
        EXPECT(!"an error that says what was lacking");
    }
    live_well(model_file("tiny-script.gguf"));
}

/* Each step in a process of its own: memory that was there once is there again for the next. */
static void in_steps(const struct choice *choices) {
    int step, worked = 0;
    for (step = 0; step < STEPS; step++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            int well = 0, before = failed_so_far();
            in_little_memory((rlim_t)mebibytes(step) << 20, choices, &well);
            exit(failed_so_far() > before ? 1 : well ? 0 : 77);
        }
        EXPECT(waitpid(child, &status, 0) == child);
        worked += status == 0;
        if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 77)) {
            say("with %d MiB: %s %d", mebibytes(step), WIFSIGNALED(status) ? "signal" : "status",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
            EXPECT(!"the process lives");
        }
    }
    say("%d limits: it worked %d times, and %d times said what was lacking", STEPS, worked, STEPS - worked);
    EXPECT(worked > 0 && worked < STEPS);
}

static void mapped_in_steps(void) { in_steps(MAPPED); }
static void copied_in_steps(void) { in_steps(COPIED); }

/* The limit comes when the model is at work: requests fail, the model does not. The first chat comes before it, since what a
 * thread sets up at its first request ends the process when it cannot be had. */
static void limited_later(void) {
    struct outcome outcome;
    chaku_model *model = load(model_file("tiny-script.gguf"), SMALL, &outcome);
    int spare;
    chat(model, &outcome);
    EXPECT(went_well(&outcome));
    for (spare = 1; spare <= 12; spare++) {
        limit(RLIMIT_AS, address_space_in_use() + ((rlim_t)spare << 20));
        chat(model, &outcome);
        unlimit(RLIMIT_AS);
        EXPECT(went_well(&outcome) || was_in_want(&outcome));
        chat(model, &outcome);
        EXPECT(went_well(&outcome) && outcome.finals == 1);
    }
    EXPECT(chaku_model_close(model, -1, NULL) == CHAKU_OK);
    chaku_model_free(model);
}

static void refused(const struct choice *choices) {
    struct outcome outcome;
    chaku_model *model = load(model_file("SmolLM2-135M-Instruct.Q4_1.gguf"), choices, &outcome);
    EXPECT(model == NULL && outcome.code == CHAKU_RESOURCE_EXHAUSTED && strcmp(outcome.reason, "memory_budget") == 0);
    if (model != NULL || strstr(outcome.message, "MiB") == NULL) say("%s (%s)", outcome.reason, outcome.message);
    chaku_model_free(model);
}

/* A system that overcommits would grant them, and end the process when they are filled. */
static void endless_contexts(void) {
    static const int64_t sizes[] = {2147483392, 1 << 30, 1 << 26};
    size_t i;
    for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct choice choices[] = {{CHAKU_OPT_CTX_SIZE, 0}, {CHAKU_OPT_MAX_SESSIONS, 256}, {NULL, 0}};
        choices[0].value = sizes[i];
        refused(choices);
    }
    {
        static const struct choice wide[] = {{CHAKU_OPT_CTX_SIZE, 1 << 20}, {CHAKU_OPT_BATCH_SIZE, 1 << 20}, {CHAKU_OPT_UBATCH_SIZE, 1 << 20}, {NULL, 0}};
        refused(wide);
    }
    live_well(model_file("tiny-script.gguf"));
}

int main(int argc, char **argv) {
    static const struct fault faults[] = {
        {"address space limits, mapped", mapped_in_steps, 0},
        {"address space limits, copied", copied_in_steps, 0},
        {"address space limits on a loaded model", limited_later, 0},
        {"contexts that no machine holds", endless_contexts, 0},
    };
    return try_faults(argc, argv, faults, sizeof faults / sizeof *faults);
}
