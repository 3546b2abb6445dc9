// Chat with a model in the terminal.
//
//     chat MODEL.gguf             a conversation; /exit or end of file ends it
//     chat MODEL.gguf "QUESTION"  one answer
//
// The answer goes to stdout, word by word; numbers and errors go to stderr.
#include <chaku.hpp>

#include <cstdio>
#include <iostream>
#include <string>

#ifdef _WIN32
#include <io.h>
static bool is_terminal() { return _isatty(0) != 0; }
#else
#include <unistd.h>
static bool is_terminal() { return isatty(0) != 0; }
#endif

// Called with every event of an answer.
static void show(const chaku::Event &event) {
    std::cout << event.text() << std::flush;
    if (!event.is_final() || event.code() != chaku::Code::ok) return;
    const chaku::Usage usage = event.usage();
    const double seconds = event.timings().decode_ms / 1000.0;
    // decode_ms runs from the first token to the last, so the first one is not counted.
    const double speed = seconds > 0 ? static_cast<double>(usage.completion_tokens - 1) / seconds : 0;
    std::cout << std::endl;
    std::fprintf(stderr, "[%lld tokens, %.1f tokens/s, %lld of the prompt's %lld tokens were computed before]\n",
                 static_cast<long long>(usage.completion_tokens), speed, static_cast<long long>(usage.cached_tokens),
                 static_cast<long long>(usage.prompt_tokens));
}

static void answer(chaku::Session &session, const std::string &question) {
    chaku::Request request = session.chat(question).value();
    request.run(show).value();
}

static void converse(chaku::Session &session) {
    std::cerr << "Say something; /exit ends.\n";
    std::string line;
    while (std::cerr << "> ", std::getline(std::cin, line)) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (line == "/exit") return;
        if (!line.empty()) answer(session, line);
    }
}

int main(int argc, char **argv) try {
    if (argc < 2) {
        std::cerr << "usage: " << argv[0] << " MODEL.gguf [QUESTION]\n";
        return 2;
    }
    chaku::Model model = chaku::Model::load(argv[1]).value();
    chaku::Session session =
        chaku::Session::make(model, {{CHAKU_OPT_SYSTEM_PROMPT, "You are a helpful assistant. Answer briefly."},
                                     {CHAKU_OPT_MAX_TOKENS, 512}})
            .value();
    if (argc > 2) {
        answer(session, argv[2]);
    } else if (is_terminal()) {
        converse(session);
    } else {
        answer(session, "Why is the sky blue?");
    }
    return 0;
} catch (const chaku::Exception &exception) {
    std::cerr << exception.what() << '\n';
    return 1;
}
