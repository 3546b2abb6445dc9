/* What models take of the memory, before they are loaded and after. */
#include "json.h"

#define SIZES "ctx_size", "512", "max_running", "2", "prompt_cache_mib", "0", "threads", "1"
#define MIB (1 << 20)

/* The plan of the scripted model. What its list of devices says comes first, what it says of all of them after that. */
static const char *plan(chaku_runtime *runtime, chaku_options *options) {
    chaku_buffer *buffer = NULL;
    CHECK_OK(chaku_runtime_plan(runtime, model_path(SCRIPT), options, &buffer, ERROR));
    return json_of(buffer);
}

static const char *totals(const char *json) {
    const char *end = strchr(json, ']');
    if (!end) fail("there is no list in %s", json);
    return end;
}

static double available(chaku_runtime *runtime) {
    static chaku_options *sizes;
    chaku_buffer *buffer = NULL;
    double bytes;
    if (!sizes) sizes = OPTIONS(SIZES);
    CHECK_OK(chaku_runtime_plan(runtime, model_path(SCRIPT), sizes, &buffer, ERROR));
    bytes = json_number(totals(chaku_buffer_data(buffer, NULL)), "available");
    CHECK_INT(chaku_buffer_free(buffer), CHAKU_OK); /* it is asked again and again */
    return bytes;
}

CASE(plan) {
    const char *json = plan(NULL, OPTIONS(SIZES)), *larger = plan(NULL, OPTIONS(SIZES, "kv_pool", "4096"));
    chaku_buffer *none = NULL;
    CHECK_INT(json_number(json, "kv_total"), 512 * json_number(json, "kv_per_token"));
    CHECK_INT(json_number(larger, "kv_total"), 4096 * json_number(json, "kv_per_token"));
    CHECK(json_number(json, "weights") >= (double)chaku_model_size_bytes(load(SCRIPT, OPTIONS(SIZES))));
    CHECK(json_number(totals(json), "total") >= json_number(json, "weights") + json_number(json, "kv_total"));
    CHECK(json_number(totals(larger), "total") > json_number(totals(json), "total"));
    CHECK(strstr(totals(json), "\"fits\":true") != NULL);
    CHECK_INT(json_number(totals(json), "available"), -1);
    CHECK_INT(json_number(totals(json), "ctx_size"), 512);
    CHECK_INT(json_number(totals(larger), "ctx_size"), 512);
    CHECK_INT(json_number(totals(larger), "kv_pool"), 4096);
    CHECK_INT(json_number(totals(json), "max_running"), 2);
    CHECK_FAILS(chaku_runtime_plan(NULL, "no/such/file.gguf", NULL, &none, ERROR), CHAKU_NOT_FOUND, "file_not_found");
    CHECK_FAILS(chaku_runtime_plan(NULL, model_path("truncated.gguf"), NULL, &none, ERROR), CHAKU_DATA_LOSS,
                "model_corrupt");
    CHECK_FAILS(chaku_runtime_plan(NULL, model_path(SCRIPT), OPTIONS("memory_budget", "1"), &none, ERROR),
                CHAKU_INVALID_ARGUMENT, "invalid_option");
    CHECK(none == NULL);
}

/* One model fits, two do not, until the first is gone. */
CASE(memory_budget) {
    chaku_runtime *runtime = NULL;
    chaku_model *model = NULL, *second = NULL;
    CHECK_OK(chaku_runtime_new(OPTIONS("memory_budget", "20"), &runtime, ERROR));
    own_runtime(runtime);
    CHECK_INT(available(runtime), 20 * MIB);
    CHECK_OK(chaku_model_load(runtime, model_path(SCRIPT), OPTIONS(SIZES), &model, ERROR));
    CHECK(available(runtime) < 20 * MIB);
    CHECK(strstr(plan(runtime, OPTIONS(SIZES)), "\"fits\":false") != NULL);
    CHECK_FAILS(chaku_model_load(runtime, model_path(SCRIPT), OPTIONS(SIZES), &second, ERROR), CHAKU_RESOURCE_EXHAUSTED,
                "memory_budget");
    CHECK(second == NULL);
    CHECK_OK(chaku_model_close(model, EVENT_MS, ERROR));
    CHECK_INT(chaku_model_free(model), CHAKU_OK);
    WAIT_UNTIL(available(runtime) == 20 * MIB);
    CHECK_OK(chaku_model_load(runtime, model_path(SCRIPT), OPTIONS(SIZES), &second, ERROR));
    CHECK_STR(chaku_model_description(own_model(second)), chaku_model_description(load(SCRIPT, NULL)));
}
