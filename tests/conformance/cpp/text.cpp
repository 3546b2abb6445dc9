// What the text of an answer may and may not contain.
#include "reply.hpp"

#include <cmath>

CASE(stop_string_across_tokens) {
    auto model = load("tiny-stop.gguf");
    auto session = new_session(model);
    Reply reply = chat(session, "Go.", {{"stop", "stop here"}});
    CHECK_STOPPED(reply);
    CHECK_EQ(reply.text, "one two ");
    CHECK_EQ(reply.bytes, "one two ");
    CHECK_EQ(reply.usage.completion_tokens, 5); // one, two, and the three the stop string is in
    // The conversation goes on with what was shown.
    reply = chat(session, "Again.", {{"stop", "stop here"}});
    CHECK_EQ(reply.text, "one two ");
    CHECK_EQ(reply.usage.prompt_tokens,
             count_tokens(model, USER("Go.") ASSISTANT "one two <|im_end|>\n" USER("Again.") ASSISTANT, true));
}

CASE(stop_string_that_never_comes) {
    const Reply reply =
        chat(new_session(load("tiny-stop.gguf")), "Go.", {{"stop", "stop her!"}, {"stop", "threesome"}});
    CHECK_STOPPED(reply);
    CHECK_EQ(reply.text, "one two stop here three");
    CHECK_EQ(reply.tokens.size(), 6);
}

CASE(several_stop_strings) {
    auto model = load("tiny-stop.gguf");
    const chaku::Options three{{"stop", "three"}, {"stop", "op h"}, {"stop", "stop here"}};
    CHECK_EQ(chat(new_session(model), "Go.", three).text, "one two st");
    CHECK_EQ(chat(new_session(model), "Go.", {{"stop", "one"}}).text, "");
    CHECK_EQ(chat(new_session(load("tiny-emoji.gguf")), "Go.", {{"stop", "\xF0\x9F\xA6\x99"}}).text,
             "Hi \xF0\x9F\x98\x80 llama ");
    // add() appends, and set() begins anew.
    chaku::Options built;
    CHECK_EQ(chat(new_session(model), "Go.", built.add("stop", "three").add("stop", "op h")).text, "one two st");
    CHECK_EQ(chat(new_session(model), "Go.", built.set("stop", "three")).text, "one two stop here ");
}

CASE(emoji_split_over_tokens) {
    const Reply reply = chat(new_session(load("tiny-emoji.gguf")), "Go.");
    CHECK_STOPPED(reply);
    CHECK_EQ(reply.text, "Hi \xF0\x9F\x98\x80 llama \xF0\x9F\xA6\x99!");
    CHECK_EQ(reply.bytes, reply.text);
    CHECK_EQ(reply.replaced_count, 0);
    CHECK_EQ(reply.tokens.size(), 9);
}

CASE(unfinished_character) {
    const Reply reply = chat(new_session(load("tiny-cut.gguf")), "Go.");
    CHECK_STOPPED(reply);
    CHECK_EQ(reply.text, "cut \xEF\xBF\xBD");
    CHECK_EQ(reply.replaced_count, 1);
    CHECK_EQ(reply.bytes, "cut \xF0\x9F\x98");
}

// Tokens drawn blindly: bytes in every order there is.
CASE(any_bytes) {
    auto model = load(RANDOM);
    const chaku::Options blind{{"temperature", 100}, {"top_k", 0},          {"top_p", 1},
                               {"min_p", 0},         {"ignore_eos", true}, {"max_tokens", 1500},
                               {"stop", "\xF0\x9F\xA6\x99"}};
    for (int i = 0; i < 3; i++) {
        const Reply reply = chat(new_session(model), "Go.", blind);
        CHECK_LENGTH(reply);
        CHECK_EQ(reply.usage.completion_tokens, 1500);
        CHECK_EQ(reply.tokens.size(), 1500);
    }
}

CASE(max_tokens) {
    auto session = new_session(load(RANDOM));
    for (const int max : {1, 3, 5}) {
        const Reply reply = chat(session, "Go.", {{"max_tokens", max}});
        CHECK_LENGTH(reply);
        CHECK_EQ(reply.usage.completion_tokens, max);
        CHECK_EQ(reply.tokens.size(), max);
    }
    // An answer that is over in time ends by itself.
    CHECK_STOPPED(chat(new_session(load(SCRIPT)), "Go.", {{"max_tokens", 100}}));
}

CASE(bad_grammar) {
    auto session = new_session(load(RANDOM));
    CHECK_FAILED(chat(session, "Go.", {{"grammar", "root ::= ("}}), Code::invalid_argument, "invalid_grammar");
    CHECK_FAILED(chat(session, "Go.", {{"grammar", "no ::= \"root\""}}), Code::invalid_argument, "invalid_grammar");
    CHECK_EQ(session.message_count(), 0);
    CHECK_EQ(chat(session, "Go.", {{"max_tokens", 2}}).tokens.size(), 2);
}

CASE(grammar_constrains) {
    auto model = load(RANDOM);
    for (int i = 0; i < 4; i++) {
        const Reply reply = chat(new_session(model), "Go.", {{"grammar", "root ::= \"yes!\" | \"no!\""}});
        CHECK_STOPPED(reply);
        if (reply.text != "yes!") CHECK_EQ(reply.text, "no!");
    }
}

CASE(constraint_holds) {
    static const char *const schema =
        R"({"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"enum": [1, 2]}},)"
        R"("required": ["a", "b"], "additionalProperties": false})";
    auto model = load(RANDOM);
    for (int i = 0; i < 4; i++) {
        const Reply object = chat(new_session(model), "Go.", {{"json_schema", schema}});
        CHECK_STOPPED(object);
        CHECK(starts_with(object.text, "{") && object.text.back() == '}');
        CHECK(object.text.find("\"a\"") != std::string::npos && object.text.find("\"b\"") != std::string::npos);
        const Reply match = chat(new_session(model), "Go.", {{"regex", "(yes|no), [0-9]{3}"}});
        CHECK_STOPPED(match);
        CHECK(starts_with(match.text, "yes, ") ? match.text.size() == 8 : match.text.size() == 7);
        const Reply word = chat(new_session(model), "Go.", {{"lark", "start: \"yes\" | \"no\""}});
        CHECK_STOPPED(word);
        if (word.text != "yes") CHECK_EQ(word.text, "no");
    }
    CHECK(starts_with(chat(new_session(model), "Go.", {{"json_object", true}, {"max_tokens", 4}}).text, "{"));
}

CASE(bad_constraint) {
    auto session = new_session(load(RANDOM));
    CHECK_FAILED(chat(session, "Go.", {{"json_schema", "{"}}), Code::invalid_argument, "invalid_grammar");
    CHECK_FAILED(chat(session, "Go.", {{"json_schema", R"({"type": "nonsense"})"}}), Code::invalid_argument,
                 "invalid_grammar");
    CHECK_FAILED(chat(session, "Go.", {{"regex", "("}}), Code::invalid_argument, "invalid_grammar");
    CHECK_FAILED(chat(session, "Go.", {{"lark", "start: nowhere"}}), Code::invalid_argument, "invalid_grammar");
    CHECK_FAILED(chat(session, "Go.", {{"regex", "a"}, {"grammar", "root ::= \"a\""}}), Code::invalid_argument,
                 "invalid_option");
    CHECK_EQ(session.message_count(), 0);
    CHECK_EQ(chat(session, "Go.", {{"regex", "yes"}}).text, "yes");
}

static std::vector<std::vector<chaku::TopLogprob>> scores(chaku::Session &session, const chaku::Options &options,
                                                         std::vector<chaku::Event> &events) {
    std::vector<std::vector<chaku::TopLogprob>> all;
    auto request = start_chat(session, "Go.", options);
    auto reading = request.events();
    for (chaku::Event &event : reading) {
        if (event.kind() != EventKind::text) {
            CHECK(!event.logprob() && event.top_logprobs().empty());
            continue;
        }
        all.push_back(event.top_logprobs());
        for (std::size_t i = 1; i < all.back().size(); i++) CHECK(all.back()[i].logprob <= all.back()[i - 1].logprob);
        events.push_back(std::move(event));
    }
    MUST(reading.status());
    return all;
}

CASE(logprobs) {
    auto script = new_session(load(SCRIPT));
    std::vector<chaku::Event> events;
    auto all = scores(script, {{"logprobs", 3}, {"temperature", 0}}, events);
    CHECK_EQ(events.size(), 7);
    for (std::size_t i = 0; i < events.size(); i++) {
        CHECK_EQ(all[i].size(), 3);
        CHECK(events[i].token() == all[i][0].token && events[i].logprob() == all[i][0].logprob);
        CHECK_EQ(all[i][0].bytes, events[i].bytes());
    }
    auto session = new_session(load(RANDOM));
    events.clear();
    all = scores(session, {{"logprobs", 0}, {"max_tokens", 4}}, events);
    CHECK(all.size() == 4 && all[3].empty() && *events[3].logprob() <= 0);
    events.clear();
    all = scores(session, {{"max_tokens", 4}}, events);
    CHECK(all.size() == 4 && all[3].empty() && !events[3].logprob());
    events.clear();
    const chaku::Options two{{"logprobs", 5}, {"logprobs_after_sampling", true}, {"temperature", 1.0}, {"top_k", 2},
                             {"top_p", 1.0},  {"min_p", 0.0},                    {"max_tokens", 4}};
    for (const auto &top : scores(session, two, events)) {
        CHECK_EQ(top.size(), 2);
        const double sum = std::exp(top[0].logprob) + std::exp(top[1].logprob);
        CHECK(sum > 0.9999 && sum < 1.0001);
    }
    chaku::Options many;
    CHECK_EQ(many.set("logprobs", 65).error().reason(), "invalid_option");
}

CASE(logit_bias) {
    auto model = load(RANDOM);
    const auto say = [&](const chaku::Options &options) { return chat(new_session(model), "Go.", options); };
    CHECK_EQ(say({{"logit_bias", "a=1000"}, {"max_tokens", 3}}).text, "aaa");
    const std::string by_number = std::to_string(MUST(model.tokenize("b")).at(0)) + "=1e3";
    CHECK_EQ(say({{"logit_bias", by_number}, {"max_tokens", 3}}).text, "bbb");
    CHECK_EQ(say({{"logit_bias", "\"7\"=1000"}, {"max_tokens", 3}}).text, "777");
    chaku::Options banned{{"max_tokens", 3}};
    banned.add("logit_bias", "a=1000").add("logit_bias", "b=500").add("logit_bias", "a=false");
    CHECK_EQ(say(banned).text, "bbb");
    CHECK_EQ(say({{"logit_bias", "a=-inf"}, {"regex", "a|b"}}).text, "b");
    CHECK_EQ(say({{"logit_bias", "a=1000"}, {"regex", "a|b"}}).text, "a");
    CHECK_FAILED(say({{"logit_bias", "a=-inf"}, {"regex", "a"}}), Code::invalid_argument, "invalid_option");
}

CASE(bad_logit_bias) {
    auto session = new_session(load(RANDOM));
    for (const std::string bad : {"a", "a=much", "a=nan", "a=inf", "a=1e7", "-1=1", "999999=1", "=1"}) {
        const Reply reply = chat(session, "Go.", {{"logit_bias", bad}});
        CHECK_FAILED(reply, Code::invalid_argument, "invalid_option");
        CHECK(contains(reply.error.message(), "`" + bad + "`"));
    }
    CHECK_EQ(session.message_count(), 0);
    CHECK_EQ(chat(session, "Go.", {{"logit_bias", "a=1000"}, {"max_tokens", 2}}).text, "aa");
}

CASE(unknown_sampler) {
    auto session = new_session(load(RANDOM));
    CHECK_FAILED(chat(session, "Go.", {{"samplers", "top_k;no_such_sampler"}}), Code::invalid_argument,
                 "invalid_option");
    CHECK_EQ(chat(session, "Go.", {{"samplers", "top_k;temperature"}, {"max_tokens", 2}}).tokens.size(), 2);
}

CASE(ignore_eos) {
    const Reply reply = chat(new_session(load(SCRIPT)), "Go.", {{"ignore_eos", true}, {"max_tokens", 20}});
    CHECK_LENGTH(reply);
    CHECK_EQ(reply.usage.completion_tokens, 20);
    CHECK(starts_with(reply.text, SCRIPT_REPLY));
}

CASE(seed_repeats) {
    auto session = new_session(load(RANDOM, {{"fixed_shape", true}}));
    const chaku::Options seven{{"seed", 7}, {"temperature", 2.0}, {"max_tokens", 32}};
    const Reply first = chat(session, "Go.", seven);
    MUST(session.reset());
    const Reply second = chat(session, "Go.", seven);
    CHECK_EQ(second.text, first.text);
    MUST(session.reset());
    const Reply other = chat(session, "Go.", {{"seed", 8}, {"temperature", 2.0}, {"max_tokens", 32}});
    CHECK(other.text != first.text);
}

CASE(unset_seed_differs) {
    auto model = load(RANDOM);
    const chaku::Options hot{{"temperature", 20.0}, {"top_k", 20}, {"min_p", 0.0}, {"top_p", 1.0}, {"max_tokens", 32}};
    const Reply first = chat(new_session(model), "Go.", hot), second = chat(new_session(model), "Go.", hot);
    CHECK(first.text != second.text);
}

CASE(greedy_repeats_in_fixed_shape) {
    const chaku::Options greedy{{"temperature", 0}, {"max_tokens", 48}};
    Reply replies[2];
    for (Reply &reply : replies) {
        auto session = new_session(load(SMOLLM2, {{"fixed_shape", true}, {"ctx_size", 1024}}));
        reply = chat(session, "Write a sentence about a llama.", greedy);
        CHECK(reply.tokens.size() > 4);
    }
    CHECK_EQ(replies[1].text, replies[0].text);
    CHECK(replies[1].tokens == replies[0].tokens);
}
