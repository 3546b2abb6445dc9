// Operations that make objects.
#pragma once

#include "random.hpp"
#include "world.hpp"

void make_runtime(World &world, Random &random);
void set_log(World &world, Random &random);
void load(World &world, Random &random);
// Starts a load and leaves it, cancels it, or waits for its model.
void load_async(World &world, Random &random);
void take_model(World &world, RequestObject *request, Random &random);
void retain_model(World &world, Random &random);
void make_session(World &world, Random &random);
// Starts a request, in all ways a session has, and leaves it in its place or reads it.
void start_request(World &world, Random &random);
void make_options(World &world, Random &random);
