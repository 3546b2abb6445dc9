#include "limits.hpp"

#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>

namespace {

// Of a flat object.
std::optional<double> number(const std::string &json, const std::string &key) {
    const size_t at = json.find("\"" + key + "\":");
    if (at == std::string::npos) return {};
    return std::strtod(json.c_str() + at + key.size() + 3, nullptr);
}

} // namespace

Limits::Limits(const chaku::Model &model, Tally &tally)
    : model_(model.retain().value()), tally_(tally), thread_([this] { watch(); }) {}

Limits::~Limits() {
    over_ = true;
    thread_.join();
}

void Limits::watch() {
    const auto within = [&](Rule rule, std::optional<double> value, std::optional<double> limit) {
        if (!value || !limit) return tally_.broken(rule, "the metrics do not tell");
        if (*value > *limit) tally_.broken(rule, std::to_string(*value) + " of " + std::to_string(*limit));
    };
    while (!over_) {
        const std::string json = model_.metrics().value();
        within(Rule::QUEUE, number(json, "queue_depth"), QUEUE_LIMIT);
        within(Rule::KV, number(json, "kv_used_tokens"), number(json, "kv_capacity_tokens"));
        within(Rule::CACHE, number(json, "prompt_cache_bytes"), PROMPT_CACHE_MIB * 1024.0 * 1024.0);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}
