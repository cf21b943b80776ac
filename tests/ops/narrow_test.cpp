// Ops that read feature maps in bfloat16 themselves: against float64 within what the roundings can add up to.
#include "autograd/narrow.h"

#include <cmath>
#include <optional>

#include "autograd/side_interfaces.h"
#include "autograd/sweep.h"
#include "engine/math.h"
#include "engine/random.h"
#include "ops/conv_unit/conv_unit.h"
#include "ops/mix/mix.h"
#include "ops/moments/moments.h"
#include "tests/support.h"

using namespace ockham;

namespace {

constexpr double kUnit = 0x1p-8;  // largest relative error of rounding to bfloat16

Tensor uniform(const Shape& shape, std::uint64_t step, double low, double high) {
  Tensor t(shape, DType::kFloat64);
  fill_uniform(t, {.seed = 4, .purpose = Purpose::kTest, .step = step}, low, high);
  return t;
}

/// The values that float32 holds of it.
Tensor as_float32(const Tensor& t) {
  return t.to(DType::kFloat32).to(DType::kFloat64);
}

Tensor magnitude(Tensor t) {
  for (double& value : t.span<double>())
    value = std::abs(value);
  return t;
}

struct UnitCase {
  std::string name;
  ConvUnitAttrs attrs;
  Shape x, w, w_pointwise;
  double roundings;  ///< on the longest way through products, one for each operand that is rounded
};

const std::vector<UnitCase>& unit_cases() {
  static const std::vector<UnitCase> cases{
      {"depthwise and pointwise",
       {.takes_moments = false, .conv = {.pad = 1, .groups = 6}},
       {3, 6, 8, 8},
       {6, 1, 3, 3},
       {5, 6, 1, 1},
       2},
      {"strided depthwise and pointwise",
       {.takes_moments = false, .conv = {.stride = 2, .pad = 2, .groups = 4}},
       {2, 4, 9, 7},
       {4, 1, 5, 5},
       {6, 4, 1, 1},
       2},
      {"pointwise", {.takes_moments = false}, {3, 20, 5, 9}, {7, 20, 1, 1}, {}, 2},
      {"strided 1x1", {.takes_moments = false, .conv = {.stride = 2}}, {2, 5, 6, 8}, {4, 5, 1, 1}, {}, 2},
      {"dilated dense and pointwise",
       {.takes_moments = false, .conv = {.pad = 2, .dilation = 2}},
       {2, 5, 9, 8},
       {7, 5, 3, 3},
       {4, 7, 1, 1},
       4},
      {"strided dense in groups",
       {.takes_moments = false, .conv = {.stride = 2, .pad = 1, .groups = 2}},
       {2, 6, 8, 6},
       {4, 3, 3, 3},
       {},
       2}};
  return cases;
}

/// x, affine, w and w_pointwise of a case. x is positive and has bfloat16 values, the scales are positive: so the
/// loaded map is the same where weights are replaced by their magnitudes.
std::vector<Tensor> values_of(const UnitCase& c) {
  std::vector<Tensor> values{uniform(c.x, 0, 0.1, 1.0).to(DType::kBFloat16).to(DType::kFloat64),
                             as_float32(uniform({2, c.x[1]}, 1, 0.5, 1.5)), as_float32(uniform(c.w, 2, -1.0, 1.0))};
  for (std::int64_t channel = c.x[1]; channel < 2 * c.x[1]; ++channel)
    values[1].data<double>()[channel] -= 1.25;  // shifts of both signs: relu cuts some of the map
  if (c.w_pointwise.rank() != 0)
    values.push_back(as_float32(uniform(c.w_pointwise, 3, -1.0, 1.0)));
  return values;
}

struct Passes {
  Tensor z;
  std::vector<Tensor> bars;  // of x, affine, w and w_pointwise
};

/// z, and what z_bar pulls back to each input, maps being of type `map`.
Passes passes(const UnitCase& c, const std::vector<Tensor>& values, const Tensor& z_bar, DType map) {
  const DType dtype = compute_type(map);
  std::vector<Parameter> parameters(values.size());
  Tape tape;
  std::vector<Variable> inputs;
  for (std::size_t i = 0; i < values.size(); ++i) {
    parameters[i] = {.name = "input", .value = values[i].to(dtype)};
    inputs.push_back(tape.leaf(parameters[i]));
  }
  inputs[0] = Variable(values[0].to(map), tape, inputs[0].id());
  const Variable z = conv_unit(inputs[0], inputs[1], inputs[2], inputs.size() > 3 ? inputs[3] : Variable(), c.attrs).z;
  Passes result{z.value().to(DType::kFloat64), {}};
  BOOST_TEST(z.dtype() == map);
  if (!z_bar)
    return result;
  std::map<int, Tensor> bars = pull_back(tape, z.id(), z_bar.to(dtype), {});
  for (std::size_t i = 0; i < values.size(); ++i) {
    BOOST_TEST(bars.at(static_cast<int>(i)).dtype() == dtype);
    result.bars.push_back(bars.at(static_cast<int>(i)).to(DType::kFloat64));
  }
  return result;
}

/// Largest |value - exact| / (roundings kUnit size), size being the sum of the magnitudes of all terms of each value.
double error_in_roundings(const Tensor& value, const Tensor& exact, const Tensor& size, double roundings) {
  double worst = 0.0;
  for (std::int64_t i = 0; i < exact.numel(); ++i) {
    const double bound = 1.02 * roundings * kUnit * size.data<double>()[i] + 1e-5;  // 2 %: products of errors
    worst = std::max(worst, std::abs(value.data<double>()[i] - exact.data<double>()[i]) / bound);
  }
  return worst;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(narrow)

BOOST_AUTO_TEST_CASE(conv_unit_stays_within_its_roundings_of_float64) {
  for (const UnitCase& c : unit_cases()) {
    const std::vector<Tensor> values = values_of(c);
    std::vector<Tensor> sizes = values;
    for (std::size_t i = 2; i < sizes.size(); ++i)
      sizes[i] = magnitude(values[i].clone());
    const Shape z = passes(c, values, {}, DType::kFloat64).z.shape();
    const Tensor z_bar = as_float32(uniform(z, 9, -1.0, 1.0));
    const Passes narrow = passes(c, values, z_bar, DType::kBFloat16);
    const Passes exact = passes(c, values, z_bar, DType::kFloat64);
    const Passes size = passes(c, sizes, magnitude(z_bar.clone()), DType::kFloat64);
    BOOST_TEST(error_in_roundings(narrow.z, exact.z, size.z, c.roundings + 1.0) <= 1.0, c.name);
    for (std::size_t i = 0; i < values.size(); ++i)
      BOOST_TEST(error_in_roundings(narrow.bars[i], exact.bars[i], size.bars[i], c.roundings) <= 1.0,
                 c.name << ", input " << i);
    // It is rounded: a float32 pass would be nearer than any bfloat16 one can be.
    BOOST_TEST(error_in_roundings(narrow.z, exact.z, size.z, 1e-3) > 1.0, c.name);
  }
}

BOOST_AUTO_TEST_CASE(moments_of_conv_unit_are_float32_and_those_of_its_rounded_map) {
  UnitCase c = unit_cases()[0];
  c.attrs.takes_moments = true;
  std::vector<Variable> inputs;
  for (const Tensor& value : values_of(c))
    inputs.emplace_back(value.to(DType::kFloat32));
  const ConvUnitResult result =
      conv_unit(inputs[0].value().to(DType::kBFloat16), inputs[1], inputs[2], inputs[3], c.attrs);
  BOOST_TEST(result.moments.dtype() == DType::kFloat32);
  const Tensor of_map = moments(result.z.value()).value();
  for (std::int64_t i = 0; i < of_map.numel(); ++i)
    BOOST_TEST(result.moments.value().data<float>()[i] == of_map.data<float>()[i], boost::test_tools::tolerance(1e-5f));
}

BOOST_AUTO_TEST_CASE(mix_rounds_its_sum_once_and_reads_maps_exactly) {
  const Shape shape{2, 3, 33, 65};
  const std::int64_t kBranches = 11;  // more than a sweep of the kernel
  Parameter alpha{.name = "alpha", .value = uniform({kBranches}, 0, -1.0, 1.0).to(DType::kFloat32)};
  Parameter affine{.name = "affine", .value = uniform({2, 3}, 1, -1.0, 1.0).to(DType::kFloat32)};
  Parameter z{.name = "z", .value = uniform(shape, 2, -1.0, 1.0).to(DType::kBFloat16).to(DType::kFloat32)};
  std::vector<Tensor> constants;
  for (std::uint64_t k = 1; k < kBranches; ++k)
    constants.push_back(uniform(shape, 2 + k, -1.0, 1.0).to(DType::kBFloat16));
  const Tensor y_bar = uniform(shape, 90, -1.0, 1.0).to(DType::kFloat32);
  const auto passes_of = [&](DType map) {
    Tape tape;
    std::vector<MixBranch> branches{{Variable(z.value.to(map), tape, tape.leaf(z).id()), tape.leaf(affine)}};
    for (const Tensor& constant : constants)
      branches.push_back({constant.to(map), {}});
    const Variable y = mix(tape.leaf(alpha), branches);
    return std::pair(y.value(), pull_back(tape, y.id(), y_bar, {}));
  };
  const auto [narrow, narrow_bars] = passes_of(DType::kBFloat16);
  const auto [wide, wide_bars] = passes_of(DType::kFloat32);
  BOOST_TEST(narrow.dtype() == DType::kBFloat16);
  BOOST_TEST(std::ranges::equal(narrow.to(DType::kFloat32).span<float>(),
                                wide.to(DType::kBFloat16).to(DType::kFloat32).span<float>()));
  for (const auto& [leaf, bar] : wide_bars)
    BOOST_TEST(std::ranges::equal(bar.span<float>(), narrow_bars.at(leaf).span<float>()), "leaf " << leaf);
}

BOOST_AUTO_TEST_CASE(mix_refuses_maps_of_two_types) {
  const Tensor map = Tensor::zeros({1, 2, 3, 3});
  const std::vector<MixBranch> branches{{map, {}}, {map.to(DType::kBFloat16), {}}};
  BOOST_CHECK_EXCEPTION(mix(Tensor::full({2}, 1.0), branches), DTypeError,
                        (test::Says{{"mix", "float32 and bfloat16"}}));
}

BOOST_AUTO_TEST_CASE(the_kernel_of_the_products_is_told) {
  const std::vector<Tensor> values = values_of(unit_cases()[0]);
  Parameter x{.name = "x", .value = values[0].to(DType::kFloat32)};
  Tape tape;
  conv_unit(Variable(values[0].to(DType::kBFloat16), tape, tape.leaf(x).id()), values[1].to(DType::kFloat32),
            values[2].to(DType::kFloat32), values[3].to(DType::kFloat32), unit_cases()[0].attrs);
  const Node& node = tape.nodes().back();
  const std::string kernel = node.op->as<CountsFlops>()->kernel(node.input_specs);
  BOOST_TEST(kernel.starts_with("depthwise, bfloat16 products: "), kernel);
  BOOST_TEST((kernel.find("amx") != std::string::npos), kernel);
}

BOOST_AUTO_TEST_SUITE_END()
