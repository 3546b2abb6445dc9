// Options: checked when set, in force where they belong and nowhere else.
#include "reply.hpp"

#include <limits>

// What a setter that fails says: taken, so that the options stay usable.
static chaku::Error why(chaku::Options &options, const char *reason) {
    return must_fail("the setter", options.take_error(), Code::invalid_argument, reason);
}

CASE(bad_option) {
    chaku::Options options{{"max_tokens", 7}};
    auto session = new_session(load(RANDOM));
    CHECK(!options.error());
    chaku::Error error = why(options.set("max_tokens", -5), "invalid_option");
    CHECK_EQ(error.detail("key"), "max_tokens");
    CHECK_EQ(error.detail("min"), "0");
    CHECK_EQ(error.detail("max"), "2147483647");
    error = why(options.set("typical_p", 1.5), "invalid_option");
    CHECK_EQ(error.detail("key"), "typical_p");
    why(options.set("temperature", std::numeric_limits<double>::quiet_NaN()), "invalid_option");
    why(options.set("max_tokens", "many"), "invalid_option");
    why(options.set("max_tokens", 1.0), "invalid_option");
    why(options.set("max_tokens", true), "invalid_option");
    why(options.set("gpu_layers", std::numeric_limits<std::uint64_t>::max()), "invalid_option"); // and not -1
    why(options.set("ignore_eos", 1), "invalid_option");
    CHECK(contains(why(options.set("overflow", "explode"), "invalid_option").message(), "shift"));
    why(options.add("grammar", "root ::= \"a\""), "invalid_option");
    why(options.add("stop", ""), "invalid_option");
    // A setter that fails changes nothing.
    CHECK(!options.is_set("temperature"));
    CHECK(!options.is_set("stop"));
    CHECK_EQ(chat(session, "Go.", options).tokens.size(), 7);

    // The first error is kept; whatever gets the options fails with it, and nothing is made.
    options.set("max_tokens", -1).set("typical_p", 2.0).set("seed", 1);
    CHECK_EQ(options.error().detail("key"), "max_tokens");
    CHECK_EQ(FAILS(session.chat("Go.", options), Code::invalid_argument, "invalid_option").detail("key"), "max_tokens");
    FAILS(chaku::Session::make(load(RANDOM), options), Code::invalid_argument, "invalid_option");
    FAILS(chaku::Runtime::make({{"ctx_size", -1}}), Code::invalid_argument, "invalid_option");
    FAILS(chaku::Model::load(model_path(RANDOM), {{"ctx_size", "large"}}), Code::invalid_argument, "invalid_option");
    CHECK(options.is_set("seed"));
    CHECK_EQ(session.message_count(), 2);
}

CASE(unknown_option) {
    chaku::Options options{{"max_tokens", 1}};
    const chaku::Error error = why(options.set("temprature", 1.0), "unknown_option");
    CHECK_EQ(error.detail("nearest"), "temperature");
    CHECK(contains(error.message(), "temperature"));
    CHECK_EQ(why(options.set("max_token", 1), "unknown_option").detail("nearest"), "max_tokens");
    why(options.unset("no_such_key"), "unknown_option");
    CHECK(!options.is_set("no_such_key"));
    FAILS(new_session(load(SCRIPT)).chat("Go.", {{"max_token", 1}}), Code::invalid_argument, "unknown_option");
}

CASE(option_wrong_scope) {
    auto model = load(SCRIPT);
    auto session = new_session(model);
    const auto error = FAILS(session.chat("Go.", {{"ctx_size", 256}}), Code::invalid_argument, "invalid_option");
    CHECK_EQ(error.detail("key"), "ctx_size");
    FAILS(session.chat("Go.", {{"overflow", "shift"}}), Code::invalid_argument, "invalid_option");
    FAILS(chaku::Session::make(model, {{"threads", 1}}), Code::invalid_argument, "invalid_option");
    FAILS(chaku::Model::load(model_path(SCRIPT), {{"default_deadline_ms", 1}}), Code::invalid_argument,
          "invalid_option");
    CHECK_EQ(chat(session, "Go.").text, SCRIPT_REPLY);
}

CASE(options_isolation) {
    auto model = load(SCRIPT);
    auto one = new_session(model), other = new_session(model);
    chaku::Options options{{"max_tokens", 2}, {"stop", "there"}, {"seed", 1}, {"event_queue", 1}};
    auto request = start_chat(one, "Go.", options);
    // Copied: what happens to the object afterwards is of no effect.
    options.set("max_tokens", 100).unset("stop");
    CHECK(!options.error());
    options.free();
    CHECK_EQ(chat(other, "Go.").text, SCRIPT_REPLY);
    const Reply reply = read_all(request);
    CHECK_EQ(reply.text, "Hello ");
    CHECK_EQ(reply.usage.completion_tokens, 2);
    CHECK_EQ(chat(one, "Go.").text, SCRIPT_REPLY);
}

// The request's own value wins, then the session's, the model's, the runtime's.
CASE(option_defaults) {
    auto runtime = MUST(chaku::Runtime::make({{"max_tokens", 1}, {"ctx_size", 512}, {"threads", 1}}));
    auto model = MUST(chaku::Model::load(runtime, model_path(RANDOM)));
    CHECK_EQ(model.context_size(), 512);
    CHECK_EQ(chat(new_session(model), "Go.").tokens.size(), 1);

    model = MUST(chaku::Model::load(runtime, model_path(RANDOM), {{"max_tokens", 2}}));
    auto plain = new_session(model), other = new_session(model, {{"max_tokens", 3}});
    CHECK_EQ(chat(plain, "Go.").tokens.size(), 2);
    CHECK_EQ(chat(other, "Go.").tokens.size(), 3);
    CHECK_EQ(chat(other, "Go.", {{"max_tokens", 4}}).tokens.size(), 4);
    CHECK_EQ(chat(other, "Go.", {{"temperature", 0.0}}).tokens.size(), 3);
    chaku::Options unset{{"max_tokens", 4}};
    CHECK_EQ(chat(other, "Go.", unset.unset("max_tokens")).tokens.size(), 3);

    // No grammar and no stop texts, whatever the session says.
    other = new_session(load(SCRIPT), {{"stop", "there"}, {"grammar", "root ::= \"no\""}});
    CHECK_EQ(chat(other, "Go.").text, "no");
    CHECK_EQ(chat(other, "Go.", {{"grammar", ""}}).text, "Hello ");
    CHECK_EQ(chat(other, "Go.", {{"grammar", ""}, {"stop", ""}}).text, SCRIPT_REPLY);
    CHECK_EQ(chat(other, "Go.", chaku::Options{{"grammar", ""}}.set("stop", "")).text, SCRIPT_REPLY);
}

CASE(option_table) {
    const auto table = chaku::option_table();
    CHECK(table.size() > 40);
    CHECK_EQ(table.size(), chaku_option_count());
    for (const chaku::OptionInfo &row : table) {
        const bool number = row.kind == chaku::OptionKind::i64 || row.kind == chaku::OptionKind::f64;
        CHECK(row.kind >= chaku::OptionKind::i64 && row.kind <= chaku::OptionKind::str_list);
        CHECK(row.doc.size() > 5);
        CHECK(row.scope == "runtime" || row.scope == "model" || row.scope == "session" || row.scope == "request");
        CHECK_EQ(row.min.has_value(), number);
        CHECK_EQ(row.max.has_value(), number);
        CHECK(chaku::option_info(row.key).has_value());
        for (const std::string_view alias : row.aliases) CHECK_EQ(chaku::find_option(alias.data()), row.key);
    }
    CHECK_EQ(chaku::option_info("temperature")->default_value, "0.8");
    CHECK_EQ(chaku::option_info("top_p")->max, "1");
    CHECK_EQ(chaku::option_info("overflow")->choices, "error,stop,shift");
    CHECK_EQ(chaku::option_info("deadline_ms")->unit, "ms");
    CHECK(!chaku::option_info("no_such_key"));
    CHECK_EQ(chaku::option_info("temperature")->aliases.front(), "--temp");
    CHECK_EQ(chaku::find_option("LLAMA_ARG_N_PREDICT"), "max_tokens");
    CHECK(!chaku::find_option("no-such-name"));
    CHECK(chaku::option_info("top_p")->soft && !chaku::option_info("typical_p")->soft);
}

CASE(invalid_utf8) {
    auto model = load(SCRIPT);
    auto session = new_session(model);
    const auto refused = [](const char *what, const chaku::Error &error, const char *offset) {
        CHECK_EQ(must_fail(what, error, Code::invalid_argument, "invalid_utf8").detail("offset"), offset);
    };
    refused("chat", session.chat("ab\xFF" "c").error(), "2");
    refused("generate", session.generate("caf\xC3").error(), "3");
    refused("ingest", session.ingest(nullptr, "\xED\xA0\x80").error(), "0");
    refused("tokenize", model.tokenize("a\x80").error(), "1");
    chaku::Options options{{"seed", 1}};
    why(options.add("stop", "\xC0\x80"), "invalid_utf8");
    CHECK_EQ(chat(session, "Go.").text, SCRIPT_REPLY);
}

// A text's length is part of a std::string_view, so a negative one cannot be given here.
CASE(text_length) {
    auto model = load(SCRIPT);
    const std::string_view text = "Go. And not this.";
    Reply reply = chat(new_session(model), text.substr(0, 3));
    CHECK_EQ(reply.usage.prompt_tokens, count_tokens(model, USER("Go.") ASSISTANT, true));
    using namespace std::string_view_literals;
    reply = generate(new_session(model), "a\0b\n"sv);
    CHECK_EQ(reply.usage.prompt_tokens, 4);
    CHECK_EQ(reply.text, SCRIPT_REPLY);
    CHECK_EQ(MUST(model.detokenize(MUST(model.tokenize("a\0b"sv)))), "a\0b"sv);
}

CASE(empty_prompt) {
    auto session = new_session(load(SCRIPT));
    FAILS(session.chat(""), Code::invalid_argument, "empty_prompt");
    FAILS(session.chat(std::string_view()), Code::invalid_argument, "empty_prompt");
    FAILS(session.generate(""), Code::invalid_argument, "empty_prompt");
    FAILS(session.ingest(nullptr, ""), Code::invalid_argument, "empty_prompt");
    FAILS(session.ingest("user", ""), Code::invalid_argument, "empty_prompt");
    CHECK_EQ(chat(session, "Go.").text, SCRIPT_REPLY);
}
