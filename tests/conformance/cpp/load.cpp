// Loading, and what a model says about itself.
#include "reply.hpp"

CASE(load) {
    auto model = load(RANDOM);
    CHECK(model.context_size() > 0);
    CHECK(model.vocab_size() > 256);
    auto second = MUST(model.retain());
    CHECK(second.get() != model.get());
    model.free();
    CHECK_EQ(second.metadata("general.name"), "tiny-random");
}

CASE(load_progress) {
    auto request = start_load(SMOLLM2);
    const Reply reply = read_all(request);
    CHECK_STOPPED(reply);
    CHECK(reply.progress_count > 0);
    CHECK_EQ(reply.tokens.size(), 0);
    auto model = MUST(request.model());
    const auto again = MUST(request.model());
    CHECK(model.get() != again.get());
    request.free();
    CHECK_LENGTH(chat(new_session(model), "Hi", {{"max_tokens", 1}}));
}

CASE(missing_file) {
    const auto model = chaku::Model::load(model_path("no-such-file.gguf"));
    CHECK(contains(FAILS(model, Code::not_found, "file_not_found").message(), "no-such-file.gguf"));
    CHECK(!*model);
    auto request = start_load("no-such-file.gguf");
    CHECK_FAILED(read_all(request), Code::not_found, "file_not_found");
    FAILS(request.model(), Code::not_found, "file_not_found");
}

CASE(download) {
    const bool can = chaku::has_feature("hub");
    // A library made with downloads asks nobody either: that is no name of a repository.
    const char *spec = can ? "hf:no-repository" : "hf:test/tiny";
    const Code code = can ? Code::invalid_argument : Code::unimplemented;
    const char *reason = can ? "invalid_argument" : "unimplemented";
    const auto error = FAILS(chaku::Model::download(spec), code, reason);
    CHECK(can || contains(error.message(), "without downloads"));
    FAILS(chaku::Model::load(spec), code, reason);
    FAILS(chaku::Model::load_async(spec), code, reason);
    auto request = start_load(RANDOM);
    std::int64_t done = 0;
    MUST(request.run([&](const chaku::Event &event) {
        if (event.kind() != chaku::EventKind::progress) return;
        CHECK(event.phase() == chaku::Phase::load);
        done = event.progress_done();
        CHECK(done <= event.progress_total());
    }));
    CHECK(done > 0);
    FAILS(request.paths(), Code::failed_precondition, "no_result");
}

CASE(not_a_gguf) {
    for (const char *file : {"not-a-gguf.bin", "truncated.gguf"}) {
        FAILS(chaku::Model::load(model_path(file)), Code::data_loss, "model_corrupt");
        CHECK_FAILED(read_all(start_load(file)), Code::data_loss, "model_corrupt");
    }
    load(RANDOM);
}

CASE(load_cancel) {
    auto request = start_load(SMOLLM2);
    request.cancel();
    CHECK_CANCELLED(read_all(request));
    FAILS(request.model(), Code::cancelled, "cancelled");
    load(SMOLLM2);
}

// A load may be done before the cancel arrives, so it is tried until one is caught in the middle.
CASE(cancel_loading) {
    for (int attempt = 0; attempt < 50; attempt++) {
        auto request = start_load(SMOLLM2, {{"mmap", false}});
        Reply reply;
        read_progress(request, reply);
        request.cancel();
        read_rest(request, reply);
        if (!reply.error) continue;
        CHECK_CANCELLED(reply);
        CHECK(reply.progress < 1.0);
        FAILS(request.model(), Code::cancelled, "cancelled");
        load(SMOLLM2);
        return;
    }
    fail("50 loads were done before they could be cancelled");
}

CASE(metadata) {
    const auto model = load(RANDOM);
    const auto count = model.metadata_count();
    CHECK_EQ(model.metadata("general.architecture"), "llama");
    CHECK_EQ(model.metadata("general.name"), "tiny-random");
    CHECK(!model.metadata("no.such.key"));
    CHECK(count > 10);
    for (std::int64_t i = 0; i < count; i++) {
        const std::string key(model.metadata_key(i).value_or(""));
        CHECK(model.metadata_value(i).has_value());
        CHECK_EQ(model.metadata(key.c_str()), model.metadata_value(i));
    }
    CHECK(!model.metadata_key(count));
    CHECK(!model.metadata_value(-1));
    CHECK_EQ(model.training_context(), 2048);
    CHECK(model.parameter_count() > 10000);
    CHECK(model.size_bytes() > 10000);
    CHECK(contains(model.description(), "llama"));
    CHECK(contains(model.chat_template().value_or(""), "<|im_start|>"));
    CHECK(model.token_is_end(model.token_eos().value_or(-1)));
    CHECK(!model.token_is_end('a'));
    CHECK(model.token_bos().has_value());
}

static void round_trip(const chaku::Model &model, std::string_view text) {
    const auto tokens = MUST(model.tokenize(text));
    CHECK_EQ(tokens.size(), MUST(model.count_tokens(text)));
    CHECK_EQ(MUST(model.detokenize(tokens, true)), text);
}

// A buffer that is too small cannot be given here: the header makes them.
CASE(tokenize_roundtrip) {
    const auto model = load(SMOLLM2);
    round_trip(model, "Hello, world!");
    round_trip(model, "  two  spaces\n\ttab\r\n");
    round_trip(model, "\xF0\x9F\xA6\x99 llama, \xC3\xBC\xC3\xA4, \xE4\xBD\xA0\xE5\xA5\xBD");
    round_trip(model, "<|im_end|>");
    round_trip(model, "");
    round_trip(model, std::string_view());
    CHECK_EQ(count_tokens(model, "<|im_end|>", true), 1);
    CHECK(count_tokens(model, "<|im_end|>", false) > 1);

    const auto parsed = MUST(model.tokenize("<|im_end|>", false, true));
    CHECK_EQ(parsed.size(), 1);
    CHECK_EQ(MUST(model.detokenize(parsed, true)), "<|im_end|>");
    CHECK_EQ(MUST(model.detokenize(parsed)), ""); // control tokens are left out
    const auto around = MUST(load(SCRIPT).tokenize("a", true));
    CHECK_EQ(around.size(), MUST(load(SCRIPT).count_tokens("a", true)));
    FAILS(model.detokenize({static_cast<chaku::Token>(model.vocab_size())}), Code::invalid_argument, "invalid_token");
}
