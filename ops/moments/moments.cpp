// With M values per channel, mean = sum x / M and var = sum (x - mean)^2 / M, along x + tau t:
//   mean' = sum t / M,   var' = 2 sum (x - mean) t / M,   mean'' = 0,   var'' = 2 sum (t - mean(t))^2 / M.
#include "ops/moments/moments.h"

#include "autograd/registry.h"
#include "engine/arena.h"
#include "engine/parallel.h"
#include "ops/infer.h"
#include "ops/moments/moments_kernels.h"
#include "ops/moments/moments_op.h"
#include "ops/pool.h"

namespace ockham {
namespace {

/// A feature map [N, C, P].
struct Map {
  std::int64_t N, C, P;
  std::int64_t numel() const { return N * C * P; }
  double M() const { return static_cast<double>(N * P); }
};

Map map_of(const Tensor& x) {
  return {x.size(0), x.size(1), x.numel() / (x.size(0) * x.size(1))};
}

/// Over the planes of channel c, in order.
cpu::TangentMoments total_of(const Map& map, const cpu::TangentMoments* planes, std::int64_t c) {
  cpu::TangentMoments total;
  for (std::int64_t n = 0; n < map.N; ++n) {
    total.sum += planes[n * map.C + c].sum;
    total.squares += planes[n * map.C + c].squares;
    total.cross += planes[n * map.C + c].cross;
  }
  return total;
}

/// body(i, c) for every plane i, which belongs to channel c; over threads.
template <class Body>
void for_planes(const Map& map, Body body) {
  parallel_for(map.N * map.C, cpu::plane_grain(map.P), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      body(i, i % map.C);
  });
}

template <class T>
void find_moments(const Map& map, const T* x, double* m) {
  ScratchScope scratch;
  auto* planes = scratch.take<cpu::PlaneMoments>(map.N * map.C);
  for_planes(map, [&](std::int64_t i, std::int64_t) { planes[i] = cpu::moments_of_plane(map.P, x + i * map.P); });
  cpu::merge_moments(map.N, map.C, map.P, planes, m);
}

}  // namespace

std::vector<Spec> MomentsOp::infer(std::span<const Spec> x) const {
  require_float(*this, x);
  const Shape& shape = x[0].shape;
  if (shape.rank() != 2 && shape.rank() != 4)
    throw ShapeError(describe(*this, x) + ": x must be [N, C] or [N, C, H, W].");
  if (shape.numel() == 0)
    throw ShapeError(describe(*this, x) + ": there is no mean of an empty batch; give at least one value per channel.");
  return {{{2, shape[1]}, x[0].dtype}};
}

/// Keeps the moments in double: a mean rounded to float32 would let a constant shift of x move the variance.
void MomentsOp::forward(Inputs x, Outputs y, Saved& saved) const {
  Tensor exact(y[0].shape(), DType::kFloat64);
  visit_float(x[0].dtype(), name(), [&]<class T>() {
    const Map map = map_of(x[0]);
    find_moments(map, x[0].data<T>(), exact.data<double>());
    for (std::int64_t i = 0; i < 2 * map.C; ++i)
      y[0].data<T>()[i] = static_cast<T>(exact.data<double>()[i]);
  });
  saved.keep(x[0], exact);
}

/// x_bar (+)= mean_bar/M + 2 var_bar (x - mean)/M
void MomentsOp::vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const {
  if (!x_bar[0])
    return;
  const Map map = map_of(saved[0]);
  visit_float(saved[0].dtype(), name(), [&]<class T>() {
    for_planes(map, [&](std::int64_t i, std::int64_t c) {
      const double mean = saved[1].data<double>()[c];
      const T pivot = static_cast<T>(mean);
      for (std::int64_t d = 0; d < D; ++d) {
        const T* m_bar = y_bar[0].data<T>() + d * 2 * map.C;
        const double slope = 2.0 * static_cast<double>(m_bar[map.C + c]) / map.M();
        const double constant = static_cast<double>(m_bar[c]) / map.M() + slope * (static_cast<double>(pivot) - mean);
        cpu::put_deviations(map.P, static_cast<T>(constant), static_cast<T>(slope), saved[0].data<T>() + i * map.P,
                            pivot, x_bar[0].dst->data<T>() + d * map.numel() + i * map.P, x_bar[0].accumulate);
      }
    });
  });
}

void MomentsOp::jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const {
  jvp_curvature(saved, D, {}, {}, x_dot, y_dot, {});
}

void MomentsOp::curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot, Inputs y_dot,
                          std::span<double> acc) const {
  Tensor again(y_dot[0].spec());
  jvp_curvature(saved, D, y_bar, x_bar, x_dot, {&again, 1}, acc);
}

/// The curvature, 2 var_bar var(t), has its sums in the same sweep.
void MomentsOp::jvp_curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Outputs y_dot,
                              std::span<double> acc) const {
  const Map map = map_of(saved[0]);
  ScratchScope scratch;
  auto* parts = scratch.take<cpu::TangentMoments>(D * map.N * map.C);
  visit_float(saved[0].dtype(), name(), [&]<class T>() {
    T* pivots = scratch.take<T>(map.C);
    for (std::int64_t c = 0; c < map.C; ++c)
      pivots[c] = static_cast<T>(saved[1].data<double>()[c]);
    const std::int64_t sample = map.C * map.P;
    parallel_for(D * map.N, cpu::plane_grain(sample), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        cpu::tangent_moments(map.C, map.P, x_dot[0].data<T>() + i * sample, saved[0].data<T>() + i % map.N * sample,
                             pivots, parts + i * map.C);
    });
    for (std::int64_t d = 0; d < D; ++d) {
      T* m_dot = y_dot[0].data<T>() + d * 2 * map.C;
      for (std::int64_t c = 0; c < map.C; ++c) {
        const cpu::TangentMoments total = total_of(map, parts + d * map.N * map.C, c);
        const double mean = saved[1].data<double>()[c];
        const double from_pivot = static_cast<double>(pivots[c]) - mean;
        m_dot[c] = static_cast<T>(total.sum / map.M());
        m_dot[map.C + c] = static_cast<T>(2.0 * (total.cross + from_pivot * total.sum) / map.M());
        if (!acc.empty())
          acc[static_cast<std::size_t>(d)] += 2.0 * static_cast<double>(y_bar[0].data<T>()[map.C + c]) *
                                              (total.squares - total.sum * total.sum / map.M()) / map.M();
      }
    }
  });
}

namespace {

std::vector<Tensor> reference(Inputs x) {
  const std::int64_t C = x[0].size(1);
  const std::int64_t plane = x[0].rank() == 4 ? x[0].size(2) * x[0].size(3) : 1;
  const double count = static_cast<double>(x[0].size(0) * plane);
  Tensor m = Tensor::zeros({2, C}, DType::kFloat64);
  for (std::int64_t i = 0; i < x[0].numel(); ++i)
    m.data<double>()[i / plane % C] += x[0].data<double>()[i] / count;
  for (std::int64_t i = 0; i < x[0].numel(); ++i) {
    const std::int64_t c = i / plane % C;
    const double deviation = x[0].data<double>()[i] - m.data<double>()[c];
    m.data<double>()[C + c] += deviation * deviation / count;
  }
  return {m};
}

const auto kMake = [] { return std::make_unique<MomentsOp>(); };
OpSample sample(const char* name, const Shape& x, double low = -1.0, double high = 2.0) {
  return {.name = name, .make = kMake, .inputs = {{.shape = x, .low = low, .high = high}}, .reference = reference};
}

OCKHAM_REGISTER_OP(
    moments,
    {.name = "moments",
     .samples = {sample("feature map", {2, 3, 5, 4}), sample("several blocks and a rest", {3, 2, 35, 37}),
                 sample("more channels than a task merges", {2, 40, 3, 5}), sample("a matrix", {6, 4}),
                 sample("one value per channel", {1, 3, 1, 1}), sample("constant channels", {2, 4, 3, 5}, 1.3, 1.3)},
     .bad = {{kMake, {{{4, 3, 5}, DType::kFloat32}}, {"moments", "float32[4,3,5]", "[N, C, H, W]"}},
             {kMake, {{{0, 3}, DType::kFloat32}}, {"float32[0,3]", "empty batch"}},
             {kMake, {{{2, 3, 0, 4}, DType::kFloat64}}, {"float64[2,3,0,4]", "at least one value per channel"}},
             {kMake, {{{2, 3}, DType::kInt64}}, {"int64[2,3]", "float32 or float64"}}}});

}  // namespace

Variable moments(const Variable& x) {
  return record_one(std::make_shared<const MomentsOp>(), {x});
}

}  // namespace ockham
