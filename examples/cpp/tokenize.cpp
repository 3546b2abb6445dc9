// Show how a model cuts text into tokens, and what the model says about itself.
//
//     tokenize MODEL.gguf [TEXT]
#include <chaku.hpp>

#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

static void describe(const chaku::Model &model) {
    std::cout << "name        " << model.metadata("general.name").value_or("(none)") << '\n'
              << "kind        " << model.description() << '\n';
    std::printf("weights     %.1f MiB, %.1f million parameters\n", static_cast<double>(model.size_bytes()) / 1048576.0,
                static_cast<double>(model.parameter_count()) / 1e6);
    std::cout << "window      " << model.context_size() << " tokens, trained for " << model.training_context() << '\n'
              << "vocabulary  " << model.vocab_size() << " tokens\n\n";
}

int main(int argc, char **argv) try {
    if (argc < 2) {
        std::cerr << "usage: " << argv[0] << " MODEL.gguf [TEXT]\n";
        return 2;
    }
    const std::string text = argc > 2 ? argv[2] : "Llamas hum when they are curious. \xF0\x9F\xA6\x99";
    const chaku::Model model = chaku::Model::load(argv[1]).value();
    const std::vector<chaku::Token> tokens = model.tokenize(text).value();
    describe(model);
    std::cout << tokens.size() << " tokens:\n";
    for (const chaku::Token token : tokens) {
        std::printf("%8d  \"%s\"\n", token, model.detokenize({token}, true).value().c_str());
    }
    return 0;
} catch (const chaku::Exception &exception) {
    std::cerr << exception.what() << '\n';
    return 1;
}
