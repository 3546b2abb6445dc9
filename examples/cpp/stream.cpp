// Pull events one at a time: the program keeps control between them, here to show how the load and the prompt progress,
// and every token with its bytes.
//
//     stream MODEL.gguf
#include <chaku.hpp>

#include <cstdio>
#include <iostream>
#include <string>

static void show(const char *what, const chaku::Event &event) {
    switch (event.kind()) {
    case chaku::EventKind::progress:
        std::printf("%-8s %3.0f %%\n", what, 100 * event.progress());
        break;
    case chaku::EventKind::text:
        std::printf("token %6d  \"%s\"  (%zu bytes)\n", event.token().value_or(-1), std::string(event.text()).c_str(),
                    event.bytes().size());
        break;
    case chaku::EventKind::final: {
        const chaku::Timings timings = event.timings();
        std::printf("%-8s done in %.0f ms: %.0f waiting, %.0f preparing, %.0f reading the prompt, %.0f generating\n",
                    what, timings.total_ms, timings.queue_ms, timings.prepare_ms, timings.prefill_ms,
                    timings.decode_ms);
        break;
    }
    default: // a kind of event that came later than this program
        break;
    }
}

// Reads a request to its end. With nothing to do in between, this would be: for (auto &event : request.events()) ...
static void drain(const char *what, chaku::Request &request) {
    using namespace std::chrono_literals;
    for (;;) {
        const chaku::Event event = request.next(100ms).value();
        if (!event) {
            // 100 ms without news: time to look after something else.
            continue;
        }
        show(what, event);
        if (!event.is_final()) continue;
        if (const chaku::Error error = event.error()) throw chaku::Exception(error);
        return;
    }
}

int main(int argc, char **argv) try {
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " MODEL.gguf\n";
        return 2;
    }
    chaku::Request load = chaku::Model::load_async(argv[1]).value();
    drain("load", load);
    chaku::Model model = load.model().value();
    chaku::Session session = chaku::Session::make(model).value();
    chaku::Request request =
        session.chat("Name three animals of the Andes.", {{CHAKU_OPT_MAX_TOKENS, 24}}).value();
    drain("answer", request);
    return 0;
} catch (const chaku::Exception &exception) {
    std::cerr << exception.what() << '\n';
    return 1;
}
