/* Collects the events of a request and checks what holds for every stream: whole characters, bytes that make up the
   text, exactly one final event, and nothing after it. */
#ifndef CONFORMANCE_REPLY_H
#define CONFORMANCE_REPLY_H

#include "harness.h"

enum { REPLY_BYTES = 1 << 18, REPLY_TOKENS = 1 << 15 };

typedef struct reply {
    char text[REPLY_BYTES]; /* all text so far, NUL-terminated */
    int64_t text_len;
    uint8_t bytes[REPLY_BYTES];
    int64_t bytes_len;
    int32_t tokens[REPLY_TOKENS];
    int64_t token_count; /* text and reasoning events */
    char reasoning[4096];
    char calls[4096]; /* "add:{...}", one after the other */
    char call_id[64]; /* the last one */
    int progress_count, final_count, replaced_count;
    double progress;    /* the last one */
    const char *broken; /* the first rule an event broke */
    /* Of the final event. */
    int32_t finish_reason;
    chaku_code code;
    char reason[64];
    char message[512];
    int64_t prompt_tokens, cached_tokens, completion_tokens, context_used;
    double queue_ms, prepare_ms, prefill_ms, decode_ms, total_ms;
} reply;

/* An empty one. Freed at the end of the case. */
reply *new_reply(void);

/* Adds an event: a callback whose user data is a reply. It only notes what is wrong, so any thread may run it. */
int32_t collect(const chaku_event *event, void *user_data);

/* Reads one event. Returns its kind. */
int32_t read_event(chaku_request *request, reply *into);
/* Reads until this many tokens were seen in all; the request must not end before. */
void read_tokens(chaku_request *request, reply *into, int64_t count);
/* Reads until the first progress event; the request must not end before. */
void read_progress(chaku_request *request, reply *into);
/* Reads until the final event and checks the stream. */
void read_rest(chaku_request *request, reply *into);
reply *read_all(chaku_request *request);
/* Checks a reply that was collected by other means. */
void check_stream(const reply *r);

/* Starts, reads everything. */
reply *chat(chaku_session *session, const char *text, const chaku_options *options);
reply *generate(chaku_session *session, const char *text, const chaku_options *options);

/* How a request ended: `code` and `reason` are CHAKU_OK and "" for one that succeeded. */
#define CHECK_END(r, finish, code, reason) (here(__FILE__, __LINE__), check_end((r), (finish), (code), (reason)))
#define CHECK_CANCELLED(r) CHECK_END(r, CHAKU_FINISH_CANCELLED, CHAKU_CANCELLED, "cancelled")
#define CHECK_DEADLINE(r) CHECK_END(r, CHAKU_FINISH_DEADLINE, CHAKU_DEADLINE_EXCEEDED, "deadline")
void check_end(const reply *r, int32_t finish_reason, chaku_code code, const char *reason);

/* A model whose engine computes an answer nobody waits for: whatever else it is asked has to queue. */
typedef struct busy {
    chaku_model *model;
    chaku_request *request;
} busy;
busy make_busy(chaku_options *model_options);

#endif
