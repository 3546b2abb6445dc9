// Sessions that are saved, and taken up again.
#include "reply.hpp"

#include <filesystem>
#include <fstream>

#include <unistd.h>

namespace fs = std::filesystem;

// Dice that always fall in the same way, and an answer that depends on all that was said.
static chaku::Options likeliest() { return {{"temperature", 0.0}, {"max_tokens", 24}}; }

// A folder for this case alone, and a file in it.
struct Folder {
    fs::path path = fs::temp_directory_path() / ("chaku-saved-" + std::to_string(::getpid()));
    fs::path file = path / "session.state";

    Folder() { CHECK(fs::create_directory(path)); }
    ~Folder() {
        fs::remove(file);
        CHECK(fs::remove(path)); // there is nothing else in it
    }
};

static void check_saved(const Reply &reply) {
    CHECK_STOPPED(reply);
    CHECK_EQ(reply.tokens.size(), 0);
}

// A saved conversation of two messages, in memory.
static chaku::Buffer save_one(const chaku::Model &model) {
    auto session = new_session(model);
    chat(session, "Go.", {{"max_tokens", 4}});
    auto request = MUST(session.save_to_memory());
    check_saved(read_all(request));
    return MUST(request.buffer());
}

CASE(save_to_file) {
    const Folder folder;
    auto model = load(RANDOM);
    auto session = new_session(model, {{"system_prompt", "You are a parrot."}});
    chat(session, "Tell me something.", likeliest());
    const auto used = session.context_used();
    check_saved(read_all(MUST(session.save(folder.file))));
    CHECK(fs::status(folder.file).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
    const Reply straight = chat(session, "And then?", likeliest());
    CHECK_EQ(straight.tokens.size(), 24);

    auto restored = MUST(model.restore(folder.file));
    CHECK_EQ(restored.message_count(), 2);
    CHECK_EQ(restored.context_used(), used);
    Reply again = chat(restored, "And then?", likeliest());
    CHECK_EQ(again.text, straight.text);
    CHECK_EQ(again.usage.prompt_tokens, straight.usage.prompt_tokens);

    // In another life of the model, where only the file knows what was computed.
    MUST(model.close(event_wait));
    restored = MUST(load(RANDOM).restore(folder.file));
    again = chat(restored, "And then?", likeliest());
    CHECK_EQ(again.text, straight.text);
    CHECK_EQ(again.usage.cached_tokens, straight.usage.cached_tokens);

    // What is there is replaced.
    check_saved(read_all(MUST(restored.save(folder.file))));
    CHECK_EQ(MUST(load(RANDOM).restore(folder.file)).message_count(), 4);
}

CASE(save_to_memory) {
    auto model = load(LONG);
    auto session = new_session(model);
    generate(session, "Count.\n", {{"max_tokens", 12}});
    auto request = MUST(session.save_to_memory());
    check_saved(read_all(request));
    auto buffer = MUST(request.buffer());
    CHECK_EQ(MUST(request.buffer()).view(), buffer.view());
    request.free();
    CHECK(buffer.size() > 100 && buffer.data()[buffer.size()] == '\0');
    const std::string copy(buffer.view());
    buffer.free();
    CHECK(buffer.view().empty());

    auto restored = MUST(model.restore_buffer(copy));
    CHECK_EQ(restored.context_used(), session.context_used());
    CHECK_EQ(read_all(MUST(restored.continue_answer({{"max_tokens", 8}}))).text,
             " five six seven eight one two three four");

    // A session that is busy or closed is not saved, and other requests made no buffer.
    auto running = MUST(restored.generate("\n", {{"event_queue", 1}}));
    FAILS(restored.save_to_memory(), Code::failed_precondition, "concurrent_use");
    FAILS(running.buffer(), Code::failed_precondition, "not_finished");
    MUST(restored.close(event_wait));
    FAILS(running.buffer(), Code::cancelled, "cancelled");
    FAILS(restored.save_to_memory(), Code::failed_precondition, "closed");
    running = MUST(session.generate("\n", {{"max_tokens", 1}}));
    read_all(running);
    FAILS(running.buffer(), Code::failed_precondition, "no_result");
}

CASE(state_corrupt) {
    auto model = load(SCRIPT);
    const auto buffer = save_one(model);
    const std::string_view bytes = buffer.view();
    const auto is_corrupt = [&](std::string_view changed) {
        FAILS(model.restore_buffer(changed), Code::data_loss, "state_corrupt");
    };
    is_corrupt({});
    for (std::size_t cut = 1; cut < 64; cut++) is_corrupt(bytes.substr(0, bytes.size() * cut / 64));
    is_corrupt(bytes.substr(0, bytes.size() - 1));
    is_corrupt({bytes.data(), bytes.size() + 1}); // the NUL
    std::string changed(bytes);
    for (std::size_t at = 0; at < bytes.size(); at += at < 256 ? 1 : bytes.size() / 64) {
        changed[at] = static_cast<char>(changed[at] ^ 0x20);
        is_corrupt(changed);
        changed[at] = bytes[at];
    }
    MUST(model.restore_buffer(changed));

    const Folder folder;
    const auto is_corrupt_file = [&](std::string_view content) {
        std::ofstream(folder.file, std::ios::binary) << content;
        const auto error = FAILS(model.restore(folder.file), Code::data_loss, "state_corrupt");
        CHECK_EQ(error.detail("path"), folder.file.string());
    };
    is_corrupt_file(bytes.substr(1));
    is_corrupt_file("Once upon a time");
    FAILS(model.restore(model_path(SCRIPT)), Code::data_loss, "state_corrupt");
    FAILS(model.restore(folder.path), Code::unavailable, "file_unreadable");
    fs::remove(folder.file);
    FAILS(model.restore(folder.file), Code::not_found, "file_not_found");
}

CASE(state_mismatch) {
    const auto buffer = save_one(load(SCRIPT));
    FAILS(load(SMOLLM2, {{"ctx_size", 512}}).restore_buffer(buffer.view()), Code::failed_precondition, "state_mismatch");
    const chaku::Options other{{"chat_template", "{% for m in messages %}{{ m.content }}{% endfor %}:"}};
    FAILS(MUST(chaku::Model::load(model_path(SCRIPT), other)).restore_buffer(buffer.view()), Code::failed_precondition,
          "state_mismatch");
    // Other numbers in the KV cache are no other conversation: it is computed again.
    auto session = MUST(load(SCRIPT, {{"cache_type_k", "f32"}}).restore_buffer(buffer.view()));
    CHECK_EQ(chat(session, "Go.").text, SCRIPT_REPLY);
}

CASE(save_fails) {
    auto session = new_session(load(SCRIPT));
    chat(session, "Go.");
    {
        const Folder folder;
        const fs::path missing = folder.path / "missing" / "session.state";
        const Reply reply = read_all(MUST(session.save(missing)));
        CHECK_FAILED(reply, Code::unavailable, "file_unwritable");
        CHECK(contains(reply.error.message(), missing.string()));
        CHECK_FAILED(read_all(MUST(session.save(folder.path))), Code::unavailable, "file_unwritable");
    } // no part of a file was left
    // The session is as before.
    CHECK_EQ(chat(session, "Go.").text, SCRIPT_REPLY);
    CHECK_EQ(session.message_count(), 4);
}
