#include "other.hpp"

std::string run_in_other(chaku::Request request) {
    std::string text;
    const std::function<void(const chaku::Event &)> append = [&](const chaku::Event &event) { text += event.text(); };
    if (const auto end = request.run(append); !end) return end.error().to_string();
    return text;
}

const std::chrono::milliseconds *address_in_other() { return &chaku::forever; }
