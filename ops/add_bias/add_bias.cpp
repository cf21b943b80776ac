#include "ops/add_bias/add_bias.h"

#include "autograd/registry.h"
#include "engine/math.h"
#include "engine/parallel.h"
#include "ops/add_bias/add_bias_op.h"
#include "ops/diagonal.h"
#include "ops/infer.h"

namespace ockham {
namespace {

std::int64_t plane_of(const Shape& x) {
  std::int64_t plane = 1;
  for (int dim = 2; dim < x.rank(); ++dim)
    plane *= x[dim];
  return plane;
}

/// [rows, C] in double: the sum of each plane of g [rows, C, ...].
Tensor plane_sums(const Tensor& g) {
  const std::int64_t planes = g.size(0) * g.size(1);
  const std::int64_t plane = plane_of(g.shape());
  Tensor sums({g.size(0), g.size(1)}, DType::kFloat64);
  visit_float(g.dtype(), "add_bias", [&]<class T>() {
    parallel_for(planes, std::max<std::int64_t>(1, (1 << 14) / std::max<std::int64_t>(1, plane)),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t p = begin; p < end; ++p) {
                     double total = 0.0;
                     for (std::int64_t i = 0; i < plane; ++i)
                       total += static_cast<double>(g.data<T>()[p * plane + i]);
                     sums.data<double>()[p] = total;
                   }
                 });
  });
  return sums;
}

/// [D, C] of g's dtype: the sums of g [D*N, C, ...] over samples and planes, for each direction.
Tensor channel_sums(const Tensor& g, std::int64_t D) {
  const Tensor planes = plane_sums(g);
  const std::int64_t N = g.size(0) / D, C = g.size(1);
  Tensor sums = Tensor::zeros({D, C}, DType::kFloat64);
  for (std::int64_t row = 0; row < D * N; ++row) {
    for (std::int64_t c = 0; c < C; ++c)
      sums.data<double>()[row / N * C + c] += planes.data<double>()[row * C + c];
  }
  return sums.to(g.dtype());
}

/// y[d, n, c, ...] = x[d, n, c, ...] + b[d, c]; an undefined x is zero, an undefined b too.
void add_channels(std::int64_t D, const Tensor& x, const Tensor& b, Tensor& y) {
  const std::int64_t C = y.size(1);
  const std::int64_t plane = plane_of(y.shape());
  const std::int64_t planes_of_one = y.size(0) / D * C;
  visit_float(y.dtype(), "add_bias", [&]<class T>() {
    parallel_for(D * planes_of_one, std::max<std::int64_t>(1, (1 << 14) / std::max<std::int64_t>(1, plane)),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t p = begin; p < end; ++p) {
                     const T bias = b ? b.data<T>()[p / planes_of_one * C + p % C] : T(0);
                     const T* from = x ? x.data<T>() + p * plane : nullptr;
                     T* to = y.data<T>() + p * plane;
                     for (std::int64_t i = 0; i < plane; ++i)
                       to[i] = from ? from[i] + bias : bias;
                   }
                 });
  });
}

}  // namespace

std::vector<Spec> AddBias::infer(std::span<const Spec> x) const {
  require_float(*this, x);
  if (x[0].shape.rank() < 2 || x[1].shape.rank() != 1)
    throw ShapeError(describe(*this, x) + ": needs x [N,C,...] and b [C].");
  if (x[0].shape[1] != x[1].shape[0])
    throw ShapeError(concat(describe(*this, x), ": x has ", x[0].shape[1], " channels, b ", x[1].shape[0],
                            " entries; they must be equal."));
  return {x[0]};
}

void AddBias::forward(Inputs x, Outputs y, Saved&) const {
  add_channels(1, x[0], x[1], y[0]);
}

void AddBias::vjp(const Saved&, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const {
  if (x_bar[0])
    x_bar[0].add(y_bar[0]);
  if (x_bar[1])
    x_bar[1].add(channel_sums(y_bar[0], D).reshape(x_bar[1].dst->shape()));
}

void AddBias::jvp(const Saved&, std::int64_t D, Inputs x_dot, Outputs y_dot) const {
  add_channels(D, x_dot[0], x_dot[1], y_dot[0]);
}

void AddBias::weight_diagonal(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input, Grouping grouping,
                              Tensor& H) const {
  if (input != 1)
    return Op::weight_diagonal(saved, D, y_bar, input, grouping, H);
  add_grouped(channel_sums(squared(plane_sums(y_bar[0])), 1).reshape({y_bar[0].size(1)}), grouping, H);
}

void AddBias::recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  vjp(saved, 1, h_y, h_x);  // J consists of zeros and ones: it is its own square
}

namespace {

OpSample sample(std::string name, const Shape& x) {
  return {.name = std::move(name),
          .make = [] { return std::make_unique<AddBias>(); },
          .inputs = {{.shape = x}, {.shape = {x[1]}}},
          .reference =
              [](Inputs in) {
                Tensor y = in[0].clone();
                const std::int64_t C = in[0].size(1), plane = in[0].numel() / (in[0].size(0) * C);
                for (std::int64_t i = 0; i < y.numel(); ++i)
                  y.data<double>()[i] += in[1].data<double>()[i / plane % C];
                return std::vector<Tensor>{y};
              },
          .diagonal_inputs = {1}};
}

BadSample bad(const Spec& x, const Spec& b, std::vector<std::string> parts) {
  return {.make = [] { return std::make_unique<AddBias>(); }, .inputs = {x, b}, .message_parts = std::move(parts)};
}

OCKHAM_REGISTER_OP(add_bias, {.name = "add_bias",
                              .samples = {sample("maps", {2, 3, 5, 4}), sample("vectors", {4, 3}),
                                          sample("sequences", {3, 2, 5})},
                              .bad = {bad({{2, 3, 5}}, {{5}}, {"add_bias", "[2,3,5]", "3 channels", "5 entries"}),
                                      bad({{3}}, {{3}}, {"[3]", "[N,C,...]"}),
                                      bad({{2, 3}}, {{3}, DType::kFloat64}, {"float64[3]", "one of them"})}});

}  // namespace

Variable add_bias(const Variable& x, const Variable& b) {
  return record_one(std::make_shared<const AddBias>(), {x, b});
}

}  // namespace ockham
