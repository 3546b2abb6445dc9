// Have a model fill in a form: its answer is JSON that follows a JSON Schema, whatever the model would rather say.
//
//     json MODEL.gguf ["TEXT"]   the form of a person that the text tells of
//
// The answer goes to stdout, errors go to stderr. `regex`, `lark` and `grammar` hold an answer to other forms.
#include <chaku.hpp>

#include <iostream>
#include <string>

static const char *const SCHEMA = R"({"type": "object", "properties": {
    "name": {"type": "string", "maxLength": 40},
    "age": {"type": "integer", "minimum": 0, "maximum": 150},
    "city": {"type": "string", "maxLength": 40},
    "job": {"type": "string", "maxLength": 40},
    "likes_llamas": {"type": "boolean"}},
    "required": ["name", "age", "city", "job", "likes_llamas"], "additionalProperties": false})";

int main(int argc, char **argv) try {
    if (argc < 2) {
        std::cerr << "usage: " << argv[0] << " MODEL.gguf [TEXT]\n";
        return 2;
    }
    const std::string text = argc > 2 ? argv[2] : "Ada is 36 and builds bridges in Cusco. Her three llamas are her joy.";
    chaku::Model model = chaku::Model::load(argv[1]).value();
    chaku::Session session = chaku::Session::make(model, {{CHAKU_OPT_SYSTEM_PROMPT, "Fill in the form of the person."},
                                                          {CHAKU_OPT_JSON_SCHEMA, SCHEMA},
                                                          {CHAKU_OPT_TEMPERATURE, 0.0}})
                                 .value();
    chaku::Request request = session.chat(text).value();
    request.run([](const chaku::Event &event) { std::cout << event.text() << std::flush; }).value();
    std::cout << std::endl;
    return 0;
} catch (const chaku::Exception &exception) {
    std::cerr << exception.what() << '\n';
    return 1;
}
