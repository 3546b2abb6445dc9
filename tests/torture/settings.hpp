// Options drawn at random, and the facts that follow from them.
#pragma once

#include <chaku.h>
#include <string>

#include "random.hpp"
#include "world.hpp"

// Where the models of `make models` lie.
void set_models(std::string folder);

// Options that free themselves.
class Options {
public:
    Options();
    ~Options();
    Options(const Options &) = delete;
    Options &operator=(const Options &) = delete;
    void set(const char *key, int64_t value);
    void set(const char *key, double value);
    void set(const char *key, bool value);
    void set(const char *key, const char *value);
    const chaku_options *get() const { return options_; }

private:
    chaku_options *options_ = nullptr;
};

struct File {
    std::string path;
    const char *reply;  // of a chat; NULL when it makes no sense
    bool endless;
    unsigned facts;
};
File random_file(Random &random);

void set_runtime(Options &options, RuntimeObject &runtime, Random &random);
void set_model(Options &options, Loaded &loaded, bool runtime_deadline, Random &random);
void set_session(Options &options, SessionObject &session, Random &random);
void set_request(Options &options, RequestObject &request, Random &random);
