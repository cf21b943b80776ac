#include "nas/methods/held_out.h"

#include <algorithm>

#include "engine/math.h"
#include "nas/train/micro_batches.h"

namespace ockham::nas {

Batch first_images(const HeldOut& held_out, std::int64_t count, DType dtype) {
  std::vector<Batch> parts;
  std::int64_t taken = 0;
  held_out([&](const Batch& batch) {
    const Batch part = part_of(batch, 0, std::min(count - taken, batch.images.size(0)));
    if (taken < count)
      parts.push_back({.images = part.images.to(dtype).clone(), .labels = part.labels.clone()});
    taken += part.images.size(0);
    return Score{};
  });
  const Shape& one = parts.front().images.shape();
  const Device device = parts.front().images.device();
  Batch result{.images = Tensor({taken, one[1], one[2], one[3]}, dtype, device),
               .labels = Tensor({taken}, DType::kInt64, device)};
  std::int64_t begin = 0;
  for (const Batch& part : parts) {
    Batch place = part_of(result, begin, begin + part.images.size(0));
    copy(part.images, place.images);
    copy(part.labels, place.labels);
    begin += part.images.size(0);
  }
  return result;
}

}  // namespace ockham::nas
