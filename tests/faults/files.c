/* The model's file is cut off or replaced while it is used: mapped, or copied into memory. */
#include "faults.h"

static const struct choice MAPPED[] = {{CHAKU_OPT_MMAP, 1},          {CHAKU_OPT_THREADS, 1},     {CHAKU_OPT_CTX_SIZE, 512},
                                       {CHAKU_OPT_MAX_TOKENS, 8},  {CHAKU_OPT_TEMPERATURE, 0}, {NULL, 0}};
static const struct choice COPIED[] = {{CHAKU_OPT_MMAP, 0},          {CHAKU_OPT_THREADS, 1},     {CHAKU_OPT_CTX_SIZE, 512},
                                       {CHAKU_OPT_MAX_TOKENS, 8},  {CHAKU_OPT_TEMPERATURE, 0}, {NULL, 0}};
static const char REAL[] = "SmolLM2-135M-Instruct.Q4_1.gguf";
enum { ATTEMPTS = 8 };

static void cut_off(const char *path) { EXPECT(truncate(path, 4096) == 0); }

static void replace(const char *path) {
    char other[LONGEST_PATH + 8];
    snprintf(other, sizeof other, "%s.new", path);
    put_copy(model_file("tiny-script.gguf"), other);
    EXPECT(rename(other, path) == 0);
}

/* The same file, with other bytes from half of it on. */
static void overwrite(const char *path) {
    static char bytes[4096];
    int file = open(path, O_WRONLY);
    off_t size = lseek(file, 0, SEEK_END), at;
    memset(bytes, 0x77, sizeof bytes);
    for (at = size / 2; at + (off_t)sizeof bytes < size; at += sizeof bytes) {
        EXPECT(pwrite(file, bytes, sizeof bytes, at) == sizeof bytes);
    }
    close(file);
}

/* Whether the answer is the same before and after something was done to the file; asks only for an end otherwise. */
static void same_answer(const struct choice *choices, void (*harm)(const char *), int must_be_same) {
    struct outcome before, after;
    const char *path = copy_of("tiny-random.gguf");
    chaku_model *model = load(path, choices, &before);
    chat(model, &before);
    EXPECT(went_well(&before) && before.text[0] != '\0');
    harm(path);
    chat(model, &after);
    EXPECT(after.finals == 1);
    EXPECT(!must_be_same || (went_well(&after) && strcmp(before.text, after.text) == 0));
    EXPECT(chaku_model_close(model, -1, NULL) == CHAKU_OK);
    chaku_model_free(model);
}

/* What no library can prevent: the pages behind the mapping are gone, and touching them is SIGBUS. */
static void mapped_cut_off(void) { same_answer(MAPPED, cut_off, 0); }
static void mapped_replaced(void) { same_answer(MAPPED, replace, 1); }
static void mapped_overwritten(void) { same_answer(MAPPED, overwrite, 0); }
static void copied_cut_off(void) { same_answer(COPIED, cut_off, 1); }
static void copied_replaced(void) { same_answer(COPIED, replace, 1); }
static void copied_overwritten(void) { same_answer(COPIED, overwrite, 1); }

/* Harms the file at several moments of its load. Gives how often the load then failed. */
static int while_loading(void (*harm)(const char *)) {
    int attempt, failed = 0;
    for (attempt = 0; attempt < ATTEMPTS; attempt++) {
        struct outcome outcome;
        const char *path = copy_of(REAL);
        chaku_options *options = options_of(COPIED);
        chaku_request *request = NULL;
        chaku_model *model = NULL;
        EXPECT(chaku_model_load_async(NULL, path, options, &request, NULL) == CHAKU_OK);
        sleep_ms(attempt * 8);
        harm(path);
        memset(&outcome, 0, sizeof outcome);
        read_to_end(request, &outcome);
        if (went_well(&outcome)) {
            EXPECT(chaku_request_model(request, &model, NULL) == CHAKU_OK);
            chat(model, &outcome);
            EXPECT(outcome.finals == 1);
        } else {
            failed++;
            EXPECT(strcmp(outcome.reason, "model_corrupt") == 0 || strcmp(outcome.reason, "file_unreadable") == 0);
            EXPECT(outcome.message[0] != '\0');
        }
        chaku_model_free(model);
        chaku_request_free(request);
        chaku_options_free(options);
    }
    return failed;
}

static void cut_off_while_loading(void) {
    int failed = while_loading(cut_off);
    say("cut off at %d moments of a load: %d typed errors", ATTEMPTS, failed);
    EXPECT(failed > 0);
    live_well(model_file("tiny-script.gguf"));
}

/* llama.cpp opens the file twice, so a replaced one may not fit what was read before. */
static void replaced_while_loading(void) { while_loading(replace); }
static void overwritten_while_loading(void) { while_loading(overwrite); }

int main(int argc, char **argv) {
    static const struct fault faults[] = {
        {"mapped file cut off: SIGBUS, as the docs say", mapped_cut_off, SIGBUS},
        {"mapped file replaced", mapped_replaced, 0},
        {"mapped file overwritten", mapped_overwritten, 0},
        {"copied file cut off", copied_cut_off, 0},
        {"copied file replaced", copied_replaced, 0},
        {"copied file overwritten", copied_overwritten, 0},
        {"file cut off while it is copied", cut_off_while_loading, 0},
        {"file replaced while it is copied", replaced_while_loading, 0},
        {"file overwritten while it is copied", overwritten_while_loading, 0},
    };
    return try_faults(argc, argv, faults, sizeof faults / sizeof *faults);
}
