// The second translation unit of surface.cpp.
#pragma once

#include <chaku.hpp>

#include <string>

// Reads a request through the same templates as the other unit.
std::string run_in_other(chaku::Request request);
// Where this unit has the header's variable.
const std::chrono::milliseconds *address_in_other();
