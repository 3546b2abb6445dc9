// What sessions can do besides answering, conversations that have none, and the numbers that anybody may look at.
#pragma once

#include "random.hpp"
#include "world.hpp"

void fork(World &world, Random &random);
void rewind(World &world, Random &random);
// Saves a session to memory and leaves that, or restores it: changed or not, in its own model or in another one.
void save(World &world, Random &random);
// Starts a request that belongs to no session, and leaves it in its place or reads it.
void chat_without_session(World &world, Random &random);
void read_numbers(World &world, Random &random);
