/* The end of the host's program, whatever the library is doing. */
#include "reply.h"

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static void leave_while_loading(void) { start_load(SMOLLM2, NULL); }

static void leave_while_preparing(void) { start_chat(new_session(load(LONG, NULL), NULL), "Count.", NULL); }

static void leave_while_preparing_freed(void) {
    chaku_request_cancel(start_chat(new_session(load(LONG, NULL), NULL), "Count.", NULL));
    free_everything();
}

static void leave_in_prefill(void) {
    chaku_request *request = start_chat(new_session(load(SMOLLM2, OPTIONS("ubatch_size", "64")), NULL),
                                        repeat("The llama looks back. ", 100), NULL);
    read_progress(request, new_reply());
}

static void leave_in_decode(void) {
    chaku_request *request =
        start_chat(new_session(load(LONG, NULL), NULL), "Count.", OPTIONS("event_queue", "100000"));
    read_tokens(request, new_reply(), 2);
}

/* Each way to leave in a process of its own, at several moments: what is wrong here shows now and then. */
CASE(exit_while_running) {
    static const struct {
        void (*leave)(void);
        int attempts;
    } ways[] = {{leave_while_loading, 6},
                {leave_while_preparing, 60},
                {leave_while_preparing_freed, 60},
                {leave_in_prefill, 6},
                {leave_in_decode, 60}};
    for (int way = 0; way < 5; way++) {
        for (int attempt = 0; attempt < ways[way].attempts; attempt++) {
            int status = 0;
            pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0) {
                alarm(CASE_SECONDS / 3);
                ways[way].leave();
                sleep_ms(attempt % 5);
                exit(0);
            }
            CHECK_INT(waitpid(child, &status, 0), child);
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                fail("way %d, attempt %d: the program did not end well", way, attempt);
            }
        }
    }
}
