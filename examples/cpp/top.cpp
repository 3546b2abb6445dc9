// Watch a model at work: eight sessions ask at once, four of them are answered at a time, and twice a second a row of
// the model's numbers is printed until all have their answer.
//
//     top MODEL.gguf
#include <chaku.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <thread>

static const char *const questions[] = {"Why is the sky blue?", "Tell me a story.", "What is a llama?",
                                        "How does rain form?"};

// A real program has a JSON parser. The object is flat, and its names are stable.
static double number(const std::string &json, const std::string &name) {
    const std::string quoted = "\"" + name + "\":";
    const std::size_t found = json.find(quoted);
    return found == std::string::npos ? 0 : std::strtod(json.c_str() + found + quoted.size(), nullptr);
}

static void print_row(const chaku::Model &model, int row) {
    const std::string json = model.metrics().value();
    if (row % 20 == 0) std::printf("queue running paused prompt/s tokens/s        kv threads step ms cached\n");
    std::printf("%5.0f %7.0f %6.0f %8.1f %8.1f %4.0f/%-4.0f %7.0f %7.2f %6.0f\n", number(json, "queue_depth"),
                number(json, "requests_running"), number(json, "requests_paused"),
                number(json, "prompt_tokens_per_second"), number(json, "generated_tokens_per_second"),
                number(json, "kv_used_tokens"), number(json, "kv_capacity_tokens"), number(json, "threads"),
                number(json, "step_ms"), number(json, "cached_tokens_total"));
    std::fflush(stdout);
}

int main(int argc, char **argv) try {
    using namespace std::chrono_literals;
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " MODEL.gguf\n";
        return 2;
    }
    const chaku::Options options{
        {CHAKU_OPT_MAX_RUNNING, 4}, {CHAKU_OPT_MAX_TOKENS, 64}, {CHAKU_OPT_SYSTEM_PROMPT, "You are a poet."}};
    const chaku::Model model = chaku::Model::load(argv[1], options).value();
    std::vector<chaku::Request> requests;
    for (int i = 0; i < 8; i++) {
        requests.push_back(chaku::Session::make(model).value().chat(questions[i % 4]).value());
        // Somebody must read the answers, or they would stand still.
        requests.back().on_event([](const chaku::Event &) {}).value();
    }
    bool finished = false;
    for (int row = 0; !finished; row++) {
        std::this_thread::sleep_for(500ms);
        finished = std::all_of(requests.begin(), requests.end(), [](const auto &one) { return one.is_finished(); });
        print_row(model, row);
    }
    // Where the time of the last request went: most of it waiting for its turn.
    std::cout << "the last one: " << requests.back().timeline().value() << '\n';
    return 0;
} catch (const chaku::Exception &exception) {
    std::cerr << exception.what() << '\n';
    return 1;
}
