// Bounds what a chat template may take.
#pragma once

#include "chaku_llama.h"

namespace chaku {

// While one lives, the templates that this thread parses and runs are held to its limits; past one they throw.
class template_limits {
public:
    template_limits(const chaku_llama_template_limits & limits, size_t input);
    ~template_limits();
    // Throws what was thrown before, if it was: llama.cpp takes no notice of errors while it tries a new template out.
    void check() const;
    template_limits(const template_limits &) = delete;
    template_limits & operator=(const template_limits &) = delete;
};

} // namespace chaku
