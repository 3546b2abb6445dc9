// Cancel an answer while it is written, then go on in the same session: the question and the part that was written are
// kept.
//
//     cancel MODEL.gguf
#include <chaku.hpp>

#include <iostream>

// Runs a request to its end, and cancels it after some tokens (0 = never). Being cancelled is no failure here.
static void run(chaku::Request &request, int cancel_after) {
    int tokens = 0;
    const chaku::Result<void> end = request.run([&](const chaku::Event &event) {
        if (event.kind() != chaku::EventKind::text) return;
        std::cout << event.text() << std::flush;
        if (++tokens == cancel_after) {
            // May come from any thread and at any time; here a callback asks, which could return Flow::stop as well.
            request.cancel();
        }
    });
    if (end.error().code() == chaku::Code::cancelled) {
        std::cout << "\n-- cancelled after " << tokens << " tokens\n";
        return;
    }
    end.value();
    std::cout << "\n-- done\n";
}

int main(int argc, char **argv) try {
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " MODEL.gguf\n";
        return 2;
    }
    chaku::Model model = chaku::Model::load(argv[1]).value();
    chaku::Session session = chaku::Session::make(model).value();
    chaku::Request first = session.chat("Tell me a long story about a llama.").value();
    run(first, 8); // a model with little to say may be done before it is cancelled
    chaku::Request second = session.chat("And how does it end?", {{CHAKU_OPT_MAX_TOKENS, 32}}).value();
    run(second, 0);
    return 0;
} catch (const chaku::Exception &exception) {
    std::cerr << exception.what() << '\n';
    return 1;
}
