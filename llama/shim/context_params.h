// How every context is made, the one that computes and the one that is only planned.
#pragma once

#include "chaku_llama.h"

namespace chaku {

llama_context_params full_context_params(const llama_model & model, const chaku_llama_context_params & params);

} // namespace chaku
