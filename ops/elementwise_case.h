#pragma once
// What the registration of an elementwise op needs: samples in every rank, with a scalar function of doubles as the
// reference.
#include <string>
#include <utility>

#include "autograd/elementwise.h"
#include "autograd/registry.h"

namespace ockham {

/// The case of ElementwiseOp<F> whose inputs are drawn as `draw` says (its shape is replaced).
template <class F>
OpCase elementwise_case(InputDraw draw, double (*function)(double)) {
  const auto make = [] { return std::make_unique<ElementwiseOp<F>>(); };
  const auto reference = [function](Inputs x) {
    Tensor y(x[0].spec());
    for (std::int64_t i = 0; i < y.numel(); ++i)
      y.data<double>()[i] = function(x[0].data<double>()[i]);
    return std::vector<Tensor>{y};
  };
  OpCase result{.name = std::string(F::kName), .samples = {}};
  const std::pair<const char*, Shape> shapes[] = {
      {"images", {2, 3, 5, 4}}, {"a matrix", {3, 7}}, {"a scalar", {}}, {"an empty batch", {0, 3}}};
  for (const auto& [name, shape] : shapes) {
    draw.shape = shape;
    result.samples.push_back({.name = name, .make = make, .inputs = {draw}, .reference = reference});
  }
  result.bad.push_back({make, {{{2, 3}, DType::kUInt8}}, {F::kName.data(), "uint8[2,3]", "float32 or float64"}});
  return result;
}

}  // namespace ockham
