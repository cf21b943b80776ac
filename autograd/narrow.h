#pragma once
// Feature maps in bfloat16. The images that enter a network decide: if they are bfloat16, so is every map made of them,
// in forward values and in what the tape keeps. One rule says what is a map:
//   of what an op makes of bfloat16 inputs, outputs of rank 4 are maps and stored in bfloat16; all others (moments,
//   scales and shifts, switches, logits, losses) are float32.
// Parameters and their gradients are float32, and so are all cotangents. An op computes in float32: unless it reads
// bfloat16 itself (ReadsBFloat16) it is handed widened copies of its inputs and of what it saved, for the length
// of the call. Widening is exact; each map is rounded once, where it is stored. Second derivatives are not taken of
// rounded maps: record the loss on float32 images for them.
#include <vector>

#include "autograd/tape.h"

namespace ockham {

/// require_input_count(), infer() and forward() under the rule. @param specs of x
std::vector<Tensor> forward_of(const Op& op, Inputs x, std::span<const Spec> specs, Saved& saved);

/// vjp(), or with a factor of y_bar[0] vjp_scaled(), under the rule.
void vjp_of(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, const Tensor& factor,
            std::span<GradSlot> x_bar);

/// @throws DTypeError if the tape holds bfloat16 maps, with the remedy
void require_wide(const Tape& tape);

}  // namespace ockham
