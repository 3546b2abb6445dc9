#include "limits.hpp"

#include <chrono>
#include <cstdlib>
#include <dlfcn.h>
#include <optional>
#include <string>

namespace {

// Looked up at run time: a library without metrics is tested as well.
struct Metrics {
    int32_t (*model_metrics)(const chaku_model *, void **, chaku_error **);
    const char *(*buffer_data)(const void *, int64_t *);
    int32_t (*buffer_free)(void *);

    Metrics() {
        load(model_metrics, "chaku_model_metrics");
        load(buffer_data, "chaku_buffer_data");
        load(buffer_free, "chaku_buffer_free");
    }
    bool exist() const { return model_metrics && buffer_data && buffer_free; }

    std::string json(const chaku_model *model) const {
        void *buffer = nullptr;
        if (model_metrics(model, &buffer, nullptr) != CHAKU_OK) return "";
        std::string text = buffer_data(buffer, nullptr);
        buffer_free(buffer);
        return text;
    }

  private:
    template <typename F>
    static void load(F &function, const char *name) {
        function = reinterpret_cast<F>(dlsym(RTLD_DEFAULT, name));
    }
};

// Of a flat object.
std::optional<double> number(const std::string &json, const std::string &key) {
    const size_t at = json.find("\"" + key + "\":");
    if (at == std::string::npos) return {};
    return std::strtod(json.c_str() + at + key.size() + 3, nullptr);
}

} // namespace

Limits::Limits(const chaku::Model &model, Tally &tally) : model_(model.retain().value()), tally_(tally) {
    if (Metrics().exist()) {
        thread_ = std::thread([this] { watch(); });
        return;
    }
    for (Rule rule : {Rule::QUEUE, Rule::KV, Rule::CACHE}) tally.not_checked(rule, "this library has no metrics");
}

Limits::~Limits() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
}

void Limits::watch() {
    const Metrics metrics;
    const auto within = [&](Rule rule, std::optional<double> value, std::optional<double> limit) {
        if (!value || !limit) return tally_.broken(rule, "the metrics do not tell");
        if (*value > *limit) tally_.broken(rule, std::to_string(*value) + " of " + std::to_string(*limit));
    };
    while (!over_) {
        const std::string json = metrics.json(model_.get());
        within(Rule::QUEUE, number(json, "queue_depth"), QUEUE_LIMIT);
        within(Rule::KV, number(json, "kv_used_tokens"), number(json, "kv_capacity_tokens"));
        within(Rule::CACHE, number(json, "prompt_cache_bytes"), PROMPT_CACHE_MIB * 1024.0 * 1024.0);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}
