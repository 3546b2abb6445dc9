#include "operations.hpp"

#include "call.hpp"
#include "making.hpp"
#include "powers.hpp"
#include "reading.hpp"
#include "registration.hpp"
#include "report.hpp"

namespace {

template <class T>
T *handle_of(const Object *object) {
    return static_cast<T *>(object ? object->handle : nullptr);
}

RequestObject *some_request(World &world, Random &random) {
    return static_cast<RequestObject *>(world.find(Kind::REQUEST, random));
}

SessionObject *some_session(World &world, Random &random) {
    return static_cast<SessionObject *>(world.find(Kind::SESSION, random));
}

ModelObject *some_model(World &world, Random &random) {
    return static_cast<ModelObject *>(world.find(Kind::MODEL, random));
}

int64_t random_timeout(Random &random) {
    static const int64_t TIMEOUTS_MS[] = {-1, -1, 0, 1, 10};
    return random.pick(TIMEOUTS_MS);
}

unsigned timed(int64_t timeout_ms) { return timeout_ms >= 0 ? TIMED : 0u; }

bool is_finished(const RequestObject *request) { return chaku_request_is_finished(handle_of<chaku_request>(request)); }

// The requests started on this before now.
std::vector<RequestObject *> requests_of(World &world, const SessionObject *session, const Loaded *loaded) {
    std::vector<RequestObject *> found;
    for (Object *object : world.all()) {
        if (object->kind != Kind::REQUEST) continue;
        auto *request = static_cast<RequestObject *>(object);
        if (request->loads) continue;
        if (session ? request->session == session : request->loaded.get() == loaded) found.push_back(request);
    }
    return found;
}

void close_model(World &world, Random &random) {
    ModelObject *model = some_model(world, random);
    if (!model) return;
    int64_t timeout = random_timeout(random);
    std::vector<RequestObject *> requests = requests_of(world, nullptr, model->loaded.get());
    if (!Inside::now()) model->loaded->closed = true;
    Call call(Op::MODEL_CLOSE, {model});
    chaku_code code = chaku_model_close(handle_of<chaku_model>(model), timeout, call.error());
    if (call.done(code, timed(timeout)) != CHAKU_OK) return;
    for (RequestObject *request : requests) CHECK(is_finished(request), "a request of a closed model");
}

void close_session(World &world, Random &random) {
    SessionObject *session = some_session(world, random);
    if (!session) return;
    int64_t timeout = random_timeout(random);
    std::vector<RequestObject *> requests = requests_of(world, session, nullptr);
    if (!Inside::now()) session->closed = true;
    Call call(Op::SESSION_CLOSE, {session});
    chaku_code code = chaku_session_close(handle_of<chaku_session>(session), timeout, call.error());
    if (call.done(code, timed(timeout)) != CHAKU_OK) return;
    for (RequestObject *request : requests) CHECK(is_finished(request), "a request of a closed session");
}

void close_request(World &world, Random &random) {
    RequestObject *request = some_request(world, random);
    if (!request) return;
    int64_t timeout = random_timeout(random);
    std::vector<Registration *> before = request->registered();
    if (!Inside::now()) request->stopped = request->closing = true;
    Call call(Op::REQUEST_CLOSE, {request});
    chaku_code code = chaku_request_close(handle_of<chaku_request>(request), timeout, call.error());
    if (call.done(code, timed(timeout)) != CHAKU_OK) return;
    CHECK(is_finished(request), "a closed request");
    for (Registration *registration : before) CHECK(registration->is_destroyed(), "a callback of a closed request");
}

void reset(World &world, Random &random) {
    SessionObject *session = some_session(world, random);
    if (!session) return;
    Call call(Op::RESET, {session});
    chaku_code code = chaku_session_reset(handle_of<chaku_session>(session), call.error());
    call.done(code, session->starts > 0 ? USED : 0u);
}

void cancel_session(World &world, Random &random) {
    SessionObject *session = some_session(world, random);
    if (!session) return;
    session->stopped = true;
    Call call(Op::SESSION_CANCEL, {session});
    call.done(chaku_session_cancel(handle_of<chaku_session>(session)));
}

void read_session(const SessionObject *session) {
    auto *handle = handle_of<chaku_session>(session);
    CHECK(chaku_session_context_used(handle) >= 0 && chaku_session_context_used(handle) <= 1024, "context_used");
    CHECK(chaku_session_message_count(handle) >= 0, "message_count");
}

void tokenize(const ModelObject *model, Random &random) {
    auto *handle = handle_of<chaku_model>(model);
    int32_t tokens[64];
    int64_t tokens_count = 0, length = 0;
    bool bad = random.one_in(8);
    int64_t room = random.one_in(6) ? 1 : 64;
    unsigned facts = room == 1 ? SMALL_BUFFER : 0u;
    {
        Call call(Op::TOKENIZE, {model});
        const char *text = bad ? "\xff" : "the cat and the dog";
        chaku_code code = chaku_model_tokenize(handle, text, -1, 0, 1, tokens, room, &tokens_count, call.error());
        if (call.done(code, facts | (bad ? BAD_TEXT : 0u)) != CHAKU_OK) return;
    }
    char text[64];
    if (bad) tokens[0] = 1 << 20;
    Call call(Op::DETOKENIZE, {model});
    chaku_code code = chaku_model_detokenize(handle, tokens, tokens_count, 0, text, room, &length, call.error());
    if (call.done(code, facts | (bad ? BAD_TEXT : 0u)) != CHAKU_OK) return;
    CHECK(std::string(text) == "the cat and the dog", text);
}

// Its texts are valid until the handle is freed, which anybody may do: so they are read through a handle of one's own.
void read_model(ModelObject *model) {
    chaku_model *own = nullptr;
    {
        Call call(Op::RETAIN, {model});
        if (call.done(chaku_model_retain(handle_of<chaku_model>(model), &own, call.error())) != CHAKU_OK) return;
    }
    int64_t entries = chaku_model_metadata_count(own);
    const char *name = chaku_model_metadata(own, "general.name");
    CHECK(entries > 0 && name && std::string(name).find("tiny-") == 0, "general.name");
    CHECK(chaku_model_metadata_key(own, entries - 1) && !chaku_model_metadata_key(own, entries), "metadata");
    CHECK(chaku_model_vocab_size(own) > 0 && chaku_model_context_size(own) > 0 && *chaku_model_description(own), name);
    CHECK(chaku_model_free(own) == CHAKU_OK, "a model");
}

void look_at_request(RequestObject *request) {
    bool before = request->ended;
    bool ended = is_finished(request);
    CHECK(ended || !before, "an end that is taken back");
    if (ended) request->ended = true;
}

void look_at_event(World &world, Random &random) {
    auto *event = static_cast<EventObject *>(world.find(Kind::EVENT, random));
    if (!event) return;
    int32_t kind = chaku_event_kind(handle_of<chaku_event>(event));
    CHECK(kind == event->event_kind || (kind == 0 && event->frees_begun > 0), std::to_string(kind));
    // What it points to stays as long as the handle, which anybody may free: so the length alone is looked at.
    int64_t length = 0;
    chaku_event_text(handle_of<chaku_event>(event), &length);
    CHECK(length >= 0 && length < 4096, std::to_string(length));
}

void change_options(World &world, Random &random) {
    Object *options = world.find(Kind::OPTIONS, random);
    if (!options) return make_options(world, random);
    auto *handle = handle_of<chaku_options>(options);
    int what = random.below(5);
    Call call(Op::OPTIONS_SET, {options});
    chaku_code code = CHAKU_OK;
    if (what == 0) code = chaku_options_set_i64(handle, CHAKU_OPT_MAX_TOKENS, 1 + random.below(64), call.error());
    if (what == 1) code = chaku_options_set_i64(handle, CHAKU_OPT_EVENT_QUEUE, 1 + random.below(8), call.error());
    if (what == 2) code = chaku_options_set_i64(handle, CHAKU_OPT_DEADLINE_MS, random.below(200), call.error());
    if (what == 3) code = chaku_options_add_str(handle, CHAKU_OPT_STOP, "four", -1, call.error());
    if (what == 4) code = chaku_options_set_i64(handle, "no_such_key", 1, call.error());
    // A list has room for so many elements.
    call.done(code, what >= 3 ? BAD_OPTION : 0u);
}

void free_some(World &world, Random &random) {
    static const Kind KINDS_TO_FREE[] = {Kind::REQUEST, Kind::REQUEST, Kind::REQUEST, Kind::SESSION, Kind::SESSION,
                                         Kind::MODEL,   Kind::EVENT,   Kind::OPTIONS, Kind::RUNTIME};
    Object *object = world.find(random.pick(KINDS_TO_FREE), random);
    if (!object) return;
    // What stays in its place is found, stale, by others.
    if (!random.one_in(4)) world.take_out(object);
    free_object(object);
}

struct Choice {
    int weight;
    const char *name;
    void (*act)(World &, Random &);
};

template <void (*Act)(World &, RequestObject *, Random &)>
void on_request(World &world, Random &random) {
    if (RequestObject *request = some_request(world, random)) Act(world, request, random);
}

const Choice CHOICES[] = {
    {2, "runtime", make_runtime},
    {2, "set log", set_log},
    {5, "load", load},
    {6, "load async", load_async},
    {3, "retain", retain_model},
    {14, "session", make_session},
    {40, "start", start_request},
    {3, "reset", reset},
    {4, "fork", fork},
    {4, "rewind", rewind},
    {6, "save", save},
    {10, "chat without session", chat_without_session},
    {4, "read numbers", read_numbers},
    {10, "pull some", on_request<pull_some>},
    {8, "pull all", on_request<pull_all>},
    {4, "run", [](World &world, Random &random) {
         if (RequestObject *request = some_request(world, random)) run(world, request, false, random);
     }},
    {8, "run callback", [](World &world, Random &random) {
         if (RequestObject *request = some_request(world, random)) run(world, request, true, random);
     }},
    {12, "on event", on_request<give_callback>},
    {6, "on ready", on_request<give_hook>},
    {8, "read when ready", on_request<read_when_ready>},
    {5, "cancel", [](World &world, Random &random) {
         if (RequestObject *request = some_request(world, random)) cancel(request);
     }},
    {3, "cancel session", cancel_session},
    {4, "close request", close_request},
    {2, "close session", close_session},
    {2, "close model", close_model},
    {16, "free", free_some},
    {5, "tokenize", [](World &world, Random &random) {
         if (ModelObject *model = some_model(world, random)) tokenize(model, random);
     }},
    {4, "read model", [](World &world, Random &random) {
         if (ModelObject *model = some_model(world, random)) read_model(model);
     }},
    {5, "read session", [](World &world, Random &random) {
         if (SessionObject *session = some_session(world, random)) read_session(session);
     }},
    {4, "look at request", [](World &world, Random &random) {
         if (RequestObject *request = some_request(world, random)) look_at_request(request);
     }},
    {3, "take model", on_request<take_model>},
    {5, "look at event", look_at_event},
    {4, "options", change_options},
};

}  // namespace

void operate(World &world, Random &random) {
    int total = 0;
    for (const Choice &choice : CHOICES) total += choice.weight;
    int drawn = random.below(total);
    for (const Choice &choice : CHOICES) {
        drawn -= choice.weight;
        if (drawn >= 0) continue;
        count(Group::OPERATION, choice.name);
        return choice.act(world, random);
    }
}

void wind_down(World &world, Object *object, Random &random) {
    if (object->kind == Kind::REQUEST && object->frees_begun == 0 && random.one_in(2)) {
        auto *request = static_cast<RequestObject *>(object);
        cancel(request);
        run(world, request, random.one_in(2), random);
    }
    if (object->frees_begun == 0) free_object(object);
}

chaku_code free_object(Object *object) {
    object->frees_begun++;
    Call call(Op::FREE, {object});
    chaku_code code = CHAKU_OK;
    switch (object->kind) {
        case Kind::RUNTIME: code = chaku_runtime_free(handle_of<chaku_runtime>(object)); break;
        case Kind::MODEL: code = chaku_model_free(handle_of<chaku_model>(object)); break;
        case Kind::SESSION: code = chaku_session_free(handle_of<chaku_session>(object)); break;
        case Kind::REQUEST: code = chaku_request_free(handle_of<chaku_request>(object)); break;
        case Kind::EVENT: code = chaku_event_free(handle_of<chaku_event>(object)); break;
        case Kind::OPTIONS: code = chaku_options_free(handle_of<chaku_options>(object)); break;
    }
    if (code == CHAKU_OK) CHECK(++object->frees_done == 1, "freed twice");
    return call.done(code);
}

void cancel(RequestObject *request) {
    request->stopped = true;
    Call call(Op::CANCEL, {request});
    call.done(chaku_request_cancel(handle_of<chaku_request>(request)));
}

void resume(RequestObject *request) {
    Call call(Op::RESUME, {request});
    call.done(chaku_request_resume(handle_of<chaku_request>(request), nullptr, 0, call.error()));
}

void look_around(World &world, RequestObject *request, Random &random) {
    make_session(world, random);
    start_request(world, random);
    fork(world, random);
    rewind(world, random);
    save(world, random);
    chat_without_session(world, random);
    read_numbers(world, random);
    reset(world, random);
    close_model(world, random);
    close_session(world, random);
    close_request(world, random);
    load(world, random);
    if (request) {
        pull_some(world, request, random);
        run(world, request, false, random);
        give_callback(world, request, random);
        give_hook(world, request, random);
        take_model(world, request, random);
        look_at_request(request);
    }
    if (ModelObject *model = some_model(world, random)) tokenize(model, random);
    if (ModelObject *model = some_model(world, random)) read_model(model);
    if (SessionObject *session = some_session(world, random)) read_session(session);
    look_at_event(world, random);
    count(Group::OTHER, "looks around inside a callback");
}

void note_event(RequestObject *request, const chaku_event *event) {
    int32_t kind = chaku_event_kind(event);
    double progress = chaku_event_progress(event);
    CHECK(progress == -1 || (progress >= 0 && progress <= 1), std::to_string(progress));
    if (kind == CHAKU_EVENT_LOGITS) {
        CHECK(request->pauses, "logits that nobody asked for");
        count(Group::OTHER, "logits events");
        return resume(request);
    }
    static const char *const NAMES[] = {"progress events", "text events", "final events"};
    bool known = kind >= CHAKU_EVENT_PROGRESS && kind <= CHAKU_EVENT_FINAL;
    if (!CHECK(known, std::to_string(kind))) return;
    count(Group::OTHER, NAMES[kind - CHAKU_EVENT_PROGRESS]);
    if (kind != CHAKU_EVENT_FINAL) return;
    CHECK(++request->finals == 1, "more than one final event");
    CHECK(chaku_request_is_finished(handle_of<chaku_request>(request)) == 1, "an end that is none");
    int64_t prompt = chaku_event_prompt_tokens(event), cached = chaku_event_cached_tokens(event);
    CHECK(cached >= 0 && cached <= prompt, std::to_string(cached) + " of " + std::to_string(prompt));
    CHECK(chaku_event_completion_tokens(event) >= 0 && chaku_event_context_used(event) <= 1024, "usage");
    CHECK(chaku_event_queue_ms(event) >= 0 && chaku_event_total_ms(event) >= 0, "timings");
    chaku_error *error = nullptr;
    chaku_code code = chaku_event_error(event, &error);
    check_end(request, chaku_event_finish_reason(event), code, error);
    chaku_error_free(error);
}

void keep_event(World &world, const chaku_event *event, Random &random) {
    auto kept = std::make_unique<EventObject>(chaku_event_kind(event));
    {
        Call call(Op::EVENT_RETAIN, {kept.get()});
        auto *out = reinterpret_cast<chaku_event **>(&kept->handle);
        if (call.done(chaku_event_retain(event, out, call.error())) != CHAKU_OK) return;
    }
    Object *now = kept.get();
    world.keep(std::move(kept));
    if (Object *before = world.put(now, random)) free_object(before);
}

void check_reply(const RequestObject *request, const std::string &text, int32_t finish_reason) {
    if (!request->reply || request->readers > 1) return;
    std::string whole = request->reply;
    while (request->endless && whole.size() < text.size()) whole += request->reply;
    bool complete = finish_reason == CHAKU_FINISH_STOP;
    // What was cut may end inside a character, which is shown as a replacement.
    std::string seen = text;
    auto is_cut = [&seen] { return seen.size() >= 3 && seen.compare(seen.size() - 3, 3, "\xef\xbf\xbd") == 0; };
    while (!complete && is_cut()) seen.resize(seen.size() - 3);
    CHECK(whole.compare(0, seen.size(), seen) == 0, "\"" + text + "\"");
    if (complete) CHECK(!request->endless && seen == whole, "\"" + text + "\"");
    count(Group::OTHER, "replies compared");
}
