/* The little of JSON that the cases need: what chaku writes is flat, has no spaces, and each name once. */
#ifndef CONFORMANCE_JSON_H
#define CONFORMANCE_JSON_H

#include "harness.h"

/* The number under this name, the first one if there are several; fails if there is none. null is -1. */
double json_number(const char *json, const char *name);
/* Frees the buffer with the case. Fails unless it is JSON from the first character to the last. */
const char *json_of(chaku_buffer *buffer);

double model_metric(chaku_model *model, const char *name);
double runtime_metric(chaku_runtime *runtime, const char *name); /* NULL = the default one */
double timeline_of(chaku_request *request, const char *name);

#endif
