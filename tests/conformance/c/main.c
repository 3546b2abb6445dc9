/* Runs the cases, each in a process of its own:   conformance [NAME...] */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runner.h"

/* Written from the table by run.sh: X(name) for each case. */
#define X(name) void case_##name(void);
#include "cases.inc"
#undef X

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
#define X(name) {#name, case_##name},
#include "cases.inc"
#undef X
};
enum { CASES = sizeof cases / sizeof *cases };

FILE *case_report;

static void give_up(int number) {
    char message[256];
    int length = snprintf(message, sizeof message, "%s:%d: %s\n", where_file(), where_line(),
                          number == SIGALRM ? "hangs: the watchdog found it at this line" : "crashes after this line");
    ssize_t written = write(fileno(case_report), message, (size_t)length);
    (void)written;
    _exit(1);
}

static void run_child(int index, FILE *output, FILE *report) {
    case_report = report;
    signal(SIGALRM, give_up);
    signal(SIGSEGV, give_up);
    signal(SIGBUS, give_up);
    signal(SIGABRT, give_up);
    alarm(CASE_SECONDS);
    dup2(fileno(output), STDOUT_FILENO);
    dup2(fileno(output), STDERR_FILENO);
    cases[index].run();
    free_everything();
    exit(0); /* with the library's threads perhaps at work: a host may do that */
}

/* Prints a file's text, each line indented; says whether there was any. */
static int print_indented(FILE *file, const char *title) {
    char line[4096];
    int any = 0;
    rewind(file);
    while (fgets(line, sizeof line, file)) {
        if (!any && title) printf("        %s\n", title);
        printf("        %s%s", line, strchr(line, '\n') ? "" : "\n");
        any = 1;
    }
    return any;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int is_empty(FILE *file) { return lseek(fileno(file), 0, SEEK_END) == 0; }

static int run_case(int index) {
    FILE *output = tmpfile(), *report = tmpfile();
    double began = now();
    int status = -1, passed;
    pid_t child;
    if (!output || !report || (child = fork()) < 0) {
        perror("conformance");
        exit(2);
    }
    if (child == 0) run_child(index, output, report);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    passed = WIFEXITED(status) && WEXITSTATUS(status) == 0 && is_empty(output);
    printf("%s  %-45s %5.1f s\n", passed ? "ok    " : "FAILED", cases[index].name, now() - began);
    if (!passed) {
        if (WIFSIGNALED(status)) printf("        killed by signal %d\n", WTERMSIG(status));
        print_indented(report, NULL);
        print_indented(output, "something was written to stdout or stderr:");
    }
    fflush(stdout);
    fclose(output);
    fclose(report);
    return passed;
}

int main(int argc, char **argv) {
    int passed = 0, failed = 0;
    for (int i = 1; i < argc; i++) {
        int known = 0;
        for (int c = 0; c < CASES; c++) known |= strcmp(argv[i], cases[c].name) == 0;
        if (!known) {
            fprintf(stderr, "there is no case %s\n", argv[i]);
            return 2;
        }
    }
    for (int c = 0; c < CASES; c++) {
        int wanted = argc == 1;
        for (int i = 1; i < argc; i++) wanted |= strcmp(argv[i], cases[c].name) == 0;
        if (!wanted) continue;
        if (run_case(c))
            passed++;
        else
            failed++;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
