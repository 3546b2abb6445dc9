// Let a conversation go on in several ways at once: what was said before is computed once, for all of them.
//
//     fork MODEL.gguf
#include <chaku.hpp>

#include <iostream>

static void read_answer(const char *question, chaku::Request &request) {
    std::cout << "\n> " << question << '\n';
    const auto show = [](const chaku::Event &event) {
        std::cout << event.text() << std::flush;
        if (event.is_final() && !event.error()) {
            const chaku::Usage usage = event.usage();
            std::cout << "\n-- " << usage.cached_tokens << " of the prompt's " << usage.prompt_tokens
                      << " tokens were computed before\n";
        }
    };
    request.run(show).value();
}

int main(int argc, char **argv) try {
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " MODEL.gguf\n";
        return 2;
    }
    const char *first = "Think of an animal of the Andes, and describe it.";
    const char *const questions[] = {"What does it eat?", "Where does it live?", "Give it a name."};
    const chaku::Model model = chaku::Model::load(argv[1], {{CHAKU_OPT_MAX_TOKENS, 48}}).value();
    chaku::Session session = chaku::Session::make(model).value();
    chaku::Request request = session.chat(first).value();
    read_answer(first, request);

    // All start before the first is read, so that they are computed together.
    std::vector<chaku::Request> requests;
    for (const char *question : questions) requests.push_back(session.fork().value().chat(question).value());
    for (std::size_t i = 0; i < requests.size(); i++) read_answer(questions[i], requests[i]);
    return 0;
} catch (const chaku::Exception &exception) {
    std::cerr << exception.what() << '\n';
    return 1;
}
