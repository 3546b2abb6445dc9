#include "making.hpp"

#include <string>

#include "call.hpp"
#include "operations.hpp"
#include "reading.hpp"
#include "registration.hpp"
#include "report.hpp"
#include "settings.hpp"

namespace {

template <class T>
T *handle_of(const Object *object) {
    return static_cast<T *>(object ? object->handle : nullptr);
}

// Puts an object where another one may be, which is freed or stays until the round ends.
void put(World &world, Object *object, Random &random) {
    Object *before = world.put(object, random);
    if (before && !random.one_in(4)) free_object(before);
}

void put(World &world, std::unique_ptr<Object> object, Random &random) {
    Object *made = object.get();
    world.keep(std::move(object));
    put(world, made, random);
}

// None stands for the default runtime.
RuntimeObject *some_runtime(World &world, Random &random) {
    return random.one_in(3) ? nullptr : static_cast<RuntimeObject *>(world.find(Kind::RUNTIME, random));
}

std::shared_ptr<Loaded> to_be_loaded(const File &file, const RuntimeObject *runtime, Options &options, Random &random) {
    auto loaded = std::make_shared<Loaded>();
    loaded->facts = file.facts;
    loaded->reply = file.reply;
    loaded->endless = file.endless;
    set_model(options, *loaded, runtime && runtime->deadline, random);
    return loaded;
}

void put_model(World &world, chaku_model *handle, std::shared_ptr<Loaded> loaded, Random &random) {
    auto model = std::make_unique<ModelObject>(std::move(loaded));
    model->handle = handle;
    put(world, std::move(model), random);
}

// Options that other threads change meanwhile, once in a while.
const Object *shared_options(World &world, RequestObject &request, Random &random) {
    const Object *shared = random.one_in(10) ? world.find(Kind::OPTIONS, random) : nullptr;
    if (shared) {
        request.start_facts |= DEADLINE;
        request.reply = nullptr;
    }
    return shared;
}

const char *const TEXTS[] = {"hello there", "the cat and the dog", "Why is the sky blue?", "a\n", "hello there"};

chaku_code start(World &world, SessionObject *session, Op op, RequestObject &request, Random &random) {
    Options own;
    set_request(own, request, random);
    std::string text = random.pick(TEXTS);
    unsigned facts = 0;
    if (random.one_in(30)) text.clear(), facts |= EMPTY;
    if (random.one_in(30)) text = "\xf0\x9f", facts |= BAD_TEXT;
    if (random.one_in(8)) {
        for (int times = random.below(7); times > 0; times--) text += text;
    }
    const char *roles[] = {nullptr, nullptr, "user", "assistant", "system", "nobody"};
    const char *role = random.pick(roles);
    const Object *shared = shared_options(world, request, random);
    const chaku_options *options = shared ? handle_of<chaku_options>(shared) : own.get();
    Call call(op, {session}, !random.one_in(8));
    auto *handle = handle_of<chaku_session>(session);
    auto *out = reinterpret_cast<chaku_request **>(&request.handle);
    auto length = static_cast<int64_t>(text.size());
    chaku_code code = CHAKU_OK;
    if (op == Op::CHAT) code = chaku_session_chat(handle, text.data(), length, options, out, call.error());
    if (op == Op::GENERATE) code = chaku_session_generate(handle, text.data(), length, options, out, call.error());
    if (op == Op::INGEST) {
        code = chaku_session_ingest(handle, role, text.data(), length, options, out, call.error());
        if (role && *role == 'n') facts |= BAD_ROLE;
    }
    if (op == Op::CONTINUE) code = chaku_session_continue(handle, options, out, call.error());
    return call.done(code, facts | (shared ? shared->facts() : 0u));
}

}  // namespace

void make_runtime(World &world, Random &random) {
    auto runtime = std::make_unique<RuntimeObject>();
    Options options;
    set_runtime(options, *runtime, random);
    Call call(Op::RUNTIME_NEW, {});
    auto *out = reinterpret_cast<chaku_runtime **>(&runtime->handle);
    if (call.done(chaku_runtime_new(options.get(), out, call.error())) != CHAKU_OK) return;
    put(world, std::move(runtime), random);
}

void set_log(World &world, Random &random) {
    Object *runtime = world.find(Kind::RUNTIME, random);
    if (!runtime) return;
    bool clear = random.one_in(3);
    Registration *log = world.add(std::make_unique<Registration>(Way::LOG, nullptr, &world, random));
    Call call(Op::SET_LOG, {runtime});
    call.done(chaku_runtime_set_log(handle_of<chaku_runtime>(runtime), 1 + random.below(5),
                                    clear ? nullptr : Registration::on_line, log, Registration::on_destroy,
                                    call.error()));
}

void load(World &world, Random &random) {
    RuntimeObject *runtime = some_runtime(world, random);
    File file = random_file(random);
    Options options;
    std::shared_ptr<Loaded> loaded = to_be_loaded(file, runtime, options, random);
    chaku_model *model = nullptr;
    // No runtime at all is no NULL handle: it is the default one.
    Call call(Op::LOAD, {});
    chaku_code code =
        chaku_model_load(handle_of<chaku_runtime>(runtime), file.path.c_str(), options.get(), &model, call.error());
    code = call.done(code, loaded->facts | (runtime ? runtime->facts() : 0u));
    CHECK((model != nullptr) == (code == CHAKU_OK), "a model");
    if (model) put_model(world, model, loaded, random);
}

void load_async(World &world, Random &random) {
    RuntimeObject *runtime = some_runtime(world, random);
    File file = random_file(random);
    Options options;
    auto made = std::make_unique<RequestObject>();
    RequestObject *request = made.get();
    request->loads = true;
    request->loaded = to_be_loaded(file, runtime, options, random);
    request->start_facts = request->loaded->facts;
    {
        Call call(Op::LOAD_ASYNC, {});
        auto *out = reinterpret_cast<chaku_request **>(&request->handle);
        auto *in = handle_of<chaku_runtime>(runtime);
        chaku_code code = chaku_model_load_async(in, file.path.c_str(), options.get(), out, call.error());
        if (call.done(code, runtime ? runtime->facts() : 0u) != CHAKU_OK) return;
    }
    count(Group::STARTED, "load");
    put(world, std::move(made), random);
    int then = random.below(6);
    if (then == 0) return;
    if (then == 1) sleep_ms(random.below(4));
    if (then <= 2) cancel(request);
    if (then == 3) return run(world, request, true, random);
    if (then == 4) return read_when_ready(world, request, random);
    pull_all(world, request, random);
    take_model(world, request, random);
}

void take_model(World &world, RequestObject *request, Random &random) {
    chaku_model *model = nullptr;
    Call call(Op::REQUEST_MODEL, {request}, !random.one_in(8));
    chaku_code code =
        call.done(chaku_request_model(handle_of<chaku_request>(request), &model, call.error()));
    CHECK((model != nullptr) == (code == CHAKU_OK), "a model");
    if (model) put_model(world, model, request->loaded, random);
}

void retain_model(World &world, Random &random) {
    auto *model = static_cast<ModelObject *>(world.find(Kind::MODEL, random));
    if (!model) return;
    chaku_model *again = nullptr;
    Call call(Op::RETAIN, {model});
    if (call.done(chaku_model_retain(handle_of<chaku_model>(model), &again, call.error())) == CHAKU_OK) {
        put_model(world, again, model->loaded, random);
    }
}

void make_session(World &world, Random &random) {
    auto *model = static_cast<ModelObject *>(world.find(Kind::MODEL, random));
    if (!model) return load(world, random);
    auto session = std::make_unique<SessionObject>(model->loaded);
    Options options;
    set_session(options, *session, random);
    bool misplaced = random.one_in(30);
    if (misplaced) options.set(CHAKU_OPT_CTX_SIZE, int64_t{256});
    Call call(Op::SESSION_NEW, {model}, !random.one_in(8));
    auto *out = reinterpret_cast<chaku_session **>(&session->handle);
    chaku_code code = chaku_session_new(handle_of<chaku_model>(model), options.get(), out, call.error());
    code = call.done(code, misplaced ? BAD_OPTION : 0u);
    CHECK(code != CHAKU_OK || !misplaced, "an option of a model, given to a session");
    if (code == CHAKU_OK) put(world, std::move(session), random);
}

void start_request(World &world, Random &random) {
    static const Op WAYS[] = {Op::CHAT, Op::CHAT, Op::CHAT, Op::GENERATE, Op::INGEST, Op::CONTINUE};
    static const char *const NAMES[] = {"chat", "chat", "chat", "generate", "ingest", "continue"};
    auto *session = static_cast<SessionObject *>(world.find(Kind::SESSION, random));
    if (!session) return make_session(world, random);
    int way = random.below(6);
    auto request = std::make_unique<RequestObject>();
    request->session = session;
    request->loaded = session->loaded;
    request->start_facts = session->loaded->facts | (session->shifts ? SHIFTS : 0u);
    if (WAYS[way] == Op::CHAT) {
        request->reply = session->loaded->reply;
        request->endless = session->loaded->endless;
    }
    // Before the call: another thread may hear of the request before this one goes on.
    session->starts++;
    if (start(world, session, WAYS[way], *request, random) != CHAKU_OK) return;
    count(Group::STARTED, NAMES[way]);
    RequestObject *started = request.get();
    world.keep(std::move(request));
    // Some are read before anybody else finds them: these come to their end, and their text can be compared.
    if (!Inside::now() && random.one_in(2)) read_somehow(world, started, random);
    put(world, started, random);
}

void make_options(World &world, Random &random) {
    auto options = std::make_unique<OptionsObject>();
    Call call(Op::OPTIONS_NEW, {});
    auto *out = reinterpret_cast<chaku_options **>(&options->handle);
    if (call.done(chaku_options_new(out, call.error())) != CHAKU_OK) return;
    CHECK(chaku_options_set_i64(*out, CHAKU_OPT_MAX_TOKENS, 16, nullptr) == CHAKU_OK, "max_tokens");
    put(world, std::move(options), random);
}
