#include "powers.hpp"

#include <string>

#include "call.hpp"
#include "making.hpp"
#include "reading.hpp"
#include "report.hpp"
#include "settings.hpp"

namespace {

template <class T>
T *handle_of(const Object *object) {
    return static_cast<T *>(object ? object->handle : nullptr);
}

SessionObject *some_session(World &world, Random &random) {
    return static_cast<SessionObject *>(world.find(Kind::SESSION, random));
}

ModelObject *some_model(World &world, Random &random) {
    return static_cast<ModelObject *>(world.find(Kind::MODEL, random));
}

// A session that was not made empty: its first request may find a conversation there.
std::unique_ptr<SessionObject> with_content(std::shared_ptr<Loaded> loaded) {
    auto session = std::make_unique<SessionObject>(std::move(loaded));
    session->starts = 1;
    return session;
}

void put_session(World &world, std::unique_ptr<SessionObject> session, Random &random) {
    Object *made = session.get();
    world.keep(std::move(session));
    Object *before = world.put(made, random);
    if (before && !random.one_in(4)) free_object(before);
}

std::string text_of(const chaku_buffer *buffer) {
    int64_t length = 0;
    const void *data = chaku_buffer_data(buffer, &length);
    return std::string(static_cast<const char *>(data), static_cast<size_t>(length));
}

// What the request saved to memory; empty if nothing.
std::string saved_by(RequestObject *request) {
    chaku_buffer *buffer = nullptr;
    Call call(Op::BUFFER, {request});
    chaku_code code = chaku_request_buffer(handle_of<chaku_request>(request), &buffer, call.error());
    CHECK((buffer != nullptr) == (code == CHAKU_OK), "a buffer");
    if (call.done(code) != CHAKU_OK) return "";
    std::string bytes = text_of(buffer);
    CHECK(chaku_buffer_free(buffer) == CHAKU_OK && !bytes.empty(), "a saved session");
    return bytes;
}

void restore(World &world, const SessionObject *from, std::string bytes, Random &random) {
    ModelObject *model = some_model(world, random);
    if (!model) return;
    unsigned facts = model->loaded.get() == from->loaded.get() ? 0u : FOREIGN;
    if (random.one_in(4)) {
        facts |= MUTATED;
        if (random.one_in(2)) bytes.resize(static_cast<size_t>(random.below(static_cast<int>(bytes.size()))));
        else bytes[static_cast<size_t>(random.below(static_cast<int>(bytes.size())))] ^= static_cast<char>(1 << random.below(8));
    }
    auto session = with_content(model->loaded);
    Options options;
    set_session(options, *session, random);
    Call call(Op::RESTORE, {model});
    auto *out = reinterpret_cast<chaku_session **>(&session->handle);
    chaku_code code = chaku_session_restore_buffer(handle_of<chaku_model>(model), bytes.data(), static_cast<int64_t>(bytes.size()),
                                                   options.get(), out, call.error());
    if (call.done(code, facts) != CHAKU_OK) return;
    CHECK(!(facts & MUTATED), "a session of what is none");
    count(Group::OTHER, "sessions restored");
    put_session(world, std::move(session), random);
}

}  // namespace

void fork(World &world, Random &random) {
    SessionObject *from = some_session(world, random);
    if (!from) return;
    auto session = with_content(from->loaded);
    Options options;
    set_session(options, *session, random);
    Call call(Op::FORK, {from});
    auto *out = reinterpret_cast<chaku_session **>(&session->handle);
    chaku_code code = chaku_session_fork(handle_of<chaku_session>(from), options.get(), out, call.error());
    if (call.done(code) != CHAKU_OK) return;
    count(Group::OTHER, "sessions forked");
    put_session(world, std::move(session), random);
}

void rewind(World &world, Random &random) {
    SessionObject *session = some_session(world, random);
    if (!session) return;
    Call call(Op::REWIND, {session});
    chaku_code code = chaku_session_rewind(handle_of<chaku_session>(session), random.below(4) - 1, call.error());
    call.done(code, session->starts > 0 ? USED : 0u);
}

void save(World &world, Random &random) {
    SessionObject *session = some_session(world, random);
    if (!session) return;
    auto made = std::make_unique<RequestObject>();
    RequestObject *request = made.get();
    request->session = session;
    request->loaded = session->loaded;
    request->start_facts = session->loaded->facts;
    session->starts++;
    {
        Call call(Op::SAVE, {session});
        auto *out = reinterpret_cast<chaku_request **>(&request->handle);
        chaku_code code = chaku_session_save(handle_of<chaku_session>(session), nullptr, nullptr, out, call.error());
        if (call.done(code) != CHAKU_OK) return;
    }
    count(Group::STARTED, "save");
    world.keep(std::move(made));
    if (!Inside::now() && !random.one_in(4)) {
        read_somehow(world, request, random);
        std::string bytes = saved_by(request);
        if (!bytes.empty()) restore(world, session, std::move(bytes), random);
    }
    Object *before = world.put(request, random);
    if (before && !random.one_in(4)) free_object(before);
}

void chat_without_session(World &world, Random &random) {
    static const char *const TALKS[] = {
        R"([{"role": "user", "content": "hello there"}])",
        R"([{"role": "system", "content": "You are a test."}, {"role": "user", "content": "the cat and the dog"}])",
        R"([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "Why is the sky blue?"}])",
        R"([{"role": "nobody", "content": "hello there"}])",
    };
    ModelObject *model = some_model(world, random);
    if (!model) return;
    auto made = std::make_unique<RequestObject>();
    RequestObject *request = made.get();
    request->loaded = model->loaded;
    request->start_facts = model->loaded->facts;
    request->reply = model->loaded->reply;
    request->endless = model->loaded->endless;
    if (!Inside::now()) model->loaded->stateless = true;
    Options options;
    set_request(options, *request, random);
    const char *talk = random.pick(TALKS);
    {
        Call call(Op::MODEL_CHAT, {model});
        auto *out = reinterpret_cast<chaku_request **>(&request->handle);
        chaku_code code = chaku_model_chat(handle_of<chaku_model>(model), talk, -1, options.get(), out, call.error());
        if (call.done(code, talk == TALKS[3] ? BAD_ROLE : 0u) != CHAKU_OK) return;
    }
    count(Group::STARTED, "chat without session");
    world.keep(std::move(made));
    if (!Inside::now() && random.one_in(2)) read_somehow(world, request, random);
    Object *before = world.put(request, random);
    if (before && !random.one_in(4)) free_object(before);
}

void read_numbers(World &world, Random &random) {
    const Object *request = world.find(Kind::REQUEST, random), *model = world.find(Kind::MODEL, random),
                 *runtime = random.one_in(2) ? nullptr : world.find(Kind::RUNTIME, random);
    int what = random.below(3);
    const Object *asked = what == 0 ? request : what == 1 ? model : runtime;
    if (!asked && what < 2) return;
    chaku_buffer *json = nullptr;
    Call call(Op::METRICS, {});
    chaku_code code = CHAKU_OK;
    if (what == 0) code = chaku_request_timeline(handle_of<chaku_request>(asked), &json, call.error());
    if (what == 1) code = chaku_model_metrics(handle_of<chaku_model>(asked), &json, call.error());
    if (what == 2) code = chaku_runtime_metrics(handle_of<chaku_runtime>(asked), &json, call.error());
    code = call.done(code, asked ? asked->facts() : 0u);
    if (code != CHAKU_OK) return;
    const char *always = what == 0 ? "\"queued_ms\"" : "\"queue_depth\"";
    std::string text = text_of(json);
    CHECK(text.front() == '{' && text.find(always) != std::string::npos, text);
    CHECK(chaku_buffer_free(json) == CHAKU_OK, "a buffer");
    if (request) {
        int64_t position = chaku_request_queue_position(handle_of<chaku_request>(request));
        CHECK(position >= -1 && position < 1024, std::to_string(position));
    }
}
