// Give an answer a deadline: whatever was written when the time is up is kept, and can be continued.
//
//     deadline MODEL.gguf [MILLISECONDS]
#include <chaku.hpp>

#include <cstdio>
#include <cstdlib>
#include <iostream>

static void show(const chaku::Event &event) {
    std::cout << event.text() << std::flush;
    if (event.is_final()) {
        std::printf("\n-- %s after %.0f ms and %lld tokens\n",
                    event.finish_reason() == chaku::FinishReason::deadline ? "time is up" : "done",
                    event.timings().total_ms, static_cast<long long>(event.usage().completion_tokens));
    }
}

int main(int argc, char **argv) try {
    if (argc < 2) {
        std::cerr << "usage: " << argv[0] << " MODEL.gguf [MILLISECONDS]\n";
        return 2;
    }
    const long long deadline_ms = argc > 2 ? std::strtoll(argv[2], nullptr, 10) : 500;
    chaku::Model model = chaku::Model::load(argv[1]).value();
    chaku::Session session = chaku::Session::make(model).value();
    // The deadline counts from the call, waiting included.
    chaku::Request request =
        session.chat("Explain photosynthesis in detail.", {{CHAKU_OPT_DEADLINE_MS, deadline_ms}}).value();
    const chaku::Result<void> end = request.run(show);
    // Being late is what this program shows: only other errors are failures.
    if (end.error().code() != chaku::Code::deadline_exceeded) end.value();
    return 0;
} catch (const chaku::Exception &exception) {
    std::cerr << exception.what() << '\n';
    return 1;
}
