#include "ops/dropout/drop_op.h"

#include <algorithm>

#include "engine/parallel.h"
#include "ops/infer.h"

namespace ockham {
namespace {

/// y (+)= factor * x where kept; else 0, even for a NaN in x.
void scale_kept(const Tensor& kept, std::int64_t D, const Tensor& x, Tensor& y, double factor, bool adds) {
  if (x.numel() == 0)
    return;
  const std::int64_t units = kept.numel();
  const std::int64_t size = x.numel() / (D * units);
  visit_float(x.dtype(), "dropout", [&]<class T>() {
    const T scale = static_cast<T>(factor);
    const std::uint8_t* is_kept = kept.data<std::uint8_t>();
    for (std::int64_t d = 0; d < D; ++d) {
      const T* from = x.data<T>() + d * units * size;
      T* to = y.data<T>() + d * units * size;
      const auto put = [&](std::int64_t i, bool keeps) {
        const T scaled = scale * from[i];
        const T value = keeps ? scaled : T(0);
        to[i] = adds ? to[i] + value : value;
      };
      parallel_for(units, std::max<std::int64_t>(1, 8192 / size), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t u = begin; size == 1 && u < end; ++u)
          put(u, is_kept[u] != 0);
        for (std::int64_t u = begin; size > 1 && u < end; ++u) {
          for (std::int64_t i = u * size; i < (u + 1) * size; ++i)
            put(i, is_kept[u] != 0);
        }
      });
    }
  });
}

}  // namespace

std::string DropOp::attrs() const {
  return attrs_.moving ? "p moves" : concat("p=", attrs_.p);
}

std::vector<Spec> DropOp::infer(std::span<const Spec> x) const {
  require_float(*this, x);
  if (!attrs_.moving && !(attrs_.p >= 0.0 && attrs_.p < 1.0))
    throw UsageError(describe(*this, x) + ": p must lie in [0, 1); with p = 1 nothing would be left to scale.");
  if (attrs_.moving && attrs_.moving.spec() != Spec{{2}, DType::kFloat64})
    throw UsageError(concat(describe(*this, x), ": what moves is ", attrs_.moving.spec(),
                            ", must be float64[2], the number of the step and p."));
  const int leading = unit_ == DropUnit::kElement ? 0 : unit_ == DropUnit::kSample ? 1 : 2;
  if (x[0].shape.rank() < leading)
    throw ShapeError(concat(describe(*this, x), ": x must have at least ", leading, " dimensions."));
  return {x[0]};
}

void DropOp::forward(Inputs x, Outputs y, Saved& saved) const {
  Tensor kept({units_of(x[0].shape())}, DType::kUInt8);
  const DropNumbers draw = numbers({});
  parallel_for(kept.numel(), 1024, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t u = begin; u < end; ++u)
      kept.data<std::uint8_t>()[u] = draw.keeps(u) ? 1 : 0;
  });
  saved.keep(kept);
  apply(saved, 1, x[0], y[0]);
}

void DropOp::recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  const double boost = numbers({}).boost();
  if (h_x[0])
    scale_kept(saved[0], 1, h_y[0], *h_x[0].dst, boost * boost, h_x[0].accumulate);
}

void DropOp::apply(const Saved& saved, std::int64_t D, const Tensor& x, Tensor& y) const {
  scale_kept(saved[0], D, x, y, numbers({}).boost(), false);
}

void DropOp::transpose(const Saved& saved, std::int64_t D, const Tensor& y_bar, GradSlot x_bar) const {
  scale_kept(saved[0], D, y_bar, *x_bar.dst, numbers({}).boost(), x_bar.accumulate);
}

std::int64_t DropOp::units_of(const Shape& x) const {
  switch (unit_) {
    case DropUnit::kSample:
      return x[0];
    case DropUnit::kChannel:
      return x[0] * x[1];
    case DropUnit::kElement:
      break;
  }
  return x.numel();
}

DropNumbers DropOp::numbers(Device at) const {
  DropNumbers result{.key = moving_key(attrs_.key, attrs_.moving, attrs_.stride, at), .p = attrs_.p, .moving = nullptr};
  if (attrs_.moving && attrs_.moving.device() == at)
    result.moving = attrs_.moving.device_data<double>();
  else if (attrs_.moving)
    result.p = attrs_.moving.to(Device{}).data<double>()[1];
  return result;
}

}  // namespace ockham
