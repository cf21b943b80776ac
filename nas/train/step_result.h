#pragma once
// What a step leaves where its network is. On a device it is all asked for before any of it is there, so that the host
// waits once a step, when it reads.
#include <functional>
#include <string_view>
#include <vector>

#include "nas/train/score.h"

namespace ockham {
class Optimizer;
struct Parameter;
}  // namespace ockham

namespace ockham::nas {

/// @throws DivergedError if `value` is not finite, naming what, step and remedy
void require_finite(double value, std::string_view what, std::uint64_t step);

/// Has `work` done once, when StepResult::read() next has to wait for a step: what the host can get ready while a
/// device computes, such as the upload of the next batch. It replaces what was given before; empty: nothing.
void while_waiting(std::function<void()> work);

/// A norm, float64 [], and its name for errors.
struct MeasuredNorm {
  std::string_view what;
  Tensor value;
};

struct StepResult {
  Tensor loss;     ///< that was differentiated; one element
  Tensor counted;  ///< what the score counts, a mean over the images; one element
  Tensor hits;     ///< of ops/softmax_cross_entropy/hits.h
  std::int64_t images = 0;
  std::vector<MeasuredNorm> norms = {};
  Tensor numbers = {};  ///< all of these, float64, once gathered

  /// Brings the numbers together, where they are: they are read as one.
  void gather();
  /// Waits for them. @throws DivergedError if the loss or a norm is not finite, naming `step`
  Score read(std::uint64_t step);
  /// Not finite if the loss or a norm is not, else the last norm, or the loss where there is none: what an update asks
  /// (Optimizer::apply). float64 [].
  Tensor permission() const;
};

/// Clips the gradients to `limit` (autograd/optim/optimizer.h) and updates by them, unless a loss or norm is not
/// finite. The optimiser was prepared. The norm joins those of the result.
void update(Optimizer& optimizer, const std::vector<Parameter*>& parameters, double limit, StepResult& result);

}  // namespace ockham::nas
