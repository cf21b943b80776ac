#include "nas/train/micro_batches.h"

#include <algorithm>

#include "autograd/reverse.h"
#include "engine/allocator.h"
#include "ops/scale/scale.h"
#include "ops/softmax_cross_entropy/hits.h"

namespace ockham::nas {
Batch part_of(const Batch& batch, std::int64_t begin, std::int64_t end) {
  return {.images = batch.images.slice(0, begin, end), .labels = batch.labels.slice(0, begin, end)};
}

StepResult enqueue_gradients(const Batch& batch, std::uint64_t number, const LossOfPart& loss_of, double weight,
                             bool accumulate) {
  Tape tape;
  PartLoss part;
  {
    const MemoryScope kept(MemoryClass::kActivations);
    part = loss_of(tape, batch, number);
  }
  backward(weight == 1.0 ? part.loss : scale(part.loss, weight), accumulate);
  return {.loss = part.loss.value(),
          .counted = part.counted,
          .hits = hits(part.logits, batch.labels),
          .images = batch.images.size(0)};
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
    const Batch part = part_of(batch, begin, end);
    sum.add(enqueue_gradients(part, step * parts + i, loss_of, weight, i > 0).read(step));
  }
  return sum;
}

}  // namespace ockham::nas
