// All of chaku.hpp, in a program of two translation units that needs neither exceptions nor run-time types. Takes a
// model that always answers with the same short text, and one whose answer is long.
#include "check.hpp"
#include "other.hpp"

#include <string>
#include <type_traits>
#include <vector>

using namespace std::chrono_literals;
using namespace std::string_view_literals;

// Owners move, and do nothing else; errors are values.
template <typename T>
constexpr bool is_owner = std::is_default_constructible_v<T> && !std::is_copy_constructible_v<T> &&
                          !std::is_copy_assignable_v<T> && std::is_nothrow_move_constructible_v<T> &&
                          std::is_nothrow_move_assignable_v<T>;
static_assert(is_owner<chaku::Runtime> && is_owner<chaku::Model> && is_owner<chaku::Session>);
static_assert(is_owner<chaku::Request> && is_owner<chaku::Event> && is_owner<chaku::Options> && is_owner<chaku::Buffer>);
static_assert(std::is_nothrow_copy_constructible_v<chaku::Error> && std::is_nothrow_copy_assignable_v<chaku::Error>);
static_assert(!std::is_convertible_v<chaku_model *, chaku::Model> && !std::is_convertible_v<chaku::Model, bool>);
static_assert(!std::is_convertible_v<chaku::Error, bool> && !std::is_convertible_v<chaku::Result<void>, bool>);

#if defined(__cpp_lib_ranges)
#include <ranges>
static_assert(std::ranges::input_range<chaku::Events>);
#endif

static void versions() {
    MUST(chaku::check_abi());
    CHECK(chaku::abi_version() == CHAKU_ABI_VERSION);
    CHECK(chaku::version_number() == CHAKU_VERSION_NUMBER);
    CHECK(chaku::version() == chaku_version());
    CHECK(chaku::build_info().find(chaku::version()) != std::string_view::npos);
    CHECK(chaku::has_feature("cpu") && !chaku::has_feature("no such feature"));
    CHECK(chaku::backends().at(0) == "cpu" && static_cast<int64_t>(chaku::backends().size()) == chaku_backend_count());
    CHECK(!chaku::devices().empty());
    for (const chaku::Device &device : chaku::devices()) {
        CHECK(!device.name.empty() && !device.description.empty() && !device.backend.empty());
        CHECK(device.kind >= chaku::DeviceKind::cpu && device.kind <= chaku::DeviceKind::accelerator);
        CHECK(device.memory_free >= -1 && device.memory_free <= device.memory_total);
    }
    CHECK(chaku::code_name(chaku::Code::unauthenticated) == "UNAUTHENTICATED");
    CHECK(chaku::code_name(chaku::Code::ok) == "OK");
}

static chaku::Result<std::string> half(int number) {
    if (number % 2) return chaku::Error(chaku::Code::out_of_range, "odd", "the number is odd");
    return std::to_string(number / 2);
}

static void results() {
    const auto length = [](std::string text) { return text.size(); };
    CHECK(*half(8) == "4" && half(8)->size() == 1 && half(8).has_value() && !half(8).error());
    CHECK(!half(7) && half(7).error().code() == chaku::Code::out_of_range && half(7).error().reason() == "odd");
    CHECK(half(7).error().to_string() == "OUT_OF_RANGE (odd): the number is odd");
    CHECK(half(7).error().details().empty() && !half(7).error().detail("limit"));
    CHECK(*half(7) == "" && half(7).value_or("none") == "none" && half(8).value_or("none") == "4");
    CHECK(*half(200).map(length) == 3 && !half(7).map(length));
    CHECK(*half(8).and_then([](const std::string &four) { return half(std::stoi(four)); }) == "2");
    CHECK(half(7).and_then([](const std::string &) { return half(0); }).error().reason() == "odd");
    CHECK(chaku::Result<void>() && chaku::Result<void>().and_then([] { return half(2); }));
    CHECK(!chaku::Result<void>(half(7).error()).and_then([] { return half(2); }));

    // Copies share an error, and its texts hold as long as one of them.
    chaku::Error kept;
    CHECK(!kept && kept.code() == chaku::Code::ok && kept.reason() == "" && kept.message() == "");
    {
        chaku::Options options;
        options.set("temprature", 1.0);
        const chaku::Error error = options.error();
        kept = error;
    }
    CHECK(kept && kept.reason() == "unknown_option" && kept.detail("nearest") == "temperature"sv);
    // What C gave is taken over, and freed once.
    chaku_session *none = nullptr;
    chaku_error *raw = nullptr;
    CHECK(chaku_session_close(none, 0, &raw) != CHAKU_OK);
    CHECK(chaku::Error(raw).reason() == "null_pointer");
    CHECK(chaku_error_free(raw) == CHAKU_INVALID_ARGUMENT);
    CHECK(!chaku::Error(static_cast<chaku_error *>(nullptr)));
    CHECK(chaku::Error(chaku::Code::internal, nullptr).to_string() == "INTERNAL (): ");
    const chaku::Error moved = std::move(kept);
    CHECK(moved.reason() == "unknown_option" && moved.message() == kept.message());
    bool has_nearest = false;
    for (const auto &[key, value] : moved.details()) has_nearest |= key == "nearest" && value == "temperature";
    CHECK(has_nearest);
}

static void options() {
    const std::string text = "text";
    chaku::Options options{{"max_tokens", 1}, {"top_k", 1u}, {"seed", 1ul}, {"repeat_last_n", static_cast<short>(1)}};
    options.set("temperature", 1).set("top_p", 0.5f).set("min_p", 0.5).set("ignore_eos", true);
    options.set("grammar", text).set("samplers", "top_k"sv).set("chat_template", text.c_str());
    options.add("stop", "a").add("stop", text);
    CHECK(!options.error());
    for (const char *key : {"max_tokens", "top_k", "seed", "repeat_last_n", "temperature", "top_p", "min_p",
                            "ignore_eos", "grammar", "samplers", "chat_template", "stop"}) {
        CHECK(options.is_set(key) && !options.unset(key).is_set(key));
    }
    CHECK(!chaku::Options() && !chaku::Options().is_set("seed") && !chaku::Options({}).error());
    chaku::Options moved = std::move(options);
    CHECK(!options && moved && !options.set("seed", 2).error() && options.is_set("seed") && !moved.is_set("seed"));
    CHECK(options.set("seed", -1).error() && options.take_error() && !options.error());
    CHECK(static_cast<int64_t>(chaku::option_table().size()) == chaku_option_count());
    CHECK(chaku::Options({{"top_p", 2}}).is_clamped("top_p") && chaku::find_option("--temp") == "temperature"sv);
    CHECK(chaku::option_info(CHAKU_OPT_STOP)->kind == chaku::OptionKind::str_list);
}

static void models(const std::string &path) {
    const auto model = MUST(chaku::Model::load(path, {{CHAKU_OPT_THREADS, 1}}));
    CHECK(model.context_size() > 0 && model.training_context() > 0 && model.vocab_size() > 0);
    CHECK(model.size_bytes() > 0 && model.parameter_count() > 0 && !model.description().empty());
    CHECK(model.chat_template() && model.metadata("general.name") && !model.metadata("no.such.key"));
    CHECK(model.metadata_key(0) && model.metadata_value(0) && !model.metadata_key(model.metadata_count()));
    CHECK(model.token_eos() && model.token_is_end(*model.token_eos()));
    CHECK(model.token_bos().value_or(-1) == chaku_model_token_bos(model.get()));
    CHECK(model.token_eot().value_or(-1) == chaku_model_token_eot(model.get()));
    CHECK(model.token_pad().value_or(-1) == chaku_model_token_pad(model.get()));
    CHECK(*MUST(model.retain()).metadata("general.name") == *model.metadata("general.name"));
    const auto tokens = MUST(model.tokenize("hello llama"));
    CHECK(static_cast<int64_t>(tokens.size()) == MUST(model.count_tokens("hello llama")));
    CHECK(MUST(model.detokenize(tokens)) == "hello llama" && MUST(model.detokenize({})).empty());

    auto loading = MUST(chaku::Model::load_async(path));
    CHECK(loading.model().has_value() || loading.model().error().reason() == "not_finished");
    MUST(loading.run());
    auto loaded = MUST(loading.model());
    CHECK(loaded && loaded.get() != model.get());
    MUST(loaded.close(10s));
    CHECK(chaku::Session::make(loaded).error().reason() == "closed");
    CHECK(chaku::Model::load("no/such/file").error().code() == chaku::Code::not_found);
    CHECK(chaku::Model::load("no/such/file").map([](chaku::Model found) { return found.vocab_size(); }).error());
}

static std::atomic<int> lines{0};
static void count_line(chaku::LogLevel level, std::string_view target, std::string_view message) {
    lines += level <= chaku::LogLevel::debug && !target.empty() && !message.empty();
}

static void logs(const std::string &path) {
    static Life life; // it outlives the last touch of another thread
    auto runtime = MUST(chaku::Runtime::make({{CHAKU_OPT_THREADS, 1}}));
    const auto load_and_close = [&] { MUST(MUST(chaku::Model::load(runtime, path)).close()); };
    MUST(runtime.set_log(chaku::LogLevel::debug, count_line)); // a function
    load_and_close();
    CHECK(lines > 0);
    MUST(runtime.set_log(chaku::LogLevel::debug, [living = Living(life)](auto...) { ++living->calls; }));
    load_and_close();
    CHECK(life.calls > 0 && life.destroyed == 0);
    MUST(runtime.set_log(chaku::LogLevel::debug, [living = Living(life)](auto...) {
        ++living->finals;
        return chaku::Flow::stop;
    }));
    load_and_close();
    CHECK(comes_true([] { return life.destroyed == 1; })); // of the one before
    CHECK(life.finals == 1);
    std::function<void(chaku::LogLevel, std::string_view, std::string_view)> none;
    MUST(runtime.set_log(chaku::LogLevel::debug, none));
    lines = 0;
    load_and_close();
    MUST(runtime.clear_log());
    CHECK(comes_true([] { return life.destroyed == 2; }) && lines == 0);
    runtime.free();
    CHECK(!runtime && runtime.set_log(chaku::LogLevel::info, count_line).error().reason() == "null_pointer");
    CHECK(chaku::set_log(static_cast<chaku::LogLevel>(0), count_line).error().reason() == "invalid_argument");
    MUST(chaku::clear_log());
}

static std::string heard;
static void hear(const chaku::Event &event) { heard += event.text(); }

// Whatever can be called is a callback.
static void callables(chaku::Session &session) {
    const auto ask = [&] { return MUST(session.chat("Go.", {{"max_tokens", 4}})); };
    const std::string answer = "Hello there, I am";
    MUST(ask().run());
    MUST(ask().run(hear));
    CHECK(heard == answer);
    MUST(ask().run(&hear));
    CHECK(heard == answer + answer);
    heard.clear();
    std::function<void(const chaku::Event &)> function = hear;
    MUST(ask().run(function));
    const auto constant = [](const chaku::Event &event) { heard += event.text(); };
    MUST(ask().run(constant));
    CHECK(heard == answer + answer);
    heard.clear();
    MUST(ask().run([text = std::string()](const chaku::Event &event) mutable {
        text += event.text();
        if (event.is_final()) heard = text;
        return chaku::Flow::go_on;
    }));
    CHECK(heard == answer);
    CHECK(run_in_other(ask()) == answer); // the same instantiations, in another translation unit

    // An empty one is what NULL is in C: run only waits, and on_event refuses.
    function = nullptr;
    MUST(ask().run(function));
    auto request = ask();
    CHECK(request.on_event(function).error().reason() == "null_pointer");
    CHECK(request.on_ready(std::function<void()>()).error().reason() == "null_pointer");
    MUST(request.run());
}

static void reading(chaku::Session &session) {
    static Life life, refused, woken;
    auto request = MUST(session.chat("Go."));
    MUST(request.on_event([living = Living(life)](const chaku::Event &event) {
        ++living->calls;
        living->finals += event.is_final();
    }));
    CHECK(request.on_event([living = Living(refused)](const chaku::Event &) {}).error().reason() == "reader_taken");
    CHECK(refused.destroyed == 1);
    CHECK(comes_true([] { return life.destroyed > 0; }));
    CHECK(life.calls > 2 && life.finals == 1 && life.destroyed == 1 && request.is_finished());

    request = MUST(session.chat("Go.", {{"event_queue", 1}}));
    MUST(request.on_ready([living = Living(woken)] {
        ++living->calls;
        return chaku::Flow::stop; // called no more
    }));
    CHECK(comes_true([] { return woken.destroyed > 0; }));
    std::string text;
    std::vector<chaku::Event> kept;
    auto events = request.events();
    for (chaku::Event &event : events) {
        text += event.text();
        CHECK(event.bytes() == event.text() && event.token().has_value() == !event.text().empty());
        CHECK(!event.replaced() && event.progress() <= 1.0 && event.code() == chaku::Code::ok && !event.error());
        CHECK(!event.logprob() && event.top_logprobs().empty());
        CHECK((event.finish_reason() == chaku::FinishReason::stop) == event.is_final());
        kept.push_back(std::move(event));
    }
    MUST(events.status());
    MUST(request.close());
    CHECK(woken.calls == 1 && woken.destroyed == 1);
    CHECK(text == "Hello there, I am a test model." && kept.back().is_final());
    CHECK(kept.back().usage().completion_tokens >= 7 && kept.back().timings().total_ms > 0);
    CHECK(MUST(kept.back().retain()).finish_reason() == chaku::FinishReason::stop);

    // A loop that is left goes on where it was.
    request = MUST(session.chat("Go."));
    auto again = request.events();
    text.clear();
    for (const chaku::Event &event : again) {
        text += event.text();
        if (!event.text().empty()) break;
    }
    CHECK(text == "Hello");
    for (const chaku::Event &event : again) text += event.text();
    CHECK(text == "Hello there, I am a test model.");
    auto finished = request.events();
    for (const chaku::Event &event : finished) CHECK(!event);
    CHECK(finished.status().error().reason() == "finished");
}

static void sessions(const std::string &short_path, const std::string &long_path) {
    const auto model = MUST(chaku::Model::load(short_path, {{CHAKU_OPT_THREADS, 1}}));
    auto session = MUST(chaku::Session::make(model, {{CHAKU_OPT_SYSTEM_PROMPT, "Be brief."}}));
    callables(session);
    reading(session);
    CHECK(session.message_count() > 0 && session.context_used() > 0);
    MUST(session.reset());
    CHECK(session.message_count() == 0);
    MUST(MUST(session.ingest("user", "Are you there?")).run());
    MUST(MUST(session.ingest("assistant", "Yes.")).run());
    MUST(session.reset());
    MUST(MUST(session.ingest(nullptr, "Text.")).run());
    MUST(MUST(session.generate("\n", {{"max_tokens", 2}})).run());
    MUST(MUST(session.continue_answer()).run());
    MUST(session.close(10s));
    CHECK(session.chat("Go.").error().reason() == "closed");

    // Endless: what ends it is told.
    auto endless = MUST(chaku::Session::make(MUST(chaku::Model::load(long_path, {{CHAKU_OPT_THREADS, 1}}))));
    auto request = MUST(endless.chat("Count."));
    const auto stop = [](const chaku::Event &) { return chaku::Flow::stop; };
    CHECK(request.run(stop).error().code() == chaku::Code::cancelled);
    request = MUST(endless.chat("Count.", {{"event_queue", 1}}));
    CHECK(!request.is_finished() && MUST(request.next()) && request.next(-1s));
    request.cancel();
    CHECK(request.run().error().reason() == "cancelled");
    request = MUST(endless.chat("Count.", {{"event_queue", 1}}));
    endless.cancel();
    CHECK(request.run().error().reason() == "cancelled");
}

static void powers(const std::string &path, const std::string &state) {
    const std::string answer = "Hello there, I am a test model.";
    const auto model = MUST(chaku::Model::load(path, {{CHAKU_OPT_THREADS, 1}}));
    auto session = MUST(chaku::Session::make(model));
    auto request = MUST(session.chat("Go."));
    MUST(request.run());
    CHECK(!request.queue_position() && MUST(request.timeline()).find("\"ended_ms\":") != std::string::npos);
    CHECK(request.buffer().error().reason() == "no_result");
    auto fork = MUST(session.fork({{CHAKU_OPT_OVERFLOW, "shift"}}));
    MUST(fork.rewind(0));
    CHECK(fork.message_count() == 0 && session.message_count() == 2);
    CHECK(fork.rewind(1).error().detail("most") == "0"sv);

    request = MUST(session.save_to_memory());
    MUST(request.run());
    auto buffer = MUST(request.buffer());
    CHECK(buffer && buffer.size() == buffer.view().size() && buffer.data() == buffer.view().data());
    chaku::Buffer moved = std::move(buffer);
    CHECK(!buffer && buffer.view().empty() && MUST(model.restore_buffer(moved.view())).message_count() == 2);
    MUST(MUST(session.save(state, {{CHAKU_OPT_DEADLINE_MS, 60000}})).run());
    CHECK(MUST(model.restore(state, {{CHAKU_OPT_SYSTEM_PROMPT, "Be brief."}})).message_count() == 2);
    CHECK(std::remove(state.c_str()) == 0);
    CHECK(model.restore(path).error().reason() == "state_corrupt");

    // Messages are passed on as they are, whatever is in them.
    const std::vector<chaku::Message> messages{{"system", "\"\\\n\x01"}, {"user", "Go."}};
    CHECK(run_in_other(MUST(model.chat(messages))) == answer);
    CHECK(run_in_other(MUST(model.chat({{"user", "Go."}}, {{CHAKU_OPT_MAX_TOKENS, 4}}))) == "Hello there, I am");
    CHECK(run_in_other(MUST(model.chat_json(R"([{"role":"user","content":"Go."}])"))) == answer);
    CHECK(model.chat({}).error().reason() == "invalid_messages");

    const auto runtime = MUST(chaku::Runtime::make());
    for (const std::string &json : {MUST(model.metrics()), MUST(runtime.metrics()), MUST(chaku::metrics())})
        CHECK(json.find("\"generated_tokens_total\":") != std::string::npos);
    for (const std::string &json : {MUST(chaku::plan(path)), MUST(runtime.plan(path, {{CHAKU_OPT_CTX_SIZE, 512}}))})
        CHECK(json.find("\"total\":") != std::string::npos);
    CHECK(chaku::Runtime().metrics().error().reason() == "null_pointer" && !chaku::Runtime().plan(path));
}

int main(int argc, char **argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s SHORT.gguf LONG.gguf\n", argv[0]);
        return 2;
    }
    versions();
    results();
    options();
    models(argv[1]);
    logs(argv[1]);
    sessions(argv[1], argv[2]);
    powers(argv[1], std::string(argv[0]) + ".state");
    CHECK(&chaku::forever == address_in_other());
    return summary("surface");
}
