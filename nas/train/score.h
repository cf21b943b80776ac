#pragma once
// Batches, and how well logits do on them.
#include <cstdint>
#include <functional>

#include "engine/tensor.h"

namespace ockham::nas {

struct Batch {
  Tensor images;  ///< [N, C, H, W]
  Tensor labels;  ///< int64 [N]

  Batch to(Device device) const { return {.images = images.to(device), .labels = labels.to(device)}; }
};

/// Gets the logits of a batch, [N, classes].
using SeeLogits = std::function<void(const Tensor& logits)>;

/// Sums over images; divide by count.
struct Score {
  double loss = 0.0;  ///< summed, not averaged
  std::int64_t top1 = 0;
  std::int64_t top5 = 0;
  std::int64_t count = 0;

  void add(const Score& other);
  double mean_loss() const { return loss / static_cast<double>(count); }
  double accuracy() const { return static_cast<double>(top1) / static_cast<double>(count); }
  double accuracy5() const { return static_cast<double>(top5) / static_cast<double>(count); }
};

/// Counts of a batch; mean_loss is what the loss op gave. An image counts as top-k if
/// fewer than k classes have a larger logit; ties count for the lower class, NaN logits count as wrong.
Score score(const Tensor& logits, const Tensor& labels, double mean_loss);

/// The same with each image's cross-entropy, in double. It is rounded to a multiple of 2^-28 (4e-9), so that the sum is
/// exact up to 2^25 and does not depend on how the images were cut into batches.
/// @throws Error for a label that no logit has
Score score(const Tensor& logits, const Tensor& labels);

}  // namespace ockham::nas
