#include "nas/train/test_views.h"

#include <cstdlib>

#include "engine/math.h"

namespace ockham::nas {
namespace {

/// -1 becomes 1, `size` becomes size - 2.
std::int64_t reflected(std::int64_t i, std::int64_t size) {
  const std::int64_t positive = std::abs(i);
  return positive < size ? positive : 2 * (size - 1) - positive;
}

template <class T>
void move_planes(const Tensor& in, std::int64_t by, bool mirrors, Tensor& out) {
  const std::int64_t planes = in.size(0) * in.size(1), H = in.size(2), W = in.size(3);
  const T* from = in.data<T>();
  T* to = out.data<T>();
  for (std::int64_t p = 0; p < planes; ++p) {
    for (std::int64_t y = 0; y < H; ++y) {
      const T* row = from + (p * H + reflected(y + by, H)) * W;
      for (std::int64_t x = 0; x < W; ++x)
        *to++ = row[reflected((mirrors ? W - 1 - x : x) + by, W)];
    }
  }
}

struct View {
  std::int64_t by;
  bool mirrors;
  double weight;
};

std::vector<View> views_of(TestViews views) {
  switch (views) {
    case TestViews::kOne:
      break;
    case TestViews::kMirrored:
      return {{0, false, 0.5}, {0, true, 0.5}};
    case TestViews::kTranslated:
      return {{0, false, 0.25},  {0, true, 0.25},   {-1, false, 0.125},
              {-1, true, 0.125}, {1, false, 0.125}, {1, true, 0.125}};
  }
  return {{0, false, 1.0}};
}

}  // namespace

Tensor moved(const Tensor& images, std::int64_t by, bool mirrors) {
  if (by == 0 && !mirrors)
    return images;
  const DType wide = images.dtype() == DType::kFloat32 ? DType::kFloat32 : DType::kFloat64;
  const Tensor in = images.to(Device{}).to(wide).contiguous();
  Tensor out(in.shape(), wide);
  visit_float(wide, "test views", [&]<class T>() { move_planes<T>(in, by, mirrors, out); });
  return out.to(images.dtype()).to(images.device());
}
Tensor mean_logits(const std::function<Variable(const Variable&)>& logits, const Tensor& images, TestViews views) {
  if (views == TestViews::kOne)
    return logits(images).value();
  Tensor sum;
  for (const View& view : views_of(views)) {
    const Tensor part = logits(moved(images, view.by, view.mirrors)).value();
    if (!sum)
      sum = Tensor::zeros(part.shape(), part.dtype(), part.device());
    axpy(view.weight, part, sum);
  }
  return sum;
}

}  // namespace ockham::nas
