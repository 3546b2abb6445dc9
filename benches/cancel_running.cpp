// How long a cancelled request takes to its final event while so many sessions stream, each read by a thread of its own: one at random is cancelled at a
// random moment, then starts anew. Prints milliseconds, one a line.
#include "prompts.hpp"
#include "streams.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <random>

namespace {

constexpr int     TOKENS  = 400;
constexpr int64_t CONTEXT = 8192;

// One session that answers again and again.
class Talker {
public:
    Talker(const client::Model & model, int number) : number_(number) {
        client::Options none;
        session_ = client::session(model, none);
    }

    // Answers until `stop`.
    void talk(const std::atomic<bool> & stop) {
        auto options = streams::request_options(TOKENS);
        while (!stop) {
            chaku_error * error = nullptr;
            client::check(chaku_session_reset(session_.get(), &error), error);
            auto request = std::make_shared<client::Request>(client::chat(session_, prompts::question(number_), options));
            set(request);
            client::Event event;
            while (!event || !client::is_final(event)) event = client::next(*request, -1);
            const auto ended = measure::Clock::now();
            set(nullptr);
            if (chaku_event_finish_reason(event.get()) == CHAKU_FINISH_CANCELLED) announce(ended);
            else announce({});
        }
    }

    // Cancels what it answers just now; milliseconds to the final event, or nothing if the request ended by itself, or was between two.
    std::optional<double> cancel() {
        std::unique_lock<std::mutex> lock(mutex_);
        const auto request = request_;
        if (!request) return {};
        waiting_ = true, ended_.reset();
        const auto began = measure::Clock::now();
        chaku_request_cancel(request->get());
        if (!changed_.wait_for(lock, std::chrono::minutes(1), [&] { return !waiting_; })) throw std::runtime_error("no final event came");
        if (!ended_) return {};
        return std::chrono::duration<double, std::milli>(*ended_ - began).count();
    }

    void end() {
        std::lock_guard<std::mutex> lock(mutex_);
        if (request_) chaku_request_cancel(request_->get());
    }

private:
    void set(std::shared_ptr<client::Request> request) {
        std::lock_guard<std::mutex> lock(mutex_);
        request_ = std::move(request);
    }

    void announce(std::optional<measure::Clock::time_point> ended) {
        std::lock_guard<std::mutex> lock(mutex_);
        if (!waiting_) return;
        waiting_ = false, ended_ = ended;
        changed_.notify_all();
    }

    int                                       number_;
    client::Session                           session_;
    std::mutex                                mutex_;
    std::condition_variable                   changed_;
    std::shared_ptr<client::Request>          request_;
    bool                                      waiting_ = false;
    std::optional<measure::Clock::time_point> ended_;
};

void cancel_at_random(std::vector<std::unique_ptr<Talker>> & talkers, int count) {
    std::mt19937                      random(42);
    std::uniform_int_distribution<>   moment(20, 250);
    std::uniform_int_distribution<size_t> which(0, talkers.size() - 1);
    std::this_thread::sleep_for(std::chrono::seconds(2));  // until all stream
    for (int done = 0, tried = 0; done < count; ++tried) {
        if (tried > 10 * count) throw std::runtime_error("too few requests could be cancelled in time");
        std::this_thread::sleep_for(std::chrono::milliseconds(moment(random)));
        const auto took = talkers[which(random)]->cancel();
        if (!took) continue;
        std::printf("%.4f\n", *took);
        std::fflush(stdout);
        ++done;
    }
}

}  // namespace

int main(int argc, char ** argv) try {
    if (argc != 4) throw std::runtime_error("usage: cancel_running MODEL SESSIONS COUNT");
    const int sessions = std::atoi(argv[2]);
    auto      options  = streams::model_options(CONTEXT);
    auto      model    = streams::warm_model(argv[1], options);

    std::vector<std::unique_ptr<Talker>> talkers;
    for (int i = 0; i < sessions; ++i) talkers.push_back(std::make_unique<Talker>(model, i));
    std::atomic<bool> stop{ false };
    streams::side_by_side(sessions + 1, [&](int i) {
        if (i < sessions) return talkers[static_cast<size_t>(i)]->talk(stop);
        struct Stop {
            std::atomic<bool> &                    stop;
            std::vector<std::unique_ptr<Talker>> & talkers;
            ~Stop() {  // also when something failed
                stop = true;
                for (auto & talker : talkers) talker->end();
            }
        } at_end{ stop, talkers };
        cancel_at_random(talkers, std::atoi(argv[3]));
    });
    return 0;
} catch (const std::exception & error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
