#include "world.hpp"

#include "registration.hpp"
#include "report.hpp"

namespace {

// What is known of the requests of a model.
unsigned facts_of(const Loaded &loaded) {
    return loaded.facts | (loaded.stateless ? STATELESS : 0u) | (loaded.displaces ? DISPLACES : 0u);
}

}  // namespace

unsigned ModelObject::facts() const {
    return Object::facts() | facts_of(*loaded) | (loaded->closed ? CLOSED | MODEL_CLOSED : 0u);
}

unsigned SessionObject::facts() const {
    unsigned closed_now = (closed || loaded->closed ? CLOSED : 0u) | (loaded->closed ? MODEL_CLOSED : 0u);
    return Object::facts() | facts_of(*loaded) | closed_now | (starts > 1 ? USED : 0u) | (shifts ? SHIFTS : 0u);
}

RequestObject::RequestObject() : Object(Kind::REQUEST) {}
RequestObject::~RequestObject() = default;

unsigned RequestObject::facts() const {
    bool session_stopped = session && (session->stopped || session->closed);
    unsigned facts = Object::facts() | start_facts | (loads ? LOADS : COMPUTES | facts_of(*loaded));
    if (stopped || session_stopped || frees_begun) facts |= STOPPED;
    if (!loads && loaded->closed) facts |= MODEL_CLOSED;
    return facts | (pulled ? PULLED : 0u) | (taken ? TAKEN : 0u);
}

Registration *RequestObject::add(std::unique_ptr<Registration> registration) {
    std::lock_guard<std::mutex> guard(lock_);
    registrations_.push_back(std::move(registration));
    return registrations_.back().get();
}

std::vector<Registration *> RequestObject::registered() {
    std::lock_guard<std::mutex> guard(lock_);
    std::vector<Registration *> complete;
    for (const auto &registration : registrations_) {
        if (registration->returned) complete.push_back(registration.get());
    }
    return complete;
}

void RequestObject::check_at_end() {
    int ends = finals + silent_ends;
    bool swallowed = false;
    for (Registration *registration : registered()) {
        registration->check_at_end();
        // Once the handle is free its callback need not be shown the end, which its thread reads all the same.
        swallowed |= registration->way == Way::EVENT && registration->accepted && !registration->final_seen;
    }
    CHECK(ends <= 1, std::to_string(ends) + " final events");
    if (!finished && ends == 0) return;
    count(Group::OTHER, "requests read to the end");
    if (!CHECK(ends == 1 || swallowed, "no final event")) count(Group::OTHER, "missing finals");
}

World::World(int places) : count_(places) {}
World::~World() = default;

void World::keep(std::unique_ptr<Object> object) {
    std::lock_guard<std::mutex> guard(lock_);
    objects_.push_back(std::move(object));
}

Object *World::put(Object *object, Random &random) {
    auto &places = places_[static_cast<int>(object->kind)];
    int first = random.below(count_), place = first;
    for (int step = 0; step < count_; step++) {
        Object *there = places[(first + step) % count_];
        if (there && !there->is_used_up()) continue;
        place = (first + step) % count_;
        break;
    }
    return places[place].exchange(object);
}

Object *World::find(Kind kind, Random &random) const {
    int first = random.below(count_);
    bool any = random.one_in(10);
    for (int step = 0; step < count_; step++) {
        Object *object = places_[static_cast<int>(kind)][(first + step) % count_];
        if (object && (any || !object->is_used_up())) return object;
    }
    return nullptr;
}

void World::take_out(Object *object) {
    for (std::atomic<Object *> &place : places_[static_cast<int>(object->kind)]) {
        Object *there = object;
        place.compare_exchange_strong(there, nullptr);
    }
}

std::vector<Object *> World::all() {
    std::lock_guard<std::mutex> guard(lock_);
    std::vector<Object *> objects;
    for (const auto &object : objects_) objects.push_back(object.get());
    return objects;
}

Registration *World::add(std::unique_ptr<Registration> registration) {
    std::lock_guard<std::mutex> guard(lock_);
    registrations_.push_back(std::move(registration));
    return registrations_.back().get();
}

bool World::all_destroyed() {
    for (Object *object : all()) {
        if (object->kind != Kind::REQUEST) continue;
        for (Registration *registration : static_cast<RequestObject *>(object)->registered()) {
            if (!registration->is_destroyed()) return false;
        }
    }
    std::lock_guard<std::mutex> guard(lock_);
    for (const auto &registration : registrations_) {
        if (!registration->is_destroyed()) return false;
    }
    return true;
}

void World::check_at_end() {
    for (Object *object : all()) {
        if (object->frees_done != 1) count(Group::OTHER, "leaks");
        CHECK(object->frees_done == 1, "kind " + std::to_string(static_cast<int>(object->kind)) + ", freed " +
                                           std::to_string(object->frees_done) + " times");
        if (object->kind == Kind::REQUEST) static_cast<RequestObject *>(object)->check_at_end();
    }
    for (const auto &registration : registrations_) registration->check_at_end();
}
