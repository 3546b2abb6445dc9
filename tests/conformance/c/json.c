#include "json.h"

double json_number(const char *json, const char *name) {
    char quoted[64];
    const char *found, *value;
    char *end = NULL;
    double number;
    snprintf(quoted, sizeof quoted, "\"%s\":", name);
    found = strstr(json, quoted);
    if (!found) fail("there is no %s in %s", name, json);
    value = found + strlen(quoted);
    if (strncmp(value, "null", 4) == 0) return -1;
    number = strtod(value, &end);
    if (end == value) fail("%s is no number in %s", name, json);
    return number;
}

static const char *check_json(chaku_buffer *buffer) {
    int64_t length = -1;
    const char *json = chaku_buffer_data(buffer, &length);
    CHECK(json != NULL && length >= 2);
    CHECK_INT(length, strlen(json));
    if (json[0] != '{' || json[length - 1] != '}') fail("this is no JSON object: %s", json);
    return json;
}

const char *json_of(chaku_buffer *buffer) { return check_json(own_buffer(buffer)); }

/* Frees the buffer at once: these are asked again and again. */
static double number_of(chaku_buffer *buffer, const char *name) {
    double number = json_number(check_json(buffer), name);
    CHECK_INT(chaku_buffer_free(buffer), CHAKU_OK);
    return number;
}

double model_metric(chaku_model *model, const char *name) {
    chaku_buffer *buffer = NULL;
    CHECK_OK(chaku_model_metrics(model, &buffer, ERROR));
    return number_of(buffer, name);
}

double runtime_metric(chaku_runtime *runtime, const char *name) {
    chaku_buffer *buffer = NULL;
    CHECK_OK(chaku_runtime_metrics(runtime, &buffer, ERROR));
    return number_of(buffer, name);
}

double timeline_of(chaku_request *request, const char *name) {
    chaku_buffer *buffer = NULL;
    CHECK_OK(chaku_request_timeline(request, &buffer, ERROR));
    return number_of(buffer, name);
}
