#include "autograd/optim/pieces.h"

#include <algorithm>

namespace ockham {

std::vector<Piece> pieces_of(const std::vector<Parameter*>& parameters, std::int64_t grain) {
  std::vector<Piece> pieces;
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    if (!parameters[p]->grad)
      continue;
    const std::int64_t n = parameters[p]->grad.numel();
    for (std::int64_t begin = 0; begin < n; begin += grain)
      pieces.push_back({p, begin, std::min(begin + grain, n)});
  }
  return pieces;
}

}  // namespace ockham
