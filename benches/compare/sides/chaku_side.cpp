// A workload through chaku's C ABI: chaku_side MODEL WORKLOAD SETTING (both JSON).
#include "../../client.hpp"
#include "../../measure.hpp"
#include "../../streams.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <cstdio>

namespace {

using nlohmann::json;

struct Answer {
    json              prompt;
    double            asked = 0;
    std::vector<double> times;
    std::atomic<size_t> read{ 0 };
    int64_t           prompt_tokens = 0, generated = 0;
};

double now() { return std::chrono::duration<double>(measure::Clock::now().time_since_epoch()).count(); }

void read(const client::Model & model, Answer & answer, const std::atomic<bool> & give_up) {
    client::Options none;
    auto            options = streams::request_options(answer.prompt["tokens"]);
    options.flag("add_special", false).flag("parse_special", true);
    answer.asked = now();
    auto session = client::session(model, none);
    auto request = client::generate(session, answer.prompt["text"].get<std::string>(), options);
    while (true) {
        auto event = client::next(request, -1);
        if (client::is_text(event)) answer.times.push_back(now()), answer.read = answer.times.size();
        if (give_up) chaku_request_cancel(request.get());
        if (!client::is_final(event)) continue;
        if (!give_up) client::check(chaku_event_code(event.get()), nullptr);
        answer.prompt_tokens = chaku_event_prompt_tokens(event.get());
        answer.generated     = chaku_event_completion_tokens(event.get());
        return;
    }
}

void run(const client::Model & model, const json & workload, std::vector<Answer> & answers) {
    std::atomic<bool>   give_up{ false }, never{ false };
    std::atomic<size_t> next{ 0 };
    if (!workload.contains("arrival")) {
        return streams::side_by_side(workload["at_once"], [&](int) {
            for (size_t i; (i = next++) < answers.size();) read(model, answers[i], never);
        });
    }
    const size_t before = workload["arrival"], streams = answers.size() - 1;
    streams::side_by_side(static_cast<int>(answers.size()), [&](int i) {
        if (static_cast<size_t>(i) < streams) return read(model, answers[static_cast<size_t>(i)], give_up);
        for (size_t stream = 0; stream < streams; ++stream) {
            while (answers[stream].read < before) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        read(model, answers.back(), never);
        give_up = true;
    });
}

}  // namespace

int main(int argc, char ** argv) try {
    if (argc != 4) throw std::runtime_error("usage: chaku_side MODEL WORKLOAD SETTING");
    const json    workload = json::parse(argv[2]), setting = json::parse(argv[3]);
    const int64_t window = workload["window"], together = window * static_cast<int64_t>(workload["at_once"]), threads = setting["threads"];

    client::Options options;
    options.integer("ctx_size", window).integer("kv_pool", together);
    options.integer("threads", threads).integer("threads_batch", threads);
    auto model = streams::warm_model(argv[1], options);

    std::vector<Answer> answers(workload["prompts"].size());
    for (size_t i = 0; i < answers.size(); ++i) answers[i].prompt = workload["prompts"][i];
    run(model, workload, answers);
    json results = json::array();
    for (const auto & answer : answers) {
        results.push_back({ { "asked", answer.asked }, { "times", answer.times }, { "prompt_tokens", answer.prompt_tokens }, { "generated", answer.generated } });
    }
    std::printf("%s\n", results.dump().c_str());
    return 0;
} catch (const std::exception & error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
