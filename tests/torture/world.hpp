// What the threads share: objects, and places in which anybody finds, replaces and frees them.
#pragma once

#include <atomic>
#include <chaku.h>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "random.hpp"

// What explains an answer. Facts only become true, so those seen after a call include those of its time.
enum Fact : unsigned {
    FREED = 1u << 0,         // somebody began to free a handle of the call
    INSIDE = 1u << 1,        // called from inside a callback
    CLOSED = 1u << 2,        // somebody began to close the session or the model
    MODEL_CLOSED = 1u << 3,  // somebody began to close the model
    STOPPED = 1u << 4,       // somebody began to cancel, close or free, or a callback said stop
    DEADLINE = 1u << 5,
    MISSING = 1u << 6,       // there is no such file
    BROKEN = 1u << 7,        // the file is no model
    NO_TEMPLATE = 1u << 8,
    RAISES = 1u << 9,        // its chat template raises
    RECURRENT = 1u << 10,
    EMPTY = 1u << 11,
    BAD_TEXT = 1u << 12,
    BAD_ROLE = 1u << 13,
    BAD_GRAMMAR = 1u << 14,
    BAD_OPTION = 1u << 15,
    SHIFTS = 1u << 16,
    USED = 1u << 17,         // the session was asked before
    NARROW = 1u << 18,       // queue_limit is less than max_sessions
    PULLED = 1u << 19,       // somebody pulls, or pulled, the request's events
    TAKEN = 1u << 20,        // somebody gave, or tried to give, the request a callback
    TIMED = 1u << 21,        // the call has a timeout
    SMALL_BUFFER = 1u << 22,
    LOADS = 1u << 23,        // the request loads a model
    COMPUTES = 1u << 24,     // the request belongs to a session
    NONE = 1u << 25,         // a handle of the call is NULL
    MUTATED = 1u << 26,      // a saved session was changed
    FOREIGN = 1u << 27,      // it may be of another model
    STATELESS = 1u << 28,    // the model was given conversations without a session: of these there is no most
    DISPLACES = 1u << 29,    // a request of the model may displace others
};

enum class Kind { RUNTIME, MODEL, SESSION, REQUEST, EVENT, OPTIONS };
constexpr int KINDS = 6, MOST_PLACES = 16;

struct Object {
    explicit Object(Kind kind) : kind(kind) {}
    virtual ~Object() = default;
    virtual unsigned facts() const { return frees_begun ? FREED : 0u; }
    // There is not much left to do with it.
    virtual bool is_used_up() const { return facts() & (FREED | CLOSED); }

    const Kind kind;
    void *handle = nullptr;
    std::atomic<int> frees_begun{0}, frees_done{0};
};

// What the handles to one model have in common.
struct Loaded {
    unsigned facts = 0;  // of its file and options
    const char *reply = nullptr;
    bool endless = false;
    std::atomic<bool> closed{false}, stateless{false}, displaces{false};
};

struct RuntimeObject : Object {
    RuntimeObject() : Object(Kind::RUNTIME) {}
    bool deadline = false;
};

struct ModelObject : Object {
    explicit ModelObject(std::shared_ptr<Loaded> loaded) : Object(Kind::MODEL), loaded(std::move(loaded)) {}
    unsigned facts() const override;

    const std::shared_ptr<Loaded> loaded;
};

struct SessionObject : Object {
    explicit SessionObject(std::shared_ptr<Loaded> loaded) : Object(Kind::SESSION), loaded(std::move(loaded)) {}
    unsigned facts() const override;

    const std::shared_ptr<Loaded> loaded;
    bool shifts = false;
    std::atomic<int> starts{0};  // saves too; counted before the call: the first one finds one, its own
    std::atomic<bool> closed{false}, stopped{false};
};

struct Registration;

struct RequestObject : Object {
    RequestObject();
    ~RequestObject() override;
    unsigned facts() const override;
    bool is_used_up() const override { return frees_begun > 0 || finals > 0 || finished; }
    Registration *add(std::unique_ptr<Registration> registration);
    // The registrations that are complete by now.
    std::vector<Registration *> registered();
    void check_at_end();

    unsigned start_facts = 0;
    SessionObject *session = nullptr;        // NULL: it has none, or loads
    bool loads = false;
    bool pauses = false;                     // it stands still before each token, until a reader resumes it
    std::shared_ptr<Loaded> loaded;          // its session's model, or the one to be
    const char *reply = nullptr;             // what it must say, if that is known
    bool endless = false;                    // the reply begins again at its end
    std::atomic<bool> stopped{false}, closing{false}, pulled{false}, taken{false}, ended{false};
    std::atomic<int> readers{0};             // who ever read, or tried to
    std::atomic<int> finals{0};              // final events that anybody got
    std::atomic<int> silent_ends{0};         // ends that a run told of without showing the final event
    std::atomic<bool> finished{false};       // somebody was told that the final event was read

private:
    std::mutex lock_;
    std::vector<std::unique_ptr<Registration>> registrations_;
};

struct EventObject : Object {
    explicit EventObject(int32_t event_kind) : Object(Kind::EVENT), event_kind(event_kind) {}
    const int32_t event_kind;
};

struct OptionsObject : Object {
    OptionsObject() : Object(Kind::OPTIONS) {}
};

// The objects of one round. They stay until its end, so that a stale handle can be used and judged.
class World {
public:
    // So many places for each kind: few make the threads meet.
    explicit World(int places);
    ~World();
    // Takes the object over. Nobody else finds it.
    void keep(std::unique_ptr<Object> object);
    // Puts an object in a place, if possible one where nothing is in use. What was there is returned.
    Object *put(Object *object, Random &random);
    // One that is not used up, if there is one; now and then any. NULL when there is none.
    Object *find(Kind kind, Random &random) const;
    // Empties the place, if the object still is there.
    void take_out(Object *object);
    // All objects made so far.
    std::vector<Object *> all();
    // A registration that belongs to no request.
    Registration *add(std::unique_ptr<Registration> registration);
    bool all_destroyed();
    // Nothing is under way any more: each handle was freed once, each request ended once.
    void check_at_end();

private:
    const int count_;
    std::mutex lock_;
    std::vector<std::unique_ptr<Object>> objects_;
    std::vector<std::unique_ptr<Registration>> registrations_;
    std::atomic<Object *> places_[KINDS][MOST_PLACES] = {};
};
