// The ways to read a request's events.
#pragma once

#include "operations.hpp"

// Pulls up to `most` events, with random timeouts and pauses.
void pull_some(World &world, RequestObject *request, Random &random);
// Pulls events until the final one, or until nothing can come any more.
void pull_all(World &world, RequestObject *request, Random &random);
// Reads all events in a blocking callback, or in none.
void run(World &world, RequestObject *request, bool with_callback, Random &random);
// Gives the request a callback on a thread of chaku, and does not wait for it.
void give_callback(World &world, RequestObject *request, Random &random);
// Registers a ready hook and leaves it.
void give_hook(World &world, RequestObject *request, Random &random);
// Reads all events when a ready hook says so.
void read_when_ready(World &world, RequestObject *request, Random &random);
// Reads, or has read, all events in one of these ways.
void read_somehow(World &world, RequestObject *request, Random &random);
