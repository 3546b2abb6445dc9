#include "faults.h"

#include <stdarg.h>
#include <sys/stat.h>

/* Far from the descriptors that a fault may close or leave without numbers. */
enum { REPORT = 9, TEXT_S = 8192 };

static const char *models, *scratch;
static int failures;

const struct choice SMALL[] = {
    {CHAKU_OPT_THREADS, 1}, {CHAKU_OPT_CTX_SIZE, 512}, {CHAKU_OPT_MAX_TOKENS, 32}, {CHAKU_OPT_TEMPERATURE, 0}, {NULL, 0}};

const struct choice NO_CHOICE[] = {{NULL, 0}};

/* ---- Trying ---- */

static void path_in(char *path, const char *folder, const char *name) {
    snprintf(path, LONGEST_PATH, "%s/%s", folder, name);
}

/* What the case's process wrote where only the library would. */
static long said(char *text, size_t size) {
    char path[LONGEST_PATH];
    FILE *file;
    size_t length;
    path_in(path, scratch, "said");
    file = fopen(path, "r");
    if (file == NULL) return -1;
    length = fread(text, 1, size - 1, file);
    text[length] = '\0';
    fclose(file);
    return (long)length;
}

static void begin_case(void) {
    char path[LONGEST_PATH];
    int file;
    path_in(path, scratch, "said");
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0 || dup2(1, REPORT) < 0 || dup2(file, 1) < 0 || dup2(file, 2) < 0) _exit(99);
    close(file);
    alarm(LONGEST_CASE_S);
}

int try_faults(int argc, char **argv, const struct fault *faults, size_t count) {
    static char text[TEXT_S];
    struct rlimit no_core = {0, 0};
    int passed = 0, failed = 0;
    size_t i;
    if (argc < 3) {
        fprintf(stderr, "usage: %s MODELS SCRATCH [CASE]\n", argv[0]);
        return 2;
    }
    models = argv[1], scratch = argv[2];
    setrlimit(RLIMIT_CORE, &no_core);
    for (i = 0; i < count; i++) {
        int status = 0;
        pid_t child;
        long length;
        if (argc > 3 && strstr(faults[i].name, argv[3]) == NULL) continue;
        fflush(stdout);
        child = fork();
        if (child == 0) {
            begin_case();
            faults[i].run();
            exit(failures > 0);
        }
        if (child < 0 || waitpid(child, &status, 0) != child) return 2;
        length = said(text, sizeof text);
        if ((faults[i].signal ? WIFSIGNALED(status) && WTERMSIG(status) == faults[i].signal : status == 0) && length == 0) {
            passed++;
            printf("ok      %s\n", faults[i].name);
            continue;
        }
        failed++;
        printf("FAILED  %s (%s %d)%s%s\n", faults[i].name, WIFSIGNALED(status) ? "signal" : "status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), length > 0 ? "; the library wrote: " : "", text);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0 || passed == 0;
}

/* ---- In a fault's process ---- */

void say(const char *format, ...) {
    char line[1024];
    va_list values;
    int length;
    va_start(values, format);
    length = vsnprintf(line, sizeof line - 1, format, values);
    va_end(values);
    if (length < 0 || length >= (int)sizeof line - 1) length = sizeof line - 2;
    line[length++] = '\n';
    if (write(REPORT, "        ", 8) < 0 || write(REPORT, line, (size_t)length) < 0) _exit(99);
}

void expect(int holds, const char *file, int line, const char *what) {
    if (holds) return;
    failures++;
    say("%s:%d: failed: %s", file, line, what);
}

int failed_so_far(void) { return failures; }

void failed_with(chaku_code got, chaku_error *error, chaku_code code, const char *reason, const char *file, int line) {
    if (got != code || strcmp(chaku_error_reason(error), reason) != 0) {
        failures++;
        say("%s:%d: %s %s (%s), not %s %s", file, line, chaku_code_name(got), chaku_error_reason(error),
            chaku_error_message(error), chaku_code_name(code), reason);
    }
    chaku_error_free(error);
}

const char *model_file(const char *name) {
    static char path[LONGEST_PATH];
    path_in(path, models, name);
    return path;
}

void put_copy(const char *from, const char *to) {
    static char block[1 << 16];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ssize_t length;
    while ((length = read(in, block, sizeof block)) > 0) {
        if (write(out, block, (size_t)length) != length) length = -1;
    }
    EXPECT(in >= 0 && out >= 0 && length == 0);
    close(in), close(out);
}

const char *copy_of(const char *name) {
    static char path[LONGEST_PATH];
    path_in(path, scratch, "model.gguf");
    put_copy(model_file(name), path);
    return path;
}

chaku_options *options_of(const struct choice *choices) {
    chaku_options *options = NULL;
    chaku_code code = chaku_options_new(&options, NULL);
    for (; code == CHAKU_OK && choices->key != NULL; choices++) {
        int32_t kind = chaku_option_kind(choices->key);
        if (kind == CHAKU_OPTION_KIND_BOOL) {
            code = chaku_options_set_bool(options, choices->key, (int32_t)choices->value, NULL);
        } else if (kind == CHAKU_OPTION_KIND_F64) {
            code = chaku_options_set_f64(options, choices->key, (double)choices->value, NULL);
        } else {
            code = chaku_options_set_i64(options, choices->key, choices->value, NULL);
        }
    }
    EXPECT(code == CHAKU_OK);
    return options;
}

static void note(struct outcome *outcome, chaku_code code, chaku_error *error) {
    outcome->code = code;
    snprintf(outcome->reason, sizeof outcome->reason, "%s", chaku_error_reason(error));
    snprintf(outcome->message, sizeof outcome->message, "%s", chaku_error_message(error));
    chaku_error_free(error);
}

int went_well(const struct outcome *outcome) { return outcome->code == CHAKU_OK && outcome->reason[0] == '\0'; }

int was_in_want(const struct outcome *outcome) {
    return outcome->code == CHAKU_RESOURCE_EXHAUSTED &&
           (strcmp(outcome->reason, "memory_budget") == 0 || strcmp(outcome->reason, "no_thread") == 0);
}

chaku_model *load(const char *path, const struct choice *choices, struct outcome *outcome) {
    chaku_options *options = options_of(choices);
    chaku_model *model = NULL;
    chaku_error *error = NULL;
    chaku_code code;
    memset(outcome, 0, sizeof *outcome);
    code = chaku_model_load(NULL, path, options, &model, &error);
    note(outcome, code, error);
    chaku_options_free(options);
    return model;
}

void read_to_end(chaku_request *request, struct outcome *outcome) {
    for (;;) {
        chaku_event *event = NULL;
        chaku_error *error = NULL;
        const char *text;
        chaku_code code = chaku_request_next(request, -1, &event, &error);
        if (code != CHAKU_OK) {
            /* Reading past the end is the only thing that may go wrong here. */
            EXPECT(code == CHAKU_OUT_OF_RANGE && outcome->finals == 1);
            chaku_error_free(error);
            return;
        }
        if (chaku_event_kind(event) == CHAKU_EVENT_TEXT && (text = chaku_event_text(event, NULL)) != NULL) {
            strncat(outcome->text, text, sizeof outcome->text - strlen(outcome->text) - 1);
        }
        if (chaku_event_kind(event) == CHAKU_EVENT_FINAL) {
            outcome->finals++;
            outcome->tokens = chaku_event_completion_tokens(event);
            code = chaku_event_error(event, &error);
            note(outcome, code, error);
        }
        chaku_event_free(event);
    }
}

void chat(chaku_model *model, struct outcome *outcome) {
    chaku_session *session = NULL;
    chaku_request *request = NULL;
    chaku_error *error = NULL;
    chaku_code code = chaku_session_new(model, NULL, &session, &error);
    memset(outcome, 0, sizeof *outcome);
    if (code == CHAKU_OK) code = chaku_session_chat(session, "Say something.", -1, NULL, &request, &error);
    note(outcome, code, error);
    if (code == CHAKU_OK) read_to_end(request, outcome);
    chaku_request_free(request);
    chaku_session_free(session);
}

void live(const char *path, const struct choice *choices, struct outcome *outcome) {
    chaku_model *model = load(path, choices, outcome);
    if (model == NULL) return;
    chat(model, outcome);
    chaku_model_close(model, -1, NULL);
    chaku_model_free(model);
}

void live_well(const char *path) {
    struct outcome outcome;
    live(path, SMALL, &outcome);
    if (!went_well(&outcome)) say("%s (%s)", outcome.reason, outcome.message);
    EXPECT(went_well(&outcome) && outcome.finals == 1 && outcome.tokens > 0);
}

chaku_request *endless(chaku_model *model, const struct choice *choices) {
    chaku_options *options = options_of(choices);
    chaku_session *session = NULL;
    chaku_request *request = NULL;
    EXPECT(chaku_session_new(model, NULL, &session, NULL) == CHAKU_OK);
    EXPECT(chaku_session_chat(session, "Count.", -1, options, &request, NULL) == CHAKU_OK);
    chaku_session_free(session);
    chaku_options_free(options);
    return request;
}

static int stuck;

int32_t never_return(const chaku_event *event, void *user_data) {
    (void)event, (void)user_data;
    __atomic_store_n(&stuck, 1, __ATOMIC_SEQ_CST);
    while (is_stuck()) pause();
    return 0;
}

int is_stuck(void) { return __atomic_load_n(&stuck, __ATOMIC_SEQ_CST); }

void sleep_ms(long ms) {
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {}
}

int64_t now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void limit(int resource, rlim_t value) {
    struct rlimit both;
    getrlimit(resource, &both);
    both.rlim_cur = value;
    EXPECT(setrlimit(resource, &both) == 0);
}

void unlimit(int resource) {
    struct rlimit both;
    getrlimit(resource, &both);
    both.rlim_cur = both.rlim_max;
    EXPECT(setrlimit(resource, &both) == 0);
}

rlim_t address_space_in_use(void) {
    char line[128] = "";
    int file = open("/proc/self/statm", O_RDONLY);
    EXPECT(read(file, line, sizeof line - 1) > 0);
    close(file);
    return (rlim_t)strtoull(line, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE);
}
