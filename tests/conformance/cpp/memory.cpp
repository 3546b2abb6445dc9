// What models take of the memory, before they are loaded and after.
#include "json.hpp"

static constexpr int mib = 1 << 20;

static chaku::Options sizes(int kv_pool = 512) {
    return {{"ctx_size", 512}, {"kv_pool", kv_pool}, {"max_running", 2}, {"prompt_cache_mib", 0}, {"threads", 1}};
}

// What a plan says of all devices together; what its list of them says comes first.
static std::string_view totals(std::string_view json) { return json.substr(json.find(']')); }

static double available(const chaku::Runtime &runtime) {
    return json_number(totals(MUST(runtime.plan(model_path(SCRIPT), sizes()))), "available");
}

CASE(plan) {
    const std::string json = MUST(chaku::plan(model_path(SCRIPT), sizes())),
                      larger = MUST(chaku::plan(model_path(SCRIPT), sizes(4096)));
    CHECK_EQ(json_number(json, "kv_total"), 512 * json_number(json, "kv_per_token"));
    CHECK_EQ(json_number(larger, "kv_total"), 4096 * json_number(json, "kv_per_token"));
    CHECK(json_number(json, "weights") >= static_cast<double>(load(SCRIPT, sizes()).size_bytes()));
    CHECK(json_number(totals(json), "total") >= json_number(json, "weights") + json_number(json, "kv_total"));
    CHECK(json_number(totals(larger), "total") > json_number(totals(json), "total"));
    CHECK(contains(totals(json), "\"fits\":true"));
    CHECK_EQ(json_number(totals(json), "available"), -1);
    CHECK_EQ(json_number(totals(json), "ctx_size"), 512);
    CHECK_EQ(json_number(totals(larger), "ctx_size"), 512);
    CHECK_EQ(json_number(totals(larger), "kv_pool"), 4096);
    CHECK_EQ(json_number(totals(json), "max_running"), 2);
    FAILS(chaku::plan("no/such/file.gguf"), Code::not_found, "file_not_found");
    FAILS(chaku::plan(model_path("truncated.gguf")), Code::data_loss, "model_corrupt");
    FAILS(chaku::plan(model_path(SCRIPT), {{"memory_budget", 1}}), Code::invalid_argument, "invalid_option");
    FAILS(chaku::Runtime().plan(model_path(SCRIPT)), Code::invalid_argument, "null_pointer");
}

// One model fits, two do not, until the first is gone.
CASE(memory_budget) {
    auto runtime = MUST(chaku::Runtime::make({{"memory_budget", 20}}));
    const auto load_one = [&] { return chaku::Model::load(runtime, model_path(SCRIPT), sizes()); };
    CHECK_EQ(available(runtime), 20 * mib);
    auto model = MUST(load_one());
    CHECK(available(runtime) < 20 * mib);
    CHECK(contains(MUST(runtime.plan(model_path(SCRIPT), sizes())), "\"fits\":false"));
    FAILS(load_one(), Code::resource_exhausted, "memory_budget");
    MUST(model.close(event_wait));
    model.free();
    WAIT_UNTIL(available(runtime) == 20 * mib);
    CHECK_EQ(MUST(load_one()).description(), load(SCRIPT).description());
}
