// What it costs to hold an answer to a JSON Schema of twenty fields: the same model answers the same question freely, and in that form.
// Prints {"free": ms, "schema": ms a token} for each round. The sides take turns; of an answer only what comes after its first token counts.
#include "streams.hpp"

#include <cstdio>
#include <string>

namespace {

constexpr int TOKENS = 160;

std::string schema() {
    static const char * const kinds[] = {
        R"({"type": "string", "maxLength": 16})",
        R"({"type": "integer", "minimum": 0, "maximum": 9999})",
        R"({"enum": ["red", "green", "blue"]})",
        R"({"type": "boolean"})",
        R"({"type": "array", "items": {"type": "number"}, "maxItems": 2})",
    };
    std::string properties, required;
    for (int i = 0; i < 20; ++i) {
        const std::string name = "\"field_" + std::to_string(i) + '"', comma = i ? ", " : "";
        properties += comma + name + ": " + kinds[i % 5];
        required += comma + name;
    }
    return R"({"type": "object", "properties": {)" + properties + R"(}, "required": [)" + required + R"(], "additionalProperties": false})";
}

double milliseconds_a_token(const client::Model & model, const char * schema) {
    client::Options none, options;
    options.integer("max_tokens", TOKENS).number("temperature", 0);
    if (schema) {
        options.text("json_schema", schema);
    } else {
        options.flag("ignore_eos", true);
    }
    auto request = client::chat(client::session(model, none), "Fill in the form of a llama.", options);
    auto event   = client::next(request, -1);
    while (!client::is_final(event)) event = client::next(request, -1);
    client::check(chaku_event_code(event.get()), nullptr);
    const auto tokens = chaku_event_completion_tokens(event.get());
    if (tokens < TOKENS / 2) throw std::runtime_error("the answer is too short to tell");
    return chaku_event_decode_ms(event.get()) / static_cast<double>(tokens - 1);
}

}  // namespace

int main(int argc, char ** argv) try {
    if (argc != 3) throw std::runtime_error("usage: constraint MODEL ROUNDS");
    auto              options = streams::model_options(2048);
    auto              model   = streams::warm_model(argv[1], options);
    const std::string form    = schema();
    milliseconds_a_token(model, form.c_str());  // the first one makes tables of the vocabulary
    for (int round = 0; round < std::atoi(argv[2]); ++round) {
        double free = 0, held = 0;
        if (round % 2 == 0) free = milliseconds_a_token(model, nullptr);
        held = milliseconds_a_token(model, form.c_str());
        if (round % 2 == 1) free = milliseconds_a_token(model, nullptr);
        std::printf("{\"free\": %.4f, \"schema\": %.4f}\n", free, held);
        std::fflush(stdout);
    }
    return 0;
} catch (const std::exception & error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
