#include "registration.hpp"

#include "call.hpp"
#include "operations.hpp"
#include "report.hpp"

namespace {

const char *name_of(Way way) {
    static const char *const NAMES[] = {"event", "run", "ready", "log"};
    return NAMES[static_cast<int>(way)];
}

}  // namespace

Registration::Registration(Way way, RequestObject *request, World *world, Random random)
    : way(way), request(request), world(world), random_(random),
      habit_(static_cast<Habit>(random_.one_in(2) ? 0 : random_.below(6))), patience_(random_.below(4)) {}

int32_t Registration::on_event(const chaku_event *event, void *user_data) {
    auto *self = static_cast<Registration *>(user_data);
    Inside inside;
    self->enter();
    CHECK(!self->final_seen, "a call after the final event");
    bool last = chaku_event_kind(event) == CHAKU_EVENT_FINAL;
    CHECK(last || !self->said_stop_, "more than the final event after a stop");
    self->take_event(event);
    return self->leave(self->act());
}

int32_t Registration::on_ready(void *user_data) {
    auto *self = static_cast<Registration *>(user_data);
    Inside inside;
    self->enter();
    CHECK(!self->said_stop_, "a call after a stop");
    bool stop = self->act();
    {
        std::lock_guard<std::mutex> guard(self->lock_);
        self->rung_ = true;
    }
    self->changed_.notify_all();
    return self->leave(stop);
}

// It must call nothing of chaku.
int32_t Registration::on_line(int32_t level, const char *target, const char *message, int64_t length, void *user_data) {
    auto *self = static_cast<Registration *>(user_data);
    self->entered++;
    count(Group::CALLBACK, "log");
    CHECK(self->destroyed == 0, "log");
    CHECK(level >= CHAKU_LOG_ERROR && level <= CHAKU_LOG_TRACE && *target && message[length] == '\0', "log");
    self->left++;
    return self->habit_ == Habit::STOP && self->entered > self->patience_;
}

void Registration::on_destroy(void *user_data) {
    auto *self = static_cast<Registration *>(user_data);
    Inside inside;
    count(Group::DESTROY, name_of(self->way));
    CHECK(self->entered == self->left, "destroyed while a callback runs");
    if (self->request) {
        self->freed_at_destroy_ = self->request->frees_begun > 0;
        chaku_request_is_finished(static_cast<chaku_request *>(self->request->handle));
    }
    if (Object *session = self->world->find(Kind::SESSION, self->random_)) {
        CHECK(chaku_session_context_used(static_cast<chaku_session *>(session->handle)) >= 0, "in destroy");
    }
    {
        std::lock_guard<std::mutex> guard(self->lock_);
        CHECK(++self->destroyed == 1, name_of(self->way));
    }
    self->changed_.notify_all();
}

bool Registration::wait_for_ring() {
    Doing doing("the wait for a ready hook", request->handle);
    std::unique_lock<std::mutex> guard(lock_);
    changed_.wait(guard, [this] { return rung_ || destroyed > 0; });
    rung_ = false;
    return destroyed == 0 && !said_stop_;
}

void Registration::check_at_end() {
    CHECK(entered == left, name_of(way));
    CHECK(is_destroyed() && destroyed <= 1, std::string(name_of(way)) + " destroyed " + std::to_string(destroyed));
    if (way == Way::EVENT && accepted) CHECK(final_seen || freed_at_destroy_, "no final event before destroy");
}

void Registration::enter() {
    entered++;
    count(Group::CALLBACK, name_of(way));
    CHECK(destroyed == 0, "a call after destroy");
    CHECK(entered - left == 1, "two calls at once");
    // One may have been on its way when the handle was freed. A hook that was registered at that very moment may see
    // the end of the request as well.
    if (request->frees_done > 0) CHECK(++late_ <= (way == Way::READY && !accepted ? 3 : 1), name_of(way));
}

int32_t Registration::leave(bool stop) {
    if (stop) {
        said_stop_ = true;
        if (way != Way::READY) request->stopped = true;
    }
    CHECK(destroyed == 0, "destroyed while a callback runs");
    left++;
    return stop ? 1 : 0;
}

void Registration::take_event(const chaku_event *event) {
    note_event(request, event);
    if (chaku_event_kind(event) == CHAKU_EVENT_TEXT) {
        int64_t length = 0;
        const char *piece = chaku_event_text(event, &length);
        text.append(piece, static_cast<size_t>(length));
    }
    if (chaku_event_kind(event) == CHAKU_EVENT_FINAL) {
        finish_reason = chaku_event_finish_reason(event);
        final_seen = true;
        // After a stop, and once somebody closes the request, only the final event follows.
        check_reply(request, text, said_stop_ || request->closing ? CHAKU_FINISH_CANCELLED : finish_reason);
    }
    if (random_.one_in(16)) keep_event(*world, event, random_);
}

// Shows the habit when its time has come; says whether to stop.
bool Registration::act() {
    if (entered <= patience_) return false;
    switch (habit_) {
        case Habit::STOP: return true;
        case Habit::SLEEP: sleep_ms(1 + patience_); break;
        case Habit::LOOK_AROUND:
            if (entered == patience_ + 1) look_around(*world, request, random_);
            break;
        case Habit::FREE:
            if (entered == patience_ + 1) free_object(request);
            break;
        case Habit::CANCEL: cancel(request); break;
        case Habit::PLAIN: break;
    }
    return false;
}
