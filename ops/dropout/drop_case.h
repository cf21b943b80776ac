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
  const auto maker = [=](double p) { return [=] { return std::make_unique<DropOp>(name, unit, p, key); }; };
  OpCase result{.name = std::string(name), .samples = {}};
  for (const double p : {0.0, 0.4}) {
    const auto reference = [=](Inputs x) {
      Tensor y(x[0].spec());
      for (std::int64_t i = 0; i < y.numel(); ++i) {
        const bool is_kept = uniform(key, static_cast<std::uint64_t>(i / size_of_unit(y.shape()))) >= p;
        y.data<double>()[i] = is_kept ? x[0].data<double>()[i] / (1.0 - p) : 0.0;
      }
      return std::vector<Tensor>{y};
    };
    for (const Shape& shape : shapes)
      result.samples.push_back({.name = concat("p = ", p, ", ", shape),
                                .make = maker(p),
                                .inputs = {{.shape = shape}},
                                .reference = reference});
  }
  const Spec x{{4, 3}, DType::kFloat32};
  result.bad = {{maker(1.0), {x}, {concat(name, "(p=1)"), "[0, 1)"}},
                {maker(-0.1), {x}, {"p=-0.1", "[0, 1)"}},
                {maker(0.5), {{{4, 3}, DType::kInt64}}, {"int64[4,3]", "float32 or float64"}}};
  if (unit != DropUnit::kElement)
    result.bad.push_back({maker(0.5), {{{}, DType::kFloat32}}, {"float32[]", "must have at least"}});
  return result;
}

}  // namespace ockham
