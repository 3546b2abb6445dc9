// A prompt of 1500 tokens arrives while seven answers stream: how long does any of them stand still meanwhile?
// Prints {"gap_ms": the longest time between two tokens of an answer, "usual_ms": the median before the prompt came, "ttft": seconds to the newcomer's first
// token} for each round.
#include "prompts.hpp"
#include "streams.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>

namespace {

constexpr int     STREAMS = 7;
constexpr int     PROMPT  = 1500;
constexpr int     BEFORE  = 16;   // tokens of each answer before the prompt comes
constexpr int     LONGEST = 900;  // tokens of an answer: it must outlast the prompt
constexpr int64_t CONTEXT = 8192;

struct Round {
    std::vector<streams::Stream> streams{ STREAMS };
    std::atomic<int>             under_way{ 0 };
    std::atomic<bool>            over{ false };
};

void stream(const client::Session & session, int number, Round & round) {
    auto   options = streams::request_options(LONGEST);
    auto & mine    = round.streams[static_cast<size_t>(number)];
    auto   request = client::chat(session, prompts::question(number), options);
    while (!round.over) {
        auto event = client::next(request, -1);
        if (client::is_final(event)) throw std::runtime_error("an answer ended before the long prompt was computed");
        if (!client::is_text(event)) continue;
        mine.tokens.push_back(measure::Clock::now());
        if (mine.tokens.size() == BEFORE) ++round.under_way;
    }
    chaku_request_cancel(request.get());
    while (!client::is_final(client::next(request, -1))) {
    }
}

double milliseconds(measure::Clock::time_point from, measure::Clock::time_point to) { return streams::Stream::seconds(from, to) * 1e3; }

void measure_round(const char * path, int number) {
    auto                         options = streams::model_options(CONTEXT);
    client::Options              none;
    auto                         model = streams::warm_model(path, options);
    std::vector<client::Session> sessions;
    for (int i = 0; i <= STREAMS; ++i) sessions.push_back(client::session(model, none));

    Round                      round;
    measure::Clock::time_point arrived, answered;
    streams::side_by_side(STREAMS + 1, [&](int i) {
        struct Over {
            Round & round;
            ~Over() { round.over = true; }  // also when something failed
        } over{ round };
        if (i < STREAMS) return stream(sessions[i], i, round);
        while (round.under_way < STREAMS && !round.over) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        const auto newcomer = streams::answer(sessions[i], prompts::wool(number, PROMPT), 2);
        if (chaku_event_prompt_tokens(newcomer.final.get()) < PROMPT) throw std::runtime_error("the prompt is too short");
        arrived = newcomer.asked, answered = newcomer.tokens.front();
    });

    double              longest = 0;
    std::vector<double> usual;
    for (const auto & stream : round.streams) {
        for (size_t i = 1; i < stream.tokens.size(); ++i) {
            const auto from = stream.tokens[i - 1], to = stream.tokens[i];
            if (to < arrived) usual.push_back(milliseconds(from, to));
            if (to >= arrived && from <= answered) longest = std::max(longest, milliseconds(from, to));
        }
    }
    std::nth_element(usual.begin(), usual.begin() + usual.size() / 2, usual.end());
    std::printf("{\"gap_ms\": %.3f, \"usual_ms\": %.3f, \"ttft\": %.4f}\n", longest, usual[usual.size() / 2], streams::Stream::seconds(arrived, answered));
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char ** argv) try {
    if (argc != 3) throw std::runtime_error("usage: gap MODEL ROUNDS");
    for (int round = 0; round < std::atoi(argv[2]); ++round) measure_round(argv[1], round);
    return 0;
} catch (const std::exception & error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
