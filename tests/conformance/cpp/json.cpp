#include "json.hpp"

#include <cstdlib>

double json_number(std::string_view json, std::string_view name) {
    const std::string all(json), quoted = "\"" + std::string(name) + "\":";
    const std::size_t at = all.find(quoted);
    if (at == std::string::npos) fail("there is no " + std::string(name) + " in " + all);
    const char *value = all.c_str() + at + quoted.size();
    if (starts_with(value, "null")) return -1;
    char *end = nullptr;
    const double number = std::strtod(value, &end);
    if (end == value) fail(std::string(name) + " is no number in " + all);
    return number;
}

double metric(const chaku::Model &model, std::string_view name) { return json_number(MUST(model.metrics()), name); }
double metric(const chaku::Runtime &runtime, std::string_view name) {
    return json_number(MUST(runtime.metrics()), name);
}
double timeline_of(const chaku::Request &request, std::string_view name) {
    return json_number(MUST(request.timeline()), name);
}
