#pragma once
// What dropout, channel_dropout and drop_path share: parts of the input are zeroed at random and the rest is scaled by
// 1/(1-p), so that the expectation stays. Which part an element belongs to is all that differs.
#include <algorithm>

#include "autograd/op_classes.h"
#include "autograd/side_interfaces.h"
#include "engine/parallel.h"
#include "engine/random.h"
#include "ops/infer.h"

namespace ockham {

/// What is kept or dropped as one.
enum class DropUnit { kElement, kChannel, kSample };

/// Unit u (row-major) is kept if uniform(key, u) >= p: the same at any number of threads, and for every direction.
class DropOp : public LinearOp, public HasRecursion {
 public:
  DropOp(std::string_view name, DropUnit unit, double p, const RandomKey& key)
      : name_(name), unit_(unit), p_(p), key_(key) {}

  std::string_view name() const override { return name_; }
  std::string attrs() const override { return concat("p=", p_); }

  std::vector<Spec> infer(std::span<const Spec> x) const override {
    require_float(*this, x);
    if (!(p_ >= 0.0 && p_ < 1.0))
      throw UsageError(describe(*this, x) + ": p must lie in [0, 1); with p = 1 nothing would be left to scale.");
    const int leading = unit_ == DropUnit::kElement ? 0 : unit_ == DropUnit::kSample ? 1 : 2;
    if (x[0].shape.rank() < leading)
      throw ShapeError(concat(describe(*this, x), ": x must have at least ", leading, " dimensions."));
    return {x[0]};
  }

  void forward(Inputs x, Outputs y, Saved& saved) const override {
    Tensor kept({units_of(x[0].shape())}, DType::kUInt8);
    parallel_for(kept.numel(), 1024, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t u = begin; u < end; ++u)
        kept.data<std::uint8_t>()[u] = uniform(key_, static_cast<std::uint64_t>(u)) >= p_ ? 1 : 0;
    });
    saved.keep(kept);
    apply(saved, 1, x[0], y[0]);
  }

  void recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const override {
    if (h_x[0])
      scale_kept(saved, 1, h_y[0], *h_x[0].dst, boost() * boost(), h_x[0].accumulate);
  }

 protected:
  void apply(const Saved& saved, std::int64_t D, const Tensor& x, Tensor& y) const override {
    scale_kept(saved, D, x, y, boost(), false);
  }
  void transpose(const Saved& saved, std::int64_t D, const Tensor& y_bar, GradSlot x_bar) const override {
    scale_kept(saved, D, y_bar, *x_bar.dst, boost(), x_bar.accumulate);
  }

 private:
  double boost() const { return 1.0 / (1.0 - p_); }

  std::int64_t units_of(const Shape& x) const {
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

  /// y (+)= factor * x where kept; else 0, even for a NaN in x.
  void scale_kept(const Saved& saved, std::int64_t D, const Tensor& x, Tensor& y, double factor, bool adds) const {
    if (x.numel() == 0)
      return;
    const std::int64_t units = saved[0].numel();
    const std::int64_t size = x.numel() / (D * units);
    visit_float(x.dtype(), name(), [&]<class T>() {
      const T scale = static_cast<T>(factor);
      const std::uint8_t* kept = saved[0].data<std::uint8_t>();
      for (std::int64_t d = 0; d < D; ++d) {
        const T* from = x.data<T>() + d * units * size;
        T* to = y.data<T>() + d * units * size;
        const auto put = [&](std::int64_t i, bool is_kept) {
          const T scaled = scale * from[i];
          const T value = is_kept ? scaled : T(0);
          to[i] = adds ? to[i] + value : value;
        };
        parallel_for(units, std::max<std::int64_t>(1, 8192 / size), [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t u = begin; size == 1 && u < end; ++u)
            put(u, kept[u] != 0);
          for (std::int64_t u = begin; size > 1 && u < end; ++u) {
            for (std::int64_t i = u * size; i < (u + 1) * size; ++i)
              put(i, kept[u] != 0);
          }
        });
      }
    });
  }

  const std::string_view name_;
  const DropUnit unit_;
  const double p_;
  const RandomKey key_;
};

}  // namespace ockham
