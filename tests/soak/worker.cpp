#include "worker.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

using std::chrono::milliseconds;

void Registry::add(const std::shared_ptr<Live> &live) {
    std::lock_guard<std::mutex> guard(lock_);
    all_.push_back(live);
}

void Registry::remove(const std::shared_ptr<Live> &live) {
    std::lock_guard<std::mutex> guard(lock_);
    all_.erase(std::find(all_.begin(), all_.end(), live));
}

void Registry::cancel_one(std::mt19937 &random) {
    std::lock_guard<std::mutex> guard(lock_);
    if (all_.empty()) return;
    Live &live = *all_[std::uniform_int_distribution<size_t>(0, all_.size() - 1)(random)];
    live.cancelled = true;
    live.request.cancel();
}

void Registry::describe() {
    std::lock_guard<std::mutex> guard(lock_);
    for (const auto &live : all_) {
        std::printf("        waits: %lld tokens of %lld read, %s%s%s\n", static_cast<long long>(live->tokens),
                    static_cast<long long>(live->max_tokens), live->cancelled ? "cancelled " : "",
                    live->deadline ? "with a deadline " : "", live->request.is_finished() ? "finished" : "not finished");
    }
}

Worker::Worker(const chaku::Model &model, Tally &tally, Registry &registry, unsigned seed)
    : tally_(tally), registry_(registry), random_(seed), places_(SESSIONS_EACH) {
    for (Place &place : places_) {
        chaku::Options options{{CHAKU_OPT_OVERFLOW, "stop"}};
        if (chance(0.5)) options.set(CHAKU_OPT_SYSTEM_PROMPT, "Answer the guests of this house in one sentence.");
        if (chance(0.5)) options.set(CHAKU_OPT_ON_CANCEL, "rollback");
        place.session = chaku::Session::make(model, options).value();
    }
}

void Worker::run(long requests) {
    while (requests > 0 || !live_.empty()) {
        const size_t most = static_cast<size_t>(pick(1, SESSIONS_EACH));
        if (requests > 0 && live_.size() < most) {
            auto place = std::find_if(places_.begin(), places_.end(), [](const Place &place) { return !place.busy; });
            const size_t before = live_.size();
            start(*place, static_cast<size_t>(place - places_.begin()));
            if (live_.size() > before) requests--;
        }
        if (live_.empty()) continue;
        const auto which = live_.begin() + pick(0, static_cast<int64_t>(live_.size()) - 1);
        if (!serve(**which)) continue;
        places_[(*which)->session].busy = false;
        registry_.remove(*which);
        live_.erase(which);
    }
}

void Worker::start(Place &place, size_t number) {
    if (place.context_used > CONTEXT / 2 || chance(0.3)) place.session.reset().value(), place.context_used = 0;
    auto live = std::make_shared<Live>();
    live->session = number;
    live->max_tokens = pick(1, 40);
    chaku::Options options{{CHAKU_OPT_MAX_TOKENS, live->max_tokens},
                           {CHAKU_OPT_IGNORE_EOS, true},
                           {CHAKU_OPT_SEED, pick(0, 1 << 30)},
                           {CHAKU_OPT_EVENT_QUEUE, pick(1, 16)}};
    if (chance(0.2)) options.set(CHAKU_OPT_DEADLINE_MS, pick(1, 60)), live->deadline = true;
    static constexpr std::string_view PRIORITIES[] = {"low", "normal", "high"};
    const auto priority = pick(0, 2);
    options.set(CHAKU_OPT_PRIORITY, PRIORITIES[priority]);
    live->displaceable = priority < 2;
    static constexpr std::string_view WAYS[] = {"reject", "wait", "wait", "displace"};
    options.set(CHAKU_OPT_OVERLOAD, WAYS[pick(0, 3)]);
    if (chance(0.2)) live->stalls_at = pick(0, live->max_tokens), live->turns_to_stall = static_cast<int>(pick(10, 300));
    if (chance(0.15)) live->cancels_at = pick(0, live->max_tokens);

    const std::string text = "Guest " + std::to_string(pick(0, 20)) + std::string(static_cast<size_t>(pick(0, 60)), 'a');
    auto request = place.session.chat(text, options);
    if (!request) {
        tally_.refused++;
        const chaku::Error error = request.error();
        if (error.code() != chaku::Code::resource_exhausted || error.reason() != "queue_full") {
            tally_.broken(Rule::OVERLOAD, error.to_string());
        }
        return std::this_thread::sleep_for(milliseconds(5)); // as a host that waits before it tries again
    }
    live->request = std::move(*request);
    tally_.requests++;
    place.busy = true;
    registry_.add(live);
    live_.push_back(std::move(live));
}

bool Worker::serve(Live &live) {
    if (chance(0.0005)) { // its reader loses interest; the session can be asked again when it has ended
        tally_.unread++;
        live.request.close().value();
        return true;
    }
    if (live.tokens == live.stalls_at && live.turns_to_stall > 0) {
        if (live.turns_to_stall-- == 1) tally_.stalls++;
        return false;
    }
    if (live.tokens == live.cancels_at) live.cancelled = true, live.request.cancel();
    auto event = live.request.next(milliseconds(pick(0, 2)));
    if (!event) {
        tally_.broken(Rule::FINAL, event.error().to_string());
        return true;
    }
    if (!*event) return false;
    if (event->token()) live.tokens++;
    if (!event->is_final()) return false;
    end(live, *event);
    return true;
}

void Worker::end(Live &live, const chaku::Event &final) {
    tally_.finals++;
    auto after = live.request.next(milliseconds(0));
    if (after || after.error().reason() != "finished") {
        tally_.broken(Rule::NOTHING_AFTER, after ? "another event" : after.error().to_string());
    }
    const chaku::Usage usage = final.usage();
    places_[live.session].context_used = usage.context_used;
    if (usage.completion_tokens != live.tokens) {
        tally_.broken(Rule::TEXT, std::to_string(live.tokens) + " read of " + std::to_string(usage.completion_tokens));
    }
    const auto allow = [&](bool allowed, std::atomic<long> &counter) {
        counter++;
        if (!allowed) tally_.broken(Rule::END, "finish reason " + std::to_string(static_cast<int>(final.finish_reason())) + ", " + final.error().to_string());
    };
    switch (final.finish_reason()) {
    case chaku::FinishReason::cancelled: return allow(live.cancelled, tally_.cancelled);
    case chaku::FinishReason::deadline: return allow(live.deadline, tally_.expired);
    case chaku::FinishReason::error: return allow(live.displaceable && final.error().reason() == "displaced", tally_.displaced);
    case chaku::FinishReason::length: return allow(final.code() == chaku::Code::ok && live.tokens == live.max_tokens, tally_.complete);
    default: return allow(false, tally_.complete);
    }
}
