#pragma once
#include "engine/random.h"
#include "engine/tensor.h"

namespace ockham {

/// Of dropout, channel_dropout and drop_path.
struct DropAttrs {
  double p = 0.0;      ///< probability of dropping, in [0, 1)
  RandomKey key = {};  ///< give every layer and step its own
  /// Undefined, or float64 [2] (number, p), read whenever the op runs: for a step that is recorded once and run with
  /// other numbers. The key's step grows by stride * number, and this p is taken, which nobody checks, in place of the
  /// one above. Not to be changed between a forward pass and those that follow it.
  Tensor moving = {};
  std::uint64_t stride = 1;

  /// True if all is kept, whatever moves.
  bool keeps_all() const { return !moving && p == 0.0; }
};

}  // namespace ockham
