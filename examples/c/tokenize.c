/*
 * Show how a model cuts text into tokens, and what the model says about itself.
 *
 *     tokenize MODEL.gguf [TEXT]
 */
#include <chaku.h>

#include <stdio.h>
#include <stdlib.h>

/* Prints and frees an error; says whether there was none. */
static int ok(chaku_code code, chaku_error **error) {
    if (code == CHAKU_OK) return 1;
    fprintf(stderr, "%s (%s): %s\n", chaku_code_name(code), chaku_error_reason(*error), chaku_error_message(*error));
    chaku_error_free(*error);
    *error = NULL;
    return 0;
}

static void describe(const chaku_model *model) {
    const char *name = chaku_model_metadata(model, "general.name");
    printf("name        %s\n", name != NULL ? name : "(none)");
    printf("kind        %s\n", chaku_model_description(model));
    printf("weights     %.1f MiB, %.1f million parameters\n", (double)chaku_model_size_bytes(model) / 1048576.0,
           (double)chaku_model_parameter_count(model) / 1e6);
    printf("window      %lld tokens, trained for %lld\n", (long long)chaku_model_context_size(model),
           (long long)chaku_model_training_context(model));
    printf("vocabulary  %lld tokens\n\n", (long long)chaku_model_vocab_size(model));
}

static int show_token(const chaku_model *model, int32_t token) {
    char piece[256];
    int64_t length = 0;
    chaku_error *error = NULL;
    if (!ok(chaku_model_detokenize(model, &token, 1, 1, piece, sizeof piece, &length, &error), &error)) return 0;
    printf("%8d  \"%s\"\n", (int)token, piece);
    return 1;
}

int main(int argc, char **argv) {
    chaku_model *model = NULL;
    chaku_error *error = NULL;
    const char *text = argc > 2 ? argv[2] : "Llamas hum when they are curious. \xF0\x9F\xA6\x99";
    int32_t *tokens = NULL;
    int64_t count = 0;
    int good;

    if (argc < 2) {
        fprintf(stderr, "usage: %s MODEL.gguf [TEXT]\n", argv[0]);
        return 2;
    }
    /* A capacity of 0 asks how many tokens there are. */
    good = ok(chaku_model_load(NULL, argv[1], NULL, &model, &error), &error) &&
           ok(chaku_model_tokenize(model, text, -1, 0, 0, NULL, 0, &count, &error), &error);
    if (good) {
        describe(model);
        tokens = malloc((size_t)(count > 0 ? count : 1) * sizeof *tokens);
        good = tokens != NULL &&
               ok(chaku_model_tokenize(model, text, -1, 0, 0, tokens, count, &count, &error), &error);
    }
    if (good) {
        int64_t i;
        printf("%lld tokens:\n", (long long)count);
        for (i = 0; good && i < count; i++) good = show_token(model, tokens[i]);
    }
    free(tokens);
    chaku_model_free(model);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
