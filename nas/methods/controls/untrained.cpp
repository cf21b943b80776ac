#include "nas/methods/controls/untrained.h"

#include <algorithm>

#include "engine/error.h"

namespace ockham::nas {

void UntrainedMethod::end_phase(std::size_t, const Pause& pause) {
  candidates_ = weigh(pause);
}

std::string UntrainedMethod::derive() const {
  if (candidates_.empty())
    throw UsageError("search: nothing has been chosen before the end of the phase; end it first.");
  return std::ranges::max_element(candidates_, {}, &Candidate::score)->cell;
}

}  // namespace ockham::nas
