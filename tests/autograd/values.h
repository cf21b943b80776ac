#pragma once
// Parameters and values for the tests of autograd, all in float64.
#include <string>
#include <vector>

#include "autograd/parameter.h"
#include "engine/random.h"

namespace ockham::test {

/// Normal numbers, another set for each stream.
inline Tensor noise(const Shape& shape, std::uint64_t stream, double standard_deviation = 1.0) {
  Tensor t(shape, DType::kFloat64);
  fill_normal(t, {5, Purpose::kTest, stream}, 0.0, standard_deviation);
  return t;
}

inline Parameter make_parameter(std::string name, std::vector<double> values) {
  return {.name = std::move(name), .value = Tensor::from(values, {static_cast<std::int64_t>(values.size())})};
}

}  // namespace ockham::test
