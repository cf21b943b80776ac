#include <algorithm>
#include <limits>

#include "autograd/gradcheck/checks.h"
#include "autograd/side_interfaces.h"
#include "engine/math.h"

namespace ockham::gradcheck {
namespace {

Tensor grouped(const Tensor& entries, Grouping grouping) {
  if (grouping == Grouping::kEntry)
    return entries;
  Tensor result = Tensor::zeros(grouped_shape(entries.shape(), grouping), DType::kFloat64);
  const auto strides = entries.shape().row_major_strides();
  const int dim = grouping == Grouping::kChannel ? 1 : 0;
  for (std::int64_t i = 0; i < entries.numel(); ++i) {
    const std::int64_t at =
        grouping == Grouping::kLayer ? 0 : i / strides[static_cast<std::size_t>(dim)] % entries.size(dim);
    result.data<double>()[at] += entries.data<double>()[i];
  }
  return result;
}

constexpr std::int64_t kDirections = 2;

/// Of the first output: what samples couple through has no gradient per sample. [D, N, P], by vjp of a sample at a
/// time.
Tensor explicit_rows(const Subject& s, std::size_t input, const Tensors& g) {
  const std::int64_t P = s.point.x()[input].numel();
  const std::int64_t samples = s.point.y()[0].size(0);
  const std::int64_t row = s.point.y()[0].numel() / std::max<std::int64_t>(1, samples);
  Tensor rows({kDirections, samples, P}, DType::kFloat64);
  for (std::int64_t r = 0; r < kDirections * samples; ++r) {
    Tensors masked(g.size());
    masked[0] = Tensor::zeros(g[0].shape(), DType::kFloat64);
    std::copy_n(g[0].data<double>() + r * row, row, masked[0].data<double>() + r * row);
    const Tensor gradient = s.point.vjp(kDirections, masked)[input];
    std::copy_n(gradient.data<double>() + (r / samples) * P, P, rows.data<double>() + r * P);
  }
  return rows;
}

double diagonal_error(const Subject& s, std::size_t input) {
  if (!s.op->is_parameter(input))
    return kWrong;
  const Tensors g = s.point.y_bar(kDirections, s.seed);
  const Shape& shape = s.point.x()[input].shape();
  const Tensor rows = explicit_rows(s, input, g);
  Tensor entries = Tensor::zeros(shape, DType::kFloat64);
  for (std::int64_t i = 0; i < rows.numel(); ++i)
    entries.data<double>()[i % shape.numel()] += rows.data<double>()[i] * rows.data<double>()[i];
  double worst = 0.0;
  for (Grouping grouping : {Grouping::kEntry, Grouping::kFilter, Grouping::kChannel, Grouping::kLayer}) {
    if (grouping == Grouping::kChannel && shape.rank() < 2)
      continue;
    if (grouping == Grouping::kFilter && shape.rank() < 1)
      continue;
    Tensor H = Tensor::zeros(grouped_shape(shape, grouping), DType::kFloat64);
    s.op->weight_diagonal(s.point.saved(), kDirections, g, input, grouping, H);
    worst = std::max(worst, distance(H, grouped(entries, grouping)));
  }
  return worst;
}

double rows_error(const Subject& s, std::size_t input, const HasSampleGradients& side) {
  const Tensors g = s.point.y_bar(kDirections, s.seed);
  return distance(side.sample_gradients(s.point.saved(), kDirections, g, input), explicit_rows(s, input, g));
}

/// Of an input that has no diagonal: is it refused?
double refusal_error(const Subject& s, std::size_t input) {
  if (!s.point.is_wanted(input))
    return 0.0;
  Tensor H = Tensor::zeros(s.point.x()[input].shape(), DType::kFloat64);
  try {
    s.op->weight_diagonal(s.point.saved(), 1, s.point.y_bar(1, s.seed), input, Grouping::kEntry, H);
  } catch (const Error&) {
    return 0.0;
  }
  return kWrong;
}

double rows_refusal_error(const Subject& s, std::size_t input, const HasSampleGradients& side) {
  try {
    side.sample_gradients(s.point.saved(), 1, s.point.y_bar(1, s.seed), input);
  } catch (const Error&) {
    return 0.0;
  }
  return kWrong;
}

/// Up to `most` of n positions, evenly spread.
std::vector<std::int64_t> spread_over(std::int64_t n, std::int64_t most) {
  std::vector<std::int64_t> positions;
  for (std::int64_t k = 0; k < std::min(n, most); ++k)
    positions.push_back(n <= most ? k : k * n / most);
  return positions;
}

/// At entries of input i: its squared column of the Jacobian times h, and its own second derivative.
Tensor explicit_recursion(const Subject& s, std::size_t i, std::span<const std::int64_t> entries, const Tensors& g,
                          const Tensor& h) {
  const Shape& shape = s.point.x()[i].shape();
  const auto D = static_cast<std::int64_t>(entries.size());
  Tensors unit(s.point.x().size());
  unit[i] = Tensor::zeros(with_directions(shape, D), DType::kFloat64);
  for (std::int64_t d = 0; d < D; ++d)
    unit[i].data<double>()[d * shape.numel() + entries[static_cast<std::size_t>(d)]] = 1.0;
  const Tensor columns = s.point.jvp(D, unit)[0];
  Tensor expected = Tensor::from(s.point.curvature(D, g, unit), {D});
  const std::int64_t m = h.numel();
  for (std::int64_t d = 0; d < D; ++d) {
    for (std::int64_t j = 0; j < m; ++j) {
      const double slope = columns.data<double>()[d * m + j];
      expected.data<double>()[d] += slope * slope * h.data<double>()[j];
    }
  }
  return expected;
}

double recursion_error(const Subject& s, const HasRecursion& rule) {
  constexpr std::int64_t kMost = 64;
  const Tensors g = s.point.y_bar(1, s.seed);
  Tensors h(s.point.y().size());
  h[0] = noise(s.point.y()[0].shape(), s.seed, 55);
  double worst = 0.0;
  for (std::size_t i = 0; i < s.point.x().size(); ++i) {
    if (!s.point.is_wanted(i) || s.point.x()[i].numel() == 0)
      continue;
    Tensor target = poisoned(s.point.x()[i].spec());
    std::vector<GradSlot> slots(s.point.x().size());
    slots[i] = {&target, false};
    rule.recursion(s.point.saved(), g, h, slots);
    const std::vector<std::int64_t> entries = spread_over(target.numel(), kMost);
    Tensor probed({static_cast<std::int64_t>(entries.size())}, DType::kFloat64);
    for (std::size_t d = 0; d < entries.size(); ++d)
      probed.data<double>()[d] = target.data<double>()[entries[d]];
    worst = std::max(worst, distance(probed, explicit_recursion(s, i, entries, g, h[0])));
  }
  return worst;
}

}  // namespace

void check_diagonals(const Subject& s, Results& results) {
  for (std::size_t input = 0; input < s.point.x().size(); ++input) {
    const bool has = std::ranges::count(s.sample.diagonal_inputs, input) != 0;
    results.push_back(
        {concat("diagonal of input ", input), has ? diagonal_error(s, input) : refusal_error(s, input), 1e-12});
    if (const auto* side = s.op->as<HasSampleGradients>())
      results.push_back({concat("sample gradients of input ", input),
                         has ? rows_error(s, input, *side) : rows_refusal_error(s, input, *side), 1e-12});
  }
  if (const auto* rule = s.op->as<HasRecursion>())
    results.push_back({"recursion", recursion_error(s, *rule), 1e-10});
}

}  // namespace ockham::gradcheck
