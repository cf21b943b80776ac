// jvp and curvature of conv_unit on the GPU. With r' and q' = W r' + W' r the tangents, half of the second derivative
// of z is W_p W (mask s' x') + W_p W' r' + W_p' q'. The moments add that of the variance.
#include "engine/cuda/reduce.h"
#include "engine/math.h"
#include "ops/conv2d/cuda/conv2d_dots_cuda.h"
#include "ops/conv_unit/conv_unit_cuda.h"
#include "ops/conv_unit/conv_unit_reference_cuda.h"

namespace ockham::cuda {
namespace {

/// A unit with the tangents of its inputs.
template <class T>
class MovedUnit {
 public:
  MovedUnit(const ConvUnit& op, const Saved& saved, std::int64_t D, Inputs x_dot)
      : unit(op, saved, D), r{unit.x, nullptr, nullptr}, device_(saved[0].device()) {
    const auto data = [&](std::size_t input) {
      return input != ConvUnit::kNone && x_dot[input] ? x_dot[input].device_data<T>() : nullptr;
    };
    r.x_dot = data(0);
    r.affine_dot = data(op.affine_at());
    w_dot = data(op.w_at());
    point_dot = data(op.pointwise_at());
  }

  bool moves_r() const { return r.x_dot != nullptr || r.affine_dot != nullptr; }
  bool moves_q() const { return moves_r() || w_dot != nullptr; }

  /// q' of all directions, where q moves.
  void push_q(T* q_dot) const {
    if (moves_r())
      convolve(unit.conv, r, unit.w, false, false, q_dot);
    if (w_dot)
      convolve(unit.conv, unit.x, w_dot, true, moves_r(), q_dot);
  }
  Tensor q_dot() const {
    Tensor result(unit.q_shape(unit.conv.D), kDTypeOf<T>, device_);
    push_q(result.device_data<T>());
    return result;
  }

  void push_z(Tensor& z_dot) const {
    T* const to = z_dot.device_data<T>();
    if (unit.w_point == nullptr)
      return push_q(to);
    if (moves_r() && w_dot == nullptr)
      convolve_pair(unit.conv, r, unit.w, unit.point.K, unit.w_point, to);
    else if (moves_q())
      convolve(unit.point, unit.map_of_q(q_dot().template device_data<T>(), true), unit.w_point, false, false, to);
    if (point_dot == nullptr)
      return;
    Tensor q(unit.q_shape(1), kDTypeOf<T>, device_);
    ConvSize one = unit.conv;
    one.D = 1;
    convolve(one, unit.x, unit.w, false, false, q.device_data<T>());
    convolve(unit.point, unit.map_of_q(q.device_data<T>(), false), point_dot, true, moves_q(), to);
  }

  /// The sums of z' that its moments need, [3, D, K].
  Tensor sums_of(const Tensor& z_dot) const {
    const std::int64_t D = unit.conv.D, N = unit.conv.N, K = unit.K();
    Tensor parts({N, 3 * D * K}, DType::kFloat64, device_);
    launch(TangentSums<T>{D, N, K, unit.conv.y_plane(), z_dot.device_data<T>(), unit.z, unit.moments,
                          parts.device_data<double>()});
    Tensor sums({3, D, K}, DType::kFloat64, device_);
    sum_of_parts(N, 3 * D * K, parts.device_data<double>(), false, sums.device_data<double>());
    return sums;
  }
  double M() const { return static_cast<double>(unit.conv.N) * static_cast<double>(unit.conv.y_plane()); }

  DeviceUnit<T> unit;
  LoadedTangent<T> r;  ///< r'
  const T* w_dot;
  const T* point_dot;

 private:
  Device device_;
};

/// acc [D] += the second derivative of z along each direction, times the cotangent of z.
template <class T>
void add_bends(const MovedUnit<T>& moved, const CotangentMap<T>& z_cotangent, Tensor& acc) {
  const DeviceUnit<T>& unit = moved.unit;
  const std::int64_t N = unit.conv.N, plane = unit.conv.y_plane();
  const Device device = acc.device();
  ConvSize conv = unit.conv, point = unit.point;
  conv.D = point.D = 1;
  const bool bends_load = moved.r.x_dot && moved.r.affine_dot, bends_conv = moved.w_dot && moved.moves_r();
  const bool bends_point = moved.point_dot && moved.moves_q();
  if (!bends_load && !bends_conv && !bends_point)
    return;

  Tensor z_bar(unit.z_shape(1), kDTypeOf<T>, device);
  launch(Materialise<CotangentMap<T>>{1, N, unit.K(), plane, z_cotangent, z_bar.device_data<T>()});
  if (bends_point) {
    Tensor bent(unit.z_shape(acc.numel()), kDTypeOf<T>, device);
    convolve(unit.point, unit.map_of_q(moved.q_dot().template device_data<T>(), true), moved.point_dot, true, false,
             bent.device_data<T>());
    const LoadedMap<T> map{bent.device_data<T>(), nullptr, false, true, unit.conv.N, unit.K(), plane};
    add_dots(N, unit.K(), plane, map, z_bar.device_data<T>(), 2.0, acc);
  }
  if (!bends_load && !bends_conv)
    return;
  Tensor q_bar = z_bar;
  if (unit.w_point) {
    q_bar = Tensor(unit.q_shape(1), kDTypeOf<T>, device);
    transpose_convolution(point, stored_cotangent<T>(point, z_bar.device_data<T>()), unit.w_point,
                          q_bar.device_data<T>());
  }
  if (bends_conv) {
    Tensor bent(unit.q_shape(acc.numel()), kDTypeOf<T>, device);
    convolve(unit.conv, moved.r, moved.w_dot, true, false, bent.device_data<T>());
    const LoadedMap<T> map{bent.device_data<T>(), nullptr, false, true, unit.conv.N, unit.conv.K, plane};
    add_dots(N, unit.conv.K, plane, map, q_bar.device_data<T>(), 2.0, acc);
  }
  if (bends_load) {
    Tensor r_bar(unit.x_shape(1), kDTypeOf<T>, device);
    transpose_convolution(conv, stored_cotangent<T>(conv, q_bar.device_data<T>()), unit.w, r_bar.device_data<T>());
    LoadedTangent<T> bend = moved.r;
    bend.bends = true;
    add_dots(N, unit.conv.C, unit.conv.x_plane(), bend, r_bar.device_data<T>(), 2.0, acc);
  }
}

}  // namespace

void unit_jvp(const ConvUnit& op, const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) {
  visit_float(saved[0].dtype(), op.name(), [&]<class T>() {
    const MovedUnit<T> moved(op, saved, D, x_dot);
    moved.push_z(y_dot[0]);
    if (!moved.unit.takes_moments)
      return;
    const Tensor sums = moved.sums_of(y_dot[0]);
    launch(MomentsTangent<T>{D, moved.unit.K(), moved.M(), sums.device_data<double>(), y_dot[1].device_data<T>()});
  });
}

void unit_curvature(const ConvUnit& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_dot, Inputs y_dot,
                    std::span<double> acc) {
  visit_float(saved[0].dtype(), op.name(), [&]<class T>() {
    const MovedUnit<T> moved(op, saved, D, x_dot);
    const CotangentMap<T> z_bar = moved.unit.cotangent(y_bar);
    Tensor total = Tensor::zeros({D}, DType::kFloat64, saved[0].device());
    if (z_bar.z_bar || z_bar.moments_bar)
      add_bends(moved, z_bar, total);
    if (z_bar.moments_bar) {
      const Tensor sums = moved.sums_of(y_dot[0]);
      launch(MomentsBend<T>{D, moved.unit.K(), moved.M(), sums.device_data<double>(), z_bar.moments_bar,
                            total.device_data<double>()});
    }
    const std::vector<double> values = downloaded(total);
    for (std::size_t d = 0; d < acc.size(); ++d)
      acc[d] += values[d];
  });
}

}  // namespace ockham::cuda
