// Let a model call a function of yours, and answer with what it came to.
//
//     tools MODEL.gguf ["QUESTION"]
//
// The call and the answer go to stdout, errors go to stderr. The model must call the tool first here: leave tool_choice out,
// and it does so only where it likes to.
#include <chaku.hpp>

#include <iostream>
#include <string>

static const char *const TOOLS = R"([{"type": "function", "function": {
    "name": "get_weather", "description": "Tells the weather of a city", "parameters": {
        "type": "object", "properties": {"city": {"type": "string", "maxLength": 40}}, "required": ["city"]}}}])";

// The function of yours: called with each call, it says what that came to.
static std::string run_tool(const chaku::ToolCall &call) {
    std::cout << call.name << '(' << call.arguments << ")\n";
    return "19 degrees Celsius, and fog from the sea";
}

int main(int argc, char **argv) try {
    if (argc < 2) {
        std::cerr << "usage: " << argv[0] << " MODEL.gguf [QUESTION]\n";
        return 2;
    }
    const std::string question = argc > 2 ? argv[2] : "What is the weather in Lima?";
    chaku::Model model = chaku::Model::load(argv[1]).value();
    chaku::Session session = chaku::Session::make(model).value();
    const auto show = [](const chaku::Event &event) { std::cout << event.text() << std::flush; };
    session
        .run_tools(question, run_tool, show,
                   {{CHAKU_OPT_TOOLS, TOOLS},
                    {CHAKU_OPT_TOOL_CHOICE, "required"},
                    {CHAKU_OPT_TEMPERATURE, 0.0},
                    {CHAKU_OPT_MAX_TOKENS, 200}})
        .value();
    std::cout << std::endl;
    return 0;
} catch (const chaku::Exception &exception) {
    std::cerr << exception.what() << '\n';
    return 1;
}
