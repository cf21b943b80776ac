#pragma once
// The registration that dropout, channel_dropout and drop_path share.
#include <string>

#include "autograd/registry.h"
#include "ops/dropout/drop_op.h"

namespace ockham {

/// `size_of_unit` gives how many elements of x are dropped as one.
inline OpCase drop_case(std::string_view name, DropUnit unit, const std::vector<Shape>& shapes,
                        std::int64_t (*size_of_unit)(const Shape&)) {
  const RandomKey key{.seed = 7, .purpose = Purpose::kTest, .step = 3};
  const auto maker = [=](double p) {
    return [=] { return std::make_unique<DropOp>(name, unit, DropAttrs{.p = p, .key = key}); };
  };
  const auto referee = [=](double p, const RandomKey& stream) {
    return [=](Inputs x) {
      Tensor y(x[0].spec());
      for (std::int64_t i = 0; i < y.numel(); ++i) {
        const bool is_kept = uniform(stream, static_cast<std::uint64_t>(i / size_of_unit(y.shape()))) >= p;
        y.data<double>()[i] = is_kept ? x[0].data<double>()[i] / (1.0 - p) : 0.0;
      }
      return std::vector<Tensor>{y};
    };
  };
  OpCase result{.name = std::string(name), .samples = {}};
  for (const double p : {0.0, 0.4}) {
    for (const Shape& shape : shapes)
      result.samples.push_back({.name = concat("p = ", p, ", ", shape),
                                .make = maker(p),
                                .inputs = {{.shape = shape}},
                                .reference = referee(p, key)});
  }
  const auto moving = [=](const Spec& spec) {
    return [=] {
      Tensor numbers = Tensor::full(spec.shape, 5.0, spec.dtype);
      if (spec.dtype == DType::kFloat64)
        numbers.data<double>()[numbers.numel() - 1] = 0.4;
      return std::make_unique<DropOp>(name, unit, DropAttrs{.p = 0.9, .key = key, .moving = numbers, .stride = 16});
    };
  };
  result.samples.push_back({.name = "step 5 and p = 0.4 that move",
                            .make = moving({{2}, DType::kFloat64}),
                            .inputs = {{.shape = shapes[0]}},
                            .reference = referee(0.4, {.seed = 7, .purpose = Purpose::kTest, .step = 3 + 16 * 5})});
  const Spec x{{4, 3}, DType::kFloat32};
  result.bad = {{maker(1.0), {x}, {concat(name, "(p=1)"), "[0, 1)"}},
                {maker(-0.1), {x}, {"p=-0.1", "[0, 1)"}},
                {moving({{3}, DType::kFloat64}), {x}, {"p moves", "float64[3]", "float64[2]"}},
                {moving({{2}, DType::kFloat32}), {x}, {"float32[2]", "float64[2]"}},
                {maker(0.5), {{{4, 3}, DType::kInt64}}, {"int64[4,3]", "float32 or float64"}}};
  if (unit != DropUnit::kElement)
    result.bad.push_back({maker(0.5), {{{}, DType::kFloat32}}, {"float32[]", "must have at least"}});
  return result;
}

}  // namespace ockham
