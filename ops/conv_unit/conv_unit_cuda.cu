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

/// A dense convolution by filters W with a 1x1 convolution P right behind it is one convolution, by the filters V = P W
/// (conv_unit_filters.h). V is P's convolution of W as a map of K1 channels, and so W_bar and P_bar are what it pulls
/// V_bar back to.
template <class T, class S>
class ComposedUnit {
 public:
  ComposedUnit(const DeviceUnit<T, S>& unit, std::int64_t D) : unit_(unit), conv_(unit.conv), filters_(unit.conv) {
    const int length = unit.conv.C * unit.conv.taps();
    conv_.K = unit.point.K;
    const Shape w{1, unit.conv.K, 1, length}, p{unit.point.K, unit.conv.K, 1, 1};
    filters_ = conv_size(cpu::conv2d_size(Conv2dAttrs{}, w, p), D);
    ConvSize one = filters_;
    one.D = 1;
    v_ = device_room(Shape{one.K, length}, kDTypeOf<T>);
    convolve(one, stored_map(one, unit.w, false), unit.w_point, false, false, v_.template device_data<T>());
  }

  /// Whether that takes fewer multiplications than W, then P; in vjp, where the tensor between them is made again.
  static bool pays(const DeviceUnit<T, S>& unit, bool is_vjp) {
    if (unit.w_point == nullptr || unit.conv.groups != 1 || unit.conv.taps() == 1)
      return false;
    const std::int64_t K = unit.point.K, K1 = unit.conv.K, length = std::int64_t{unit.conv.C} * unit.conv.taps();
    const std::int64_t pixels = unit.conv.N * unit.conv.y_plane();
    return is_vjp ? K * (2 * pixels + 3 * K1) < 3 * K1 * pixels
                  : K * length * (pixels + K1) < K1 * pixels * (length + K);
  }

  void forward(S* z, T* moments) const { convolve(conv_, unit_.x, v_.device_data<T>(), false, false, z, moments); }
  /// to.w: of W.
  void vjp(const CotangentMap<T, S>& z_bar, PullTargets<T> to, GradSlot point) const {
    if (to.w || point) {
      Tensor v_bar = device_room(Shape{conv_.D * conv_.w_numel()}, kDTypeOf<T>);
      weight_gradient(conv_, unit_.x, z_bar, false, v_bar.device_data<T>());
      const PullTargets<T> factors{.x = to.w,
                                   .adds_x = to.adds_w,
                                   .w = point ? point.dst->device_data<T>() : nullptr,
                                   .adds_w = point.accumulate};
      pull_convolution(filters_, stored_map(filters_, unit_.w, false),
                       stored_cotangent<T>(filters_, v_bar.device_data<T>()), unit_.w_point, factors);
      to.w = nullptr;
    }
    pull_convolution(conv_, unit_.x, z_bar, v_.device_data<T>(), to);
  }

 private:
  const DeviceUnit<T, S>& unit_;
  ConvSize conv_;     ///< by V
  ConvSize filters_;  ///< of W by P
  Tensor v_;
};

template <class T, class S>
void forward_of_unit(const DeviceUnit<T, S>& unit, Outputs y) {
  S* const z = y[0].device_data<S>();
  T* const moments = unit.takes_moments ? y[1].device_data<T>() : nullptr;
  if (ComposedUnit<T, S>::pays(unit, false))
    ComposedUnit<T, S>(unit, 1).forward(z, moments);
  else if (unit.w_point)
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
void vjp_of_unit(const DeviceUnit<T, S>& unit, const CotangentMap<T, S>& z_bar, const Slots& slots) {
  const PullTargets<T> to{data_of<T>(slots.x),     slots.x.accumulate,  data_of<T>(slots.affine),
                          slots.affine.accumulate, data_of<T>(slots.w), slots.w.accumulate};
  if (unit.w_point == nullptr)
    return pull_convolution(unit.conv, unit.x, z_bar, unit.w, to);
  if (ComposedUnit<T, S>::pays(unit, true))
    return ComposedUnit<T, S>(unit, unit.conv.D).vjp(z_bar, to, slots.point);
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
    return vjp_scaled(op, saved, D, y_bar, {}, x_bar);
  }
  bool takes_scaled() const override { return true; }
  bool vjp_scaled(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, const Tensor& factor,
                  std::span<GradSlot> x_bar) const override {
    const auto& conv_unit = static_cast<const ConvUnit&>(op);
    visit_map(saved[0].dtype(), op.name(), [&]<class T, class S>() {
      const DeviceUnit<T, S> unit(conv_unit, saved, D);
      vjp_of_unit(unit, unit.cotangent(y_bar, factor), Slots(conv_unit, x_bar));
    });
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
