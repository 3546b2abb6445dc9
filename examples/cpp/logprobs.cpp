// Show how sure a model is of its answer: each token with the logarithm of its probability, and the two likeliest tokens
// in its place. 0 is certain, -0.7 one half, -2.3 a tenth.
//
//     logprobs MODEL.gguf ["QUESTION"]
//
// The table goes to stdout, errors go to stderr.
#include <chaku.hpp>

#include <cstdio>
#include <iostream>
#include <string>

// A token may be a part of a character: what is not plain is shown as its bytes.
static std::string row(double logprob, std::string_view bytes) {
    char number[32];
    std::snprintf(number, sizeof number, "%8.3f \"", logprob);
    std::string text = number;
    for (const char byte : bytes) {
        char shown[8];
        std::snprintf(shown, sizeof shown, "\\x%02x", static_cast<unsigned char>(byte));
        text += byte < 32 || byte > 126 ? shown : std::string(1, byte);
    }
    return text + '"';
}

int main(int argc, char **argv) try {
    if (argc < 2) {
        std::cerr << "usage: " << argv[0] << " MODEL.gguf [QUESTION]\n";
        return 2;
    }
    const std::string question = argc > 2 ? argv[2] : "Is a llama an animal?";
    chaku::Model model = chaku::Model::load(argv[1]).value();
    chaku::Session session = chaku::Session::make(model).value();
    const chaku::Options options{{CHAKU_OPT_LOGPROBS, 2}, {CHAKU_OPT_TEMPERATURE, 0.0}, {CHAKU_OPT_MAX_TOKENS, 24}};
    chaku::Request request = session.chat(question, options).value();
    request
        .run([](const chaku::Event &event) {
            if (const auto logprob = event.logprob()) {
                std::cout << row(*logprob, event.bytes()) << "   of";
                for (const auto &top : event.top_logprobs()) std::cout << row(top.logprob, top.bytes);
                std::cout << '\n';
            }
        })
        .value();
    return 0;
} catch (const chaku::Exception &exception) {
    std::cerr << exception.what() << '\n';
    return 1;
}
