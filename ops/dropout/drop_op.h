#pragma once
// What dropout, channel_dropout and drop_path share: parts of the input are zeroed at random and the rest is scaled by
// 1/(1-p), so that the expectation stays. Which part an element belongs to is all that differs.
#include "autograd/op_classes.h"
#include "autograd/side_interfaces.h"
#include "ops/dropout/drop_attrs.h"
#include "ops/moving_key.h"

namespace ockham {

/// What is kept or dropped as one.
enum class DropUnit { kElement, kChannel, kSample };

/// The numbers that decide, on all devices.
struct DropNumbers {
  MovingKey key;
  double p;
  const double* moving;  ///< of DropAttrs, null where undefined

  constexpr bool keeps(std::int64_t unit) const {
    return uniform(key.now(), static_cast<std::uint64_t>(unit)) >= probability();
  }
  /// 1 / (1 - p)
  constexpr double boost() const { return 1.0 / (1.0 - probability()); }
  constexpr double probability() const { return moving != nullptr ? moving[1] : p; }
};

/// Unit u (row-major) is kept if uniform(key, u) >= p: the same at any number of threads, on any device, and for every
/// direction. Saves one byte a unit.
class DropOp : public LinearOp, public HasRecursion {
 public:
  DropOp(std::string_view name, DropUnit unit, const DropAttrs& attrs) : name_(name), unit_(unit), attrs_(attrs) {}

  std::int64_t units_of(const Shape& x) const;
  /// With `moving` as it lies on the device `at`: where it is elsewhere, as numbers that do not move.
  DropNumbers numbers(Device at) const;

  std::string_view name() const override { return name_; }
  std::string attrs() const override;
  std::vector<Spec> infer(std::span<const Spec> x) const override;
  void forward(Inputs x, Outputs y, Saved& saved) const override;
  void recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const override;

 protected:
  void apply(const Saved& saved, std::int64_t D, const Tensor& x, Tensor& y) const override;
  void transpose(const Saved& saved, std::int64_t D, const Tensor& y_bar, GradSlot x_bar) const override;

 private:
  const std::string_view name_;
  const DropUnit unit_;
  const DropAttrs attrs_;
};

}  // namespace ockham
