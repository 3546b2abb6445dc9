// What the threads do, each with what must hold of it.
#pragma once

#include <chaku.h>
#include <string>

#include "random.hpp"
#include "world.hpp"

// One operation, drawn at random.
void operate(World &world, Random &random);
// At the end of a round: reads some of the requests to their end, and frees the object.
void wind_down(World &world, Object *object, Random &random);

// Parts of operations that callbacks do as well.
chaku_code free_object(Object *object);
void cancel(RequestObject *request);
// Lets a request go on that may stand still before a token.
void resume(RequestObject *request);
// Calls everything that may be called in a callback, and what must be refused there.
void look_around(World &world, RequestObject *request, Random &random);
void note_event(RequestObject *request, const chaku_event *event);
void keep_event(World &world, const chaku_event *event, Random &random);
// The text of a request that one reader read from its beginning is the reply, or the part of it that was reached.
void check_reply(const RequestObject *request, const std::string &text, int32_t finish_reason);
