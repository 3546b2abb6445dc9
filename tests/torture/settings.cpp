#include "settings.hpp"

#include "report.hpp"

namespace {

std::string folder;

struct Known {
    const char *name, *reply;
    bool endless;
    unsigned facts;
};

const Known FILES[] = {
    {"tiny-random.gguf", nullptr, false, 0},
    {"tiny-random.gguf", nullptr, false, 0},
    {"tiny-script.gguf", "Hello there, I am a test model.", false, 0},
    {"tiny-script.gguf", "Hello there, I am a test model.", false, 0},
    {"tiny-emoji.gguf", "Hi 😀 llama 🦙!", false, 0},
    {"tiny-long.gguf", " one two three four five six seven eight", true, 0},
    {"tiny-long.gguf", " one two three four five six seven eight", true, 0},
    {"tiny-long.gguf", " one two three four five six seven eight", true, 0},
    {"tiny-mamba.gguf", nullptr, false, RECURRENT},
    {"tiny-nochat.gguf", nullptr, false, NO_TEMPLATE},
    {"tiny-raise.gguf", nullptr, false, RAISES},
    {"truncated.gguf", nullptr, false, BROKEN},
    {"not-a-gguf.bin", nullptr, false, BROKEN},
    {"no-such-file.gguf", nullptr, false, MISSING},
};

const int64_t CONTEXTS[] = {256, 256, 512, 1024};
const int64_t QUEUES[] = {1, 2, 3, 8, 256};
const int64_t CHUNKS[] = {8, 32, 512};
const int64_t LIMITS[] = {1, 2, 64};
const int64_t DEADLINES_MS[] = {1, 5, 20, 50, 200, 3600000};
const int64_t TOKENS[] = {1, 4, 16, 16, 64, 0};
const char *const OVERFLOWS[] = {"error", "stop", "shift"};
const char *const PRIORITIES[] = {"low", "normal", "high"};
const char *const OVERLOADS[] = {"reject", "wait", "displace"};

void must(chaku_code code, const char *key) { CHECK(code == CHAKU_OK, key); }

}  // namespace

void set_models(std::string where) { folder = std::move(where); }

Options::Options() { must(chaku_options_new(&options_, nullptr), "chaku_options_new"); }
Options::~Options() { must(chaku_options_free(options_), "chaku_options_free"); }
void Options::set(const char *key, int64_t value) { must(chaku_options_set_i64(options_, key, value, nullptr), key); }
void Options::set(const char *key, double value) { must(chaku_options_set_f64(options_, key, value, nullptr), key); }
void Options::set(const char *key, bool value) { must(chaku_options_set_bool(options_, key, value, nullptr), key); }
void Options::set(const char *key, const char *value) {
    must(chaku_options_set_str(options_, key, value, -1, nullptr), key);
}

File random_file(Random &random) {
    const Known &known = random.pick(FILES);
    return {folder + "/" + known.name, known.reply, known.endless, known.facts};
}

void set_runtime(Options &options, RuntimeObject &runtime, Random &random) {
    runtime.deadline = random.one_in(4);
    if (runtime.deadline) options.set(CHAKU_OPT_DEFAULT_DEADLINE_MS, int64_t{200});
}

void set_model(Options &options, Loaded &loaded, bool runtime_deadline, Random &random) {
    int64_t sessions = 1 + random.below(8), limit = random.pick(LIMITS);
    options.set(CHAKU_OPT_THREADS, int64_t{1});
    options.set(CHAKU_OPT_TEMPERATURE, 0.0);
    options.set(CHAKU_OPT_CTX_SIZE, random.pick(CONTEXTS));
    options.set(CHAKU_OPT_UBATCH_SIZE, random.pick(CHUNKS));
    options.set(CHAKU_OPT_EVENT_QUEUE, random.pick(QUEUES));
    options.set(CHAKU_OPT_MAX_SESSIONS, sessions);
    options.set(CHAKU_OPT_QUEUE_LIMIT, limit);
    if (limit < sessions) loaded.facts |= NARROW;
    if (random.one_in(3)) options.set(CHAKU_OPT_MMAP, false);
    if (random.one_in(12)) options.set(CHAKU_OPT_FIXED_SHAPE, true);
    if (runtime_deadline) loaded.facts |= DEADLINE;
    if (random.one_in(10)) {
        options.set(CHAKU_OPT_DEADLINE_MS, random.pick(DEADLINES_MS));
        loaded.facts |= DEADLINE;
    }
}

void set_session(Options &options, SessionObject &session, Random &random) {
    const char *overflow = random.pick(OVERFLOWS);
    session.shifts = overflow == OVERFLOWS[2];
    options.set(CHAKU_OPT_OVERFLOW, overflow);
    if (random.one_in(2)) options.set(CHAKU_OPT_ON_CANCEL, "rollback");
    if (random.one_in(3)) options.set(CHAKU_OPT_SYSTEM_PROMPT, "You are a test.");
}

void set_request(Options &options, RequestObject &request, Random &random) {
    int64_t tokens = random.pick(TOKENS);
    // A window that shifts has no end of its own, and a test must have one.
    if (tokens == 0 && request.session && request.session->shifts) tokens = 300;
    options.set(CHAKU_OPT_MAX_TOKENS, tokens);
    if (random.one_in(2)) options.set(CHAKU_OPT_EVENT_QUEUE, random.pick(QUEUES));
    if (random.one_in(3)) {
        options.set(CHAKU_OPT_DEADLINE_MS, random.pick(DEADLINES_MS));
        request.start_facts |= DEADLINE;
    }
    if (random.one_in(3)) options.set(CHAKU_OPT_PRIORITY, random.pick(PRIORITIES));
    if (random.one_in(8)) {
        const char *overload = random.pick(OVERLOADS);
        options.set(CHAKU_OPT_OVERLOAD, overload);
        if (overload == OVERLOADS[2]) request.loaded->displaces = true;
    }
    request.pauses = random.one_in(20);
    if (request.pauses) options.set(CHAKU_OPT_PAUSE_FOR_LOGITS, true);
    if (random.one_in(12)) {
        options.set(CHAKU_OPT_STOP, "three");
        request.reply = nullptr;
    }
    if (random.one_in(40)) {
        bool bad = random.one_in(2);
        options.set(CHAKU_OPT_GRAMMAR, bad ? "root ::= (" : "root ::= [a-z ]+");
        request.start_facts |= bad ? BAD_GRAMMAR : 0u;
        request.reply = nullptr;
    }
}
