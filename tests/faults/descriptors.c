/* No descriptors left, and descriptors that are not what they used to be. */
#include "faults.h"

static void none_left(void) {
    struct outcome outcome;
    int files[64], count = 0;
    chaku_model *model;
    limit(RLIMIT_NOFILE, 32);
    while (count < 64 && (files[count] = open("/dev/null", O_RDONLY)) >= 0) count++;
    model = load(model_file("tiny-script.gguf"), SMALL, &outcome);
    EXPECT(model == NULL && outcome.code == CHAKU_UNAVAILABLE && strcmp(outcome.reason, "file_unreadable") == 0);
    /* One is enough to look at the file, and for llama.cpp, which has it open twice, it is not. */
    close(files[--count]);
    model = load(model_file("tiny-script.gguf"), SMALL, &outcome);
    EXPECT(model != NULL || outcome.reason[0] != '\0');
    chaku_model_free(model);
    while (count > 0) close(files[--count]);
    live_well(model_file("tiny-script.gguf"));
}

static void none_left_for_a_loaded_model(void) {
    struct outcome outcome;
    int count = 0;
    chaku_model *model = load(model_file("tiny-script.gguf"), SMALL, &outcome);
    limit(RLIMIT_NOFILE, 32);
    while (count < 64 && open("/dev/null", O_RDONLY) >= 0) count++;
    chat(model, &outcome);
    EXPECT(went_well(&outcome) && outcome.finals == 1);
    chaku_model_free(model);
}

/* A service that closed its standard descriptors: the model's file gets their numbers. */
static void standard_ones_closed(void) {
    int mode;
    for (mode = 0; mode < 2; mode++) {
        struct choice choices[] = {{CHAKU_OPT_MMAP, 0}, {CHAKU_OPT_THREADS, 1}, {CHAKU_OPT_MAX_TOKENS, 8}, {NULL, 0}};
        struct outcome outcome;
        chaku_model *model;
        choices[0].value = mode;
        close(0), close(1), close(2);
        model = load(model_file("tiny-script.gguf"), choices, &outcome);
        EXPECT(model != NULL);
        chat(model, &outcome);
        EXPECT(went_well(&outcome) && outcome.finals == 1);
        chaku_model_free(model);
    }
}

int main(int argc, char **argv) {
    static const struct fault faults[] = {
        {"no descriptor left to load with", none_left, 0},
        {"no descriptor left for a loaded model", none_left_for_a_loaded_model, 0},
        {"standard descriptors closed", standard_ones_closed, 0},
    };
    return try_faults(argc, argv, faults, sizeof faults / sizeof *faults);
}
