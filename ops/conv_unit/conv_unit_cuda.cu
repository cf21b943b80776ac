#include "autograd/device_passes.h"
#include "ops/conv2d/cuda/conv2d_sums_cuda.h"
#include "ops/conv_unit/conv_unit_cuda.h"
#include "ops/conv_unit/conv_unit_reference_cuda.h"

namespace ockham::cuda {
namespace {

template <class T>
T* data_of(GradSlot slot) {
  return slot ? slot.dst->device_data<T>() : nullptr;
}

/// q = conv(r, w)
template <class T, class S>
Tensor convolved(const DeviceUnit<T, S>& unit) {
  Tensor q = device_room(unit.q_shape(1), kDTypeOf<T>);
  ConvSize size = unit.conv;
  size.D = 1;
  convolve(size, unit.x, unit.w, false, false, q.device_data<T>());
  return q;
}

template <class T, class S>
void forward_of_unit(const DeviceUnit<T, S>& unit, Outputs y) {
  S* const z = y[0].device_data<S>();
  T* const moments = unit.takes_moments ? y[1].device_data<T>() : nullptr;
  if (unit.w_point)
    convolve_pair(unit.conv, unit.x, unit.w, unit.point.K, unit.w_point, z, moments);
  else
    convolve(unit.conv, unit.x, unit.w, false, false, z, moments);
}

/// The slots of the inputs by name.
struct Slots {
  Slots(const ConvUnit& op, std::span<GradSlot> slots) : x(slots[0]), w(slots[op.w_at()]) {
    if (op.affine_at() != ConvUnit::kNone)
      affine = slots[op.affine_at()];
    if (op.pointwise_at() != ConvUnit::kNone)
      point = slots[op.pointwise_at()];
  }
  GradSlot x, affine, w, point;
};

template <class T, class S>
void vjp_of_unit(const DeviceUnit<T, S>& unit, Inputs y_bar, const Slots& slots) {
  const CotangentMap<T, S> z_bar = unit.cotangent(y_bar);
  const PullTargets<T> to{data_of<T>(slots.x),     slots.x.accumulate,  data_of<T>(slots.affine),
                          slots.affine.accumulate, data_of<T>(slots.w), slots.w.accumulate};
  if (unit.w_point == nullptr)
    return pull_convolution(unit.conv, unit.x, z_bar, unit.w, to);
  if (slots.point)
    point_gradient(unit.conv, unit.x, unit.w, z_bar, unit.point.K, slots.point.accumulate, data_of<T>(slots.point));
  if (!slots.x && !slots.affine && !slots.w)
    return;
  Tensor q_bar = device_room(unit.q_shape(unit.conv.D), kDTypeOf<T>);
  transpose_convolution(unit.point, z_bar, unit.w_point, q_bar.device_data<T>());
  pull_convolution(unit.conv, unit.x, stored_cotangent<T>(unit.conv, q_bar.device_data<T>()), unit.w, to);
}

/// Calls body.template operator()<T, S>() for the types that maps of `dtype` are computed and stored in.
template <class Body>
void visit_map(DType dtype, std::string_view who, Body&& body) {
  if (dtype == DType::kBFloat16)
    return body.template operator()<float, BFloat16>();
  visit_float(dtype, who, [&]<class T>() { body.template operator()<T, T>(); });
}

}  // namespace

class ConvUnitPasses final : public DevicePasses {
 public:
  bool forward(const Op& op, Inputs x, Outputs y, Saved& saved) const override {
    const auto& unit = static_cast<const ConvUnit&>(op);
    saved.tensors.assign(x.begin(), x.end());
    if (unit.unit().takes_moments)
      saved.keep(y[0], y[1]);
    visit_map(x[0].dtype(), op.name(),
              [&]<class T, class S>() { forward_of_unit(DeviceUnit<T, S>(unit, saved, 1), y); });
    return true;
  }

  bool vjp(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    const auto& unit = static_cast<const ConvUnit&>(op);
    visit_map(saved[0].dtype(), op.name(),
              [&]<class T, class S>() { vjp_of_unit(DeviceUnit<T, S>(unit, saved, D), y_bar, Slots(unit, x_bar)); });
    return true;
  }

  bool jvp(const Op& op, const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    unit_jvp(static_cast<const ConvUnit&>(op), saved, D, x_dot, y_dot);
    return true;
  }

  bool curvature(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs y_dot,
                 std::span<double> acc) const override {
    unit_curvature(static_cast<const ConvUnit&>(op), saved, D, y_bar, x_dot, y_dot, acc);
    return true;
  }

  bool weight_diagonal(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input,
                       Grouping grouping, Tensor& H) const override {
    const auto& conv_unit = static_cast<const ConvUnit&>(op);
    const bool is_point = input == conv_unit.pointwise_at();
    if (conv_unit.unit().takes_moments || (input != conv_unit.w_at() && !is_point))
      return false;
    visit_float(saved[0].dtype(), op.name(), [&]<class T>() {
      const DeviceUnit<T> unit(conv_unit, saved, D);
      const CotangentMap<T> z_bar = unit.cotangent(y_bar);
      if (is_point) {
        const Tensor q = convolved(unit);
        return add_weight_squares(unit.point, unit.map_of_q(q.device_data<T>(), false), z_bar, saved[input].shape(),
                                  grouping, H);
      }
      if (unit.w_point == nullptr)
        return add_weight_squares(unit.conv, unit.x, z_bar, saved[input].shape(), grouping, H);
      Tensor q_bar = device_room(unit.q_shape(D), kDTypeOf<T>);
      transpose_convolution(unit.point, z_bar, unit.w_point, q_bar.device_data<T>());
      add_weight_squares(unit.conv, unit.x, stored_cotangent<T>(unit.conv, q_bar.device_data<T>()),
                         saved[input].shape(), grouping, H);
    });
    return true;
  }
};

OCKHAM_CUDA_PASSES(conv_unit, ConvUnit, ConvUnitPasses);

}  // namespace ockham::cuda
