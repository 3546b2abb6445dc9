/* Mistakes of a host that a sanitizer must find, or it is not there: mistakes WHICH. The library must be as watched as
 * the program. */
#include <chaku.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The program reads behind its own memory. */
static int in_the_program(void) {
    volatile char *memory = calloc(4, 1);
    int read = memory[4];
    free((void *)memory);
    return read;
}

/* The library is given a text without an end, and looks for it. */
static int in_the_library(void) {
    char *text = malloc(4);
    memset(text, 'x', 4);
    chaku_has_feature(text);
    free(text);
    return 0;
}

/* The library writes behind the memory it was given. */
static int by_the_library(void) {
    int64_t *too_small = malloc(4);
    chaku_model_tokenize(NULL, "x", -1, 0, 0, NULL, 0, NULL, (chaku_error **)(void *)too_small);
    free(too_small);
    return 0;
}

static int a_leak(void) {
    volatile char *memory = malloc(100);
    memory[0] = 1;
    memory = NULL;
    return memory != NULL;
}

int main(int argc, char **argv) {
    const char *which = argc > 1 ? argv[1] : "";
    int made = 0;
    if (strcmp(which, "read-in-program") == 0) made = in_the_program();
    if (strcmp(which, "read-in-library") == 0) made = in_the_library();
    if (strcmp(which, "write-in-library") == 0) made = by_the_library();
    if (strcmp(which, "leak") == 0) made = a_leak();
    printf("%s was not found (%d)\n", which, made);
    return 0;
}
