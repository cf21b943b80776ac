#include "ops/global_avg_pool/global_avg_pool.h"

#include <numeric>

#include "autograd/registry.h"
#include "engine/parallel.h"
#include "ops/global_avg_pool/global_avg_pool_op.h"
#include "ops/infer.h"
#include "ops/pool.h"

namespace ockham {
namespace {

std::int64_t plane_of(const Tensor& x) {
  return x.size(2) * x.size(3);
}

/// body(i, H * W) for every plane i, over threads.
template <class Body>
void for_planes(const Tensor& x, Body body) {
  const std::int64_t plane = plane_of(x);
  visit_float(x.dtype(), "global_avg_pool", [&]<class T>() {
    parallel_for(x.size(0) * x.size(1), cpu::plane_grain(plane), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        body.template operator()<T>(i, plane);
    });
  });
}

void spread(const Tensor& y_bar, GradSlot x_bar, double factor) {
  for_planes(*x_bar.dst, [&]<class T>(std::int64_t i, std::int64_t plane) {
    const T value = static_cast<T>(factor) * y_bar.data<T>()[i];
    T* to = x_bar.dst->data<T>() + i * plane;
    for (std::int64_t j = 0; j < plane; ++j)
      to[j] = x_bar.accumulate ? to[j] + value : value;
  });
}

}  // namespace

std::vector<Spec> GlobalAvgPool::infer(std::span<const Spec> x) const {
  require_float(*this, x);
  const Shape& shape = x[0].shape;
  if (shape.rank() != 4 || shape[2] * shape[3] == 0)
    throw ShapeError(describe(*this, x) + ": x must be [N, C, H, W] with planes that are not empty.");
  return {{{shape[0], shape[1]}, x[0].dtype}};
}

void GlobalAvgPool::forward(Inputs x, Outputs y, Saved& saved) const {
  apply(saved, 1, x[0], y[0]);
}

/// 1/(H W)^2.
void GlobalAvgPool::recursion(const Saved&, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  if (!h_x[0])
    return;
  const double factor = 1.0 / static_cast<double>(plane_of(*h_x[0].dst));
  spread(h_y[0], h_x[0], factor * factor);
}

void GlobalAvgPool::apply(const Saved&, std::int64_t, const Tensor& x, Tensor& y) const {
  for_planes(x, [&]<class T>(std::int64_t i, std::int64_t plane) {
    const T* from = x.data<T>() + i * plane;
    y.data<T>()[i] = static_cast<T>(std::accumulate(from, from + plane, 0.0) / static_cast<double>(plane));
  });
}

void GlobalAvgPool::transpose(const Saved&, std::int64_t, const Tensor& y_bar, GradSlot x_bar) const {
  spread(y_bar, x_bar, 1.0 / static_cast<double>(plane_of(*x_bar.dst)));
}

namespace {

std::vector<Tensor> reference(Inputs x) {
  Tensor y = Tensor::zeros({x[0].size(0), x[0].size(1)}, DType::kFloat64);
  const std::int64_t plane = x[0].size(2) * x[0].size(3);
  for (std::int64_t i = 0; i < x[0].numel(); ++i)
    y.data<double>()[i / plane] += x[0].data<double>()[i] / static_cast<double>(plane);
  return {y};
}

const auto kMake = [] { return std::make_unique<GlobalAvgPool>(); };
OpSample sample(const char* name, const Shape& x) {
  return {.name = name, .make = kMake, .inputs = {{.shape = x}}, .reference = reference};
}

OCKHAM_REGISTER_OP(global_avg_pool,
                   {.name = "global_avg_pool",
                    .samples = {sample("images", {2, 3, 5, 4}), sample("one pixel", {3, 2, 1, 1}),
                                sample("odd plane", {1, 4, 7, 3})},
                    .bad = {{kMake, {{{2, 3, 5}, DType::kFloat32}}, {"float32[2,3,5]", "[N, C, H, W]"}},
                            {kMake, {{{2, 3, 0, 4}, DType::kFloat32}}, {"float32[2,3,0,4]", "not empty"}},
                            {kMake, {{{2, 3, 4, 4}, DType::kUInt8}}, {"uint8[2,3,4,4]", "float32 or float64"}}}});

}  // namespace

Variable global_avg_pool(const Variable& x) {
  return record_one(std::make_shared<const GlobalAvgPool>(), {x});
}

}  // namespace ockham
