#include "nas/train/micro_batches.h"

#include <algorithm>

#include "autograd/reverse.h"
#include "engine/allocator.h"
#include "nas/train/trainer.h"
#include "ops/scale/scale.h"

namespace ockham::nas {
namespace {

Score add_gradients(const Batch& part, double weight, bool accumulate, std::uint64_t step, std::uint64_t number,
                    const LossOfPart& loss_of) {
  Tape tape;
  PartLoss result;
  {
    const MemoryScope kept(MemoryClass::kActivations);
    result = loss_of(tape, part, number);
  }
  require_finite(result.loss.value().item(), "the loss", step);
  backward(weight == 1.0 ? result.loss : scale(result.loss, weight), accumulate);
  return score(result.logits, part.labels, result.value);
}

}  // namespace

Batch part_of(const Batch& batch, std::int64_t begin, std::int64_t end) {
  return {.images = batch.images.slice(0, begin, end), .labels = batch.labels.slice(0, begin, end)};
}

Score compute_gradients(const Batch& batch, std::int64_t micro_batch, std::uint64_t step, const LossOfPart& loss_of) {
  const std::int64_t total = batch.images.size(0);
  const std::int64_t most = micro_batch > 0 ? std::min(micro_batch, total) : total;
  const auto parts = static_cast<std::uint64_t>((total + most - 1) / most);
  Score sum;
  for (std::uint64_t i = 0; i < parts; ++i) {
    const std::int64_t begin = static_cast<std::int64_t>(i) * most;
    const std::int64_t end = std::min(begin + most, total);
    const double weight = static_cast<double>(end - begin) / static_cast<double>(total);
    sum.add(add_gradients(part_of(batch, begin, end), weight, i > 0, step, step * parts + i, loss_of));
  }
  return sum;
}

}  // namespace ockham::nas
