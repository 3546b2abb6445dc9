#include "harness.hpp"

#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

extern "C" {
#include "../c/runner.h"
void free_everything(void);
}

// Where the case is: what the watchdog names.
static const char *volatile current_file = "?";
static volatile int current_line;

void here(const char *file, int line) {
    const std::string_view path = file;
    current_file = file + path.rfind('/') + 1; // npos + 1 is 0
    current_line = line;
}

extern "C" const char *where_file(void) { return current_file; }
extern "C" int where_line(void) { return current_line; }
// For ../c/main.c; here every object has an owner.
extern "C" void free_everything(void) {}

void fail(const std::string &message) {
    std::fprintf(case_report, "%s:%d: %s\n", current_file, current_line, message.c_str());
    std::fflush(case_report);
    _exit(1); // no destructor: it might hang on what just went wrong
}

void check(const char *what, bool holds) {
    if (!holds) fail(std::string("does not hold: ") + what);
}

chaku::Error must_fail(const char *what, const chaku::Error &error, Code code, std::string_view reason) {
    if (error.code() != code || error.reason() != reason) {
        fail(std::string(what) + " gives " + error.to_string() + ", not " + std::string(chaku::code_name(code)) + " `" +
             std::string(reason) + "`");
    }
    if (error.message().empty()) fail(std::string(what) + " gives an error without a message");
    return error;
}

// ---- Objects ----

std::string model_path(const char *file) {
    const char *folder = std::getenv("CHAKU_TEST_MODELS");
    return std::string(folder ? folder : "target/models") + "/" + file;
}

chaku::Model load(const char *file, chaku::Options options) {
    if (!options.is_set(CHAKU_OPT_THREADS)) options.set(CHAKU_OPT_THREADS, 1);
    return MUST(chaku::Model::load(model_path(file), options));
}

chaku::Session new_session(const chaku::Model &model, const chaku::Options &options) {
    return MUST(chaku::Session::make(model, options));
}

chaku::Request start_load(const char *file, const chaku::Options &options) {
    return MUST(chaku::Model::load_async(model_path(file), options));
}

chaku::Request start_chat(chaku::Session &session, std::string_view text, const chaku::Options &options) {
    return MUST(session.chat(text, options));
}

chaku::Request start_chat(chaku::Session &&session, std::string_view text, const chaku::Options &options) {
    return MUST(session.chat(text, options));
}

// ---- Helpers ----

std::int64_t count_tokens(const chaku::Model &model, std::string_view text, bool parse_special) {
    return MUST(model.count_tokens(text, false, parse_special));
}

std::string repeat(std::string_view unit, int times) {
    std::string text;
    for (int i = 0; i < times; i++) text.append(unit);
    return text;
}

bool starts_with(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }
bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }
