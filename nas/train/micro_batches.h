#pragma once
// Gradients of a batch a few images at a time: less memory for activations, the same mean loss.
#include <functional>

#include "autograd/tape.h"
#include "nas/train/step_result.h"

namespace ockham::nas {

/// A part of a batch as the network saw it.
struct PartLoss {
  Variable loss;   ///< to be differentiated: a mean over the images
  Tensor counted;  ///< what the score counts, also a mean; one element
  Tensor logits;
};

/// Records the loss of `part` on `tape`. `number` counts the parts of a whole run: it addresses random numbers.
using LossOfPart = std::function<PartLoss(Tape& tape, const Batch& part, std::uint64_t number)>;

/// Images [begin, end) of a batch, as views.
Batch part_of(const Batch& batch, std::int64_t begin, std::int64_t end);

/// Does a step take `images` at once?
inline bool is_whole(std::int64_t images, std::int64_t micro_batch) {
  return micro_batch <= 0 || micro_batch >= images;
}

/// Writes the gradients of a whole batch's loss to the parameters, or those of `weight` times it; waits for nothing.
StepResult enqueue_gradients(const Batch& batch, std::uint64_t number, const LossOfPart& loss_of, double weight = 1.0,
                             bool accumulate = false);

/// Writes the gradients of the batch's mean loss to the parameters, taking `micro_batch` images at a time (0: all), the
/// last part what is left; each part's loss weighs by its size. Batch norm on batch statistics normalises each part by
/// itself, so that only without it are the gradients those of the whole batch, up to rounding.
/// @throws DivergedError if a loss is not finite, naming `step`; the weights are then as before
Score compute_gradients(const Batch& batch, std::int64_t micro_batch, std::uint64_t step, const LossOfPart& loss_of);

}  // namespace ockham::nas
