// The texts that the measuring programs ask with.
#pragma once

#include <array>
#include <string>

namespace prompts {

constexpr std::array THINGS = { "wool", "salt", "iron", "glass", "paper", "silk", "bread", "honey", "amber", "cork", "ink", "rope", "clay", "tin", "soap", "linen" };

inline std::string thing(int number) { return THINGS[static_cast<size_t>(number) % THINGS.size()]; }

inline std::string question(int number) { return "Tell me everything you know about " + thing(number) + "."; }

// Rules for an assistant, of 800 tokens and some. Of another `variant` nothing is the same from its first word on.
inline std::string rules(int variant) {
    std::string text = std::to_string(variant) + " is the number of your desk.";
    for (int rule = 1; rule <= 37; ++rule) {
        text += " Rule " + std::to_string(rule) + ": when a guest asks about " + thing(rule * 7 + variant) + ", answer in one sentence and say how you know it.";
    }
    return text;
}

// About so many tokens, different from the first word on for each `number`.
inline std::string wool(int number, int tokens) {
    std::string text = std::to_string(number);
    for (int i = 0; i < tokens; ++i) text += " wool";  // " wool" is one token; the number takes the rest
    return text;
}

}  // namespace prompts
