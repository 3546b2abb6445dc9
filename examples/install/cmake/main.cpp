// Asks a model a question and streams the answer: chat_cpp MODEL.gguf [QUESTION]
#include <chaku.hpp>

#include <iostream>

int main(int argc, char **argv) try {
    if (argc < 2) {
        std::cerr << "usage: " << argv[0] << " MODEL.gguf [QUESTION]\n";
        return 2;
    }
    // A shared library may be another release than the header.
    if (chaku_abi_version() != CHAKU_ABI_VERSION) {
        std::cerr << "this program is not made for libchaku " << chaku_version() << '\n';
        return 2;
    }
    auto model = chaku::Model::load(argv[1]).value();
    auto session = chaku::Session::make(model).value();
    auto request = session.chat(argc > 2 ? argv[2] : "Why is the sky blue?").value();
    request.run([](const chaku::Event &event) { std::cout << event.text() << std::flush; }).value();
    std::cout << '\n';
} catch (const chaku::Exception &exception) {
    std::cerr << exception.what() << '\n';
    return 1;
}
