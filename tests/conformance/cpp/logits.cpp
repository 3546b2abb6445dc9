// How likely tokens are: those of the prompt, those of several answers, and those a host chooses by itself.
#include "reply.hpp"

#include <limits>

namespace {

/// The text and scores of a prompt.
struct Prompt {
    std::string text;
    std::size_t tokens = 0, scored = 0, top = 0;
    bool answered = false;
    chaku::Usage usage{};
};

Prompt read_prompt(chaku::Request request) {
    Prompt prompt;
    auto reading = request.events();
    for (chaku::Event &event : reading) {
        if (event.is_final()) prompt.usage = event.usage();
        if (event.kind() == EventKind::text) prompt.answered = true;
        if (event.kind() != EventKind::prompt) continue;
        CHECK(!prompt.answered && event.token() && event.text().empty());
        if (prompt.tokens++ == 0) CHECK(!event.logprob() && event.top_logprobs().empty());
        if (event.logprob()) prompt.scored++;
        prompt.top = event.top_logprobs().size();
        prompt.text += event.prompt();
    }
    MUST(reading.status());
    return prompt;
}

} // namespace

CASE(prompt_logprobs) {
    auto session = new_session(load(SCRIPT));
    for (int turn = 0; turn < 2; turn++) {
        const Prompt prompt = read_prompt(MUST(session.chat("Go.", {{"prompt_logprobs", 2}})));
        CHECK_EQ(prompt.tokens, prompt.usage.prompt_tokens);
        CHECK_EQ(prompt.scored, prompt.tokens - 1);
        CHECK_EQ(prompt.top, 2);
        CHECK_EQ(prompt.usage.cached_tokens, 0);
        CHECK(contains(prompt.text, USER("Go.") ASSISTANT) && prompt.answered);
    }
    const Prompt ahead = read_prompt(MUST(new_session(load(RANDOM)).ingest(nullptr, "abc", {{"prompt_logprobs", 0}})));
    CHECK_EQ(ahead.tokens, ahead.usage.prompt_tokens);
    CHECK_EQ(ahead.text, "abc");
    CHECK(ahead.top == 0 && !ahead.answered);
    CHECK_EQ(read_prompt(MUST(session.chat("Go."))).tokens, 0);
}

CASE(choices) {
    auto model = load(RANDOM);
    const auto ask = [&](int seed, int choice) {
        return MUST(model.chat({{"user", "Tell me something about llamas, and then about alpacas."}},
                               {{"seed", seed}, {"choice", choice}, {"temperature", 2.0}, {"max_tokens", 12}, {"ignore_eos", true}}));
    };
    std::vector<chaku::Request> requests;
    for (int choice = 0; choice < 3; choice++) requests.push_back(ask(7, choice));
    std::vector<Reply> replies;
    for (auto &request : requests) replies.push_back(read_all(request));
    CHECK(replies[0].text != replies[1].text && replies[1].text != replies[2].text && replies[0].text != replies[2].text);
    for (int i = 1; i < 3; i++) CHECK_EQ(replies[i].usage.cached_tokens, replies[i].usage.prompt_tokens - 1);
    auto again = ask(7, 1), next = ask(8, 0);
    CHECK_EQ(read_all(again).text, replies[1].text);
    CHECK_EQ(read_all(next).text, replies[1].text);
}

CASE(pause_for_logits) {
    constexpr float never = -std::numeric_limits<float>::infinity();
    auto model = load(SCRIPT);
    auto session = new_session(model);
    auto request = MUST(session.chat("Go.", {{"pause_for_logits", true}}));
    std::string text;
    std::int64_t position = -1;
    MUST(request.run([&](const chaku::Event &event) {
        text += event.text();
        if (event.kind() != EventKind::logits) return;
        const chaku::Logits logits = event.logits();
        CHECK_EQ(logits.size(), model.vocab_size());
        CHECK(position < 0 || event.position() == position + 1);
        if (position < 0) {
            const std::vector<float> few(logits.begin() + 1, logits.end()), none(logits.size(), never);
            CHECK_EQ(request.resume(few).error().reason(), "invalid_argument");
            CHECK_EQ(request.resume(none).error().reason(), "invalid_argument");
            CHECK_EQ(request.resume({}).error().reason(), "invalid_argument");
            MUST(request.resume());
        } else {
            MUST(request.resume({logits.begin(), logits.end()}));
        }
        position = event.position();
    }));
    CHECK_EQ(text, SCRIPT_REPLY);
    CHECK_EQ(request.resume().error().reason(), "not_paused");

    // One token left: it comes.
    auto random = load(RANDOM);
    std::vector<float> edited(static_cast<std::size_t>(random.vocab_size()), never);
    edited[static_cast<std::size_t>(MUST(random.tokenize("z")).at(0))] = 0;
    auto other = new_session(random);
    auto chosen = MUST(other.chat("Go.", {{"pause_for_logits", true}, {"max_tokens", 3}}));
    text.clear();
    MUST(chosen.run([&](const chaku::Event &event) {
        text += event.text();
        if (event.kind() == EventKind::logits) MUST(chosen.resume(edited));
    }));
    CHECK_EQ(text, "zzz");

    // Nobody looks; nobody answers.
    auto unseen = MUST(new_session(model).chat("Go.", {{"pause_for_logits", true}}));
    MUST(unseen.run());
    auto waiting = MUST(new_session(model).chat("Go.", {{"pause_for_logits", true}}));
    MUST(waiting.close());
}
