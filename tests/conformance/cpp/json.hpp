// The little of JSON that the cases need: what chaku writes has no spaces.
#pragma once

#include "harness.hpp"

// The number under this name, the first one if there are several; fails if there is none. null is -1.
double json_number(std::string_view json, std::string_view name);

double metric(const chaku::Model &model, std::string_view name);
double metric(const chaku::Runtime &runtime, std::string_view name);
double timeline_of(const chaku::Request &request, std::string_view name);
