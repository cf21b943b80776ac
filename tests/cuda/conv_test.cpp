// Convolutions at sizes where their kernels work in several tiles, chunks and parts, which the registered samples are
// too small for.
#include <cstdlib>

#include "ops/conv2d/conv2d_op.h"
#include "ops/conv_unit/conv_unit_op.h"
#include "ops/linear/linear_op.h"
#include "tests/cuda/agreement.h"

namespace ockham {
namespace {

OpSample conv2d_sample(std::string name, const Conv2dAttrs& attrs, const Shape& x, const Shape& w) {
  return {.name = std::move(name),
          .make = [attrs] { return std::make_unique<Conv2d>(attrs); },
          .inputs = {{.shape = x}, {.shape = w}},
          .reference = {},
          .diagonal_inputs = {1}};
}

/// w_point of an empty shape: none.
OpSample unit_sample(std::string name, const ConvUnitAttrs& attrs, bool has_affine, const Shape& x, const Shape& w,
                     const Shape& w_point = {}) {
  const bool has_point = w_point.rank() != 0;
  std::vector<InputDraw> inputs{{.shape = x, .draw = Draw::kAwayFromZero}};
  if (has_affine)
    inputs.push_back({.shape = {2, x[1]}});
  std::vector<std::size_t> diagonal_inputs;
  for (const Shape& weights : {w, w_point}) {
    if (weights.rank() == 0)
      continue;
    if (!attrs.takes_moments)
      diagonal_inputs.push_back(inputs.size());
    inputs.push_back({.shape = weights});
  }
  return {.name = std::move(name),
          .make = [=] { return std::make_unique<ConvUnit>(attrs, has_affine, has_point); },
          .inputs = inputs,
          .reference = {},
          .diagonal_inputs = diagonal_inputs};
}

std::vector<OpSample> samples() {
  const auto depthwise = [](std::int64_t stride, std::int64_t pad, std::int64_t dilation, std::int64_t C) {
    return Conv2dAttrs{.stride = stride, .pad = pad, .dilation = dilation, .groups = C};
  };
  return {
      unit_sample("16 channels, dilated 5x5 on 32x32", {.conv = depthwise(1, 4, 2, 16)}, true, {2, 16, 32, 32},
                  {16, 1, 5, 5}, {16, 16, 1, 1}),
      unit_sample("36 to 20 channels, 3x3 on 17x13", {.conv = depthwise(1, 1, 1, 36)}, true, {2, 36, 17, 13},
                  {36, 1, 3, 3}, {20, 36, 1, 1}),
      unit_sample("68 to 72 channels, 5x5 stride 2 on 9x8", {.takes_moments = false, .conv = depthwise(2, 2, 1, 68)},
                  false, {2, 68, 9, 8}, {68, 1, 5, 5}, {72, 68, 1, 1}),
      unit_sample("12 to 132 channels, 3x3 on 4x4", {.conv = depthwise(1, 1, 1, 12)}, false, {5, 12, 4, 4},
                  {12, 1, 3, 3}, {132, 12, 1, 1}),
      unit_sample("7x7 on 41x37", {.takes_moments = false, .conv = depthwise(1, 3, 1, 3)}, true, {1, 3, 41, 37},
                  {3, 1, 7, 7}),
      unit_sample("7x7 on 9x8, 3 to 4 channels", {.takes_moments = false, .conv = depthwise(1, 3, 1, 3)}, true,
                  {2, 3, 9, 8}, {3, 1, 7, 7}, {4, 3, 1, 1}),
      unit_sample("4x2 stride 3", {.takes_moments = false, .conv = depthwise(3, 2, 1, 5)}, true, {3, 5, 14, 11},
                  {5, 1, 4, 2}, {6, 5, 1, 1}),
      unit_sample("affine, 1x1 stride 2 with moments", {.conv = {.stride = 2}}, true, {3, 40, 9, 10}, {24, 40, 1, 1}),
      unit_sample("dense dilated 3x3 with moments", {.conv = {.pad = 2, .dilation = 2}}, true, {2, 20, 11, 9},
                  {24, 20, 3, 3}),
      conv2d_sample("pointwise, 70 to 140", {}, {2, 70, 6, 7}, {140, 70, 1, 1}),
      conv2d_sample("depthwise 3x3 on 9x7, samples in three parts", {.pad = 1, .groups = 3}, {37, 3, 9, 7},
                    {3, 1, 3, 3}),
      conv2d_sample("depthwise 5x5 on 33x34", {.pad = 2, .groups = 5}, {2, 5, 33, 34}, {5, 1, 5, 5}),
      conv2d_sample("dense 3x3 stride 2", {.stride = 2, .pad = 1}, {2, 17, 18, 15}, {21, 17, 3, 3}),
      conv2d_sample("two groups of 8", {.pad = 1, .groups = 2}, {2, 16, 10, 9}, {24, 8, 3, 3}),
      {.name = "linear, 200 to 10",
       .make = [] { return std::make_unique<Linear>(); },
       .inputs = {{.shape = {33, 200}}, {.shape = {10, 200}}},
       .reference = {},
       .diagonal_inputs = {1}},
  };
}

void check_samples(CheckFormat format) {
  for (const OpSample& sample : samples())
    test::check_agreement(sample, format, sample.make()->name());
}

BOOST_AUTO_TEST_SUITE(conv)

OCKHAM_CUDA_TEST(large_convolutions_in_float64_are_those_of_the_cpu) {
  check_samples(CheckFormat::kFloat64);
}

OCKHAM_CUDA_TEST(large_convolutions_in_float32_are_those_of_the_cpu) {
  check_samples(CheckFormat::kFloat32);
}

OCKHAM_CUDA_TEST(large_units_over_bfloat16_maps_are_those_of_the_cpu) {
  check_samples(CheckFormat::kBFloat16);
}

OCKHAM_CUDA_TEST(plain_kernels_are_those_of_the_cpu) {
  setenv("OCKHAM_CUDA_REFERENCE", "1", 1);
  for (const OpCase& op_case : OpRegistry::instance().cases()) {
    if (op_case.name != "conv2d" && op_case.name != "conv_unit")
      continue;
    for (const OpSample& sample : op_case.samples)
      test::check_agreement(sample, CheckFormat::kFloat64, op_case.name);
  }
  unsetenv("OCKHAM_CUDA_REFERENCE");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
