#include "nas/spaces/nasbench201/expected_error.h"

#include <algorithm>
#include <cmath>

namespace ockham::nas::nasbench201 {
namespace {

constexpr std::int64_t kHalf = 125;  // choices of three edges

/// Of one edge.
std::array<double, kOperations> softmax(std::span<const double> alpha) {
  std::array<double, kOperations> p{};
  const double largest = std::ranges::max(alpha);
  double sum = 0.0;
  for (std::size_t o = 0; o < p.size(); ++o)
    sum += p[o] = std::exp(alpha[o] - largest);
  for (double& value : p)
    value /= sum;
  return p;
}

/// The probabilities of the choices of three edges.
std::vector<double> products(const std::array<double, kOperations>* p) {
  std::vector<double> result;
  for (const double a : p[0]) {
    for (const double b : p[1]) {
      for (const double c : p[2])
        result.push_back(a * b * c);
    }
  }
  return result;
}

/// g_e[o] += the weights of the choices in which edge e takes operation o, times the probabilities of the other two.
void split(const std::array<double, kOperations>* p, const std::vector<double>& weights,
           std::array<double, kOperations>* g) {
  for (std::size_t a = 0; a < kOperations; ++a) {
    for (std::size_t b = 0; b < kOperations; ++b) {
      for (std::size_t c = 0; c < kOperations; ++c) {
        const double weight = weights[(a * kOperations + b) * kOperations + c];
        g[0][a] += weight * p[1][b] * p[2][c];
        g[1][b] += weight * p[0][a] * p[2][c];
        g[2][c] += weight * p[0][a] * p[1][b];
      }
    }
  }
}

}  // namespace

ExpectedError::ExpectedError(const Table& table, Column column) {
  for (std::int64_t number = 0; number < kCells; ++number)
    errors_.push_back(1.0 - table.at(cell_of(number))[column] / 100.0);
}

double ExpectedError::evaluate(std::span<const double> alpha, std::span<double> gradient,
                               std::span<double> diagonal) const {
  std::array<std::array<double, kOperations>, kEdges> p{}, g{};
  for (std::size_t e = 0; e < p.size(); ++e)
    p[e] = softmax(alpha.subspan(e * kOperations, kOperations));
  const std::vector<double> first = products(p.data()), last = products(p.data() + 3);
  std::vector<double> of_first(kHalf), of_last(kHalf);  // df/d of the products
  double f = 0.0;
  for (std::size_t i = 0; i < kHalf; ++i) {
    for (std::size_t j = 0; j < kHalf; ++j) {
      const double error = errors_[i * kHalf + j];
      of_first[i] += error * last[j];
      of_last[j] += error * first[i];
    }
    f += first[i] * of_first[i];
  }
  split(p.data(), of_first, g.data());
  split(p.data() + 3, of_last, g.data() + 3);
  for (std::size_t e = 0; e < p.size(); ++e) {
    double mean = 0.0;
    for (std::size_t k = 0; k < kOperations; ++k)
      mean += g[e][k] * p[e][k];
    for (std::size_t i = 0; i < kOperations; ++i) {
      const double pi = p[e][i];
      if (!gradient.empty())
        gradient[e * kOperations + i] = pi * (g[e][i] - mean);
      // The sum of evaluate()'s formula: its squares differ at k = i alone.
      if (!diagonal.empty())
        diagonal[e * kOperations + i] = pi * (1.0 - 2.0 * pi) * (g[e][i] - mean);
    }
  }
  return f;
}

}  // namespace ockham::nas::nasbench201
