#include "nas/methods/held_out.h"

#include <algorithm>

#include "nas/train/micro_batches.h"

namespace ockham::nas {

Batch first_images(const HeldOut& held_out, std::int64_t count, DType dtype) {
  Batch result;
  held_out([&](const Batch& batch) {
    if (!result.images.is_defined()) {
      const Batch part = part_of(batch, 0, std::min(count, batch.images.size(0)));
      result = {.images = part.images.to(dtype).clone(), .labels = part.labels.clone()};
    }
    return Score{};
  });
  return result;
}

}  // namespace ockham::nas
