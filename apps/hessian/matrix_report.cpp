#include "apps/hessian/matrix_report.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <numeric>

#include "apps/cli/text/format.h"
#include "autograd/reverse.h"
#include "engine/atomic_file.h"
#include "engine/npy.h"
#include "nas/bayes/evidence/joint_evidence.h"
#include "nas/diagnosis/eigenpairs.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kEigenpairs = 5;
constexpr std::size_t kEntries = 6;  ///< of an eigenvector, that are shown

std::vector<double> numbers_of(const Tensor& tensor) {
  const Tensor wide = tensor.to(Device{}).to(DType::kFloat64).contiguous();
  return {wide.span<double>().begin(), wide.span<double>().end()};
}

/// Places by descending size of their numbers.
std::vector<std::size_t> by_size(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t i) { return std::abs(values[i]); });
  return order;
}

Json print_eigenpairs(const SwitchMatrix& matrix) {
  Json rows = Json::array();
  std::cout << "largest eigenvalues of the gauss_newton matrix of " << matrix.names.size() << " switches\n";
  for (const nas::Eigenpair& pair : nas::largest_eigenpairs(matrix.measured.matrix.span<double>(), kEigenpairs)) {
    Json entries = Json::object();
    std::cout << "  " << format_real(pair.value) << ":";
    const std::vector<std::size_t> order = by_size(pair.vector);
    for (std::size_t k = 0; k < std::min(kEntries, order.size()); ++k) {
      entries[matrix.names[order[k]]] = pair.vector[order[k]];
      std::cout << (k == 0 ? " " : ", ") << format_fixed(pair.vector[order[k]], 3) << ' ' << matrix.names[order[k]];
    }
    std::cout << '\n';
    rows.push_back({{"eigenvalue", pair.value}, {"largest_entries", std::move(entries)}});
  }
  return rows;
}

/// Each switch with a variance of its own.
Json print_strengths(const SwitchMatrix& matrix, double lambda, std::int64_t shown) {
  const std::size_t K = matrix.names.size();
  const std::span<const double> G = matrix.measured.matrix.span<double>();
  std::vector<std::vector<std::size_t>> members;
  for (std::size_t i = 0; i < K; ++i)
    members.push_back({i});
  const nas::JointEvidence joint(nas::quadratic_likelihood(G, matrix.w, matrix.gradient, lambda), members);
  const std::vector<double> v = joint.ascend().variances;
  std::vector<double> alone, together;
  for (std::size_t i = 0; i < K; ++i) {
    alone.push_back(
        nas::group_evidence({&matrix.w[i], 1}, {&matrix.gradient[i], 1}, {&G[i * K + i], 1}, lambda).strength);
    together.push_back(v[i] > 0.0 ? std::max(0.0, joint.strength(v, members[i])) : 0.0);
  }
  Json rows = Json::array();
  const auto present = std::ranges::count_if(v, [](double variance) { return variance > 0.0; });
  std::cout << "strengths in nats at lambda " << lambda << ", evidence of all together " << format_real(joint.at(v))
            << ", " << present << " of " << K << " present\n  alone           together        switch\n";
  const std::vector<std::size_t> order = by_size(alone);
  for (std::size_t k = 0; k < K; ++k) {
    const std::size_t i = order[k];
    rows.push_back({{"entry", matrix.names[i]}, {"alone", alone[i]}, {"together", together[i]}});
    if (std::cmp_less(k, shown))
      std::cout << "  " << padded(format_real(alone[i]), 16) << padded(format_real(together[i]), 16) << matrix.names[i]
                << '\n';
  }
  if (std::cmp_less(shown, K))
    std::cout << "  ... " << static_cast<std::int64_t>(K) - shown << " more; summary.json or --json has all\n";
  return rows;
}

}  // namespace

SwitchMatrix measure_matrix(const Variable& loss, const std::vector<Parameter*>& parameters,
                            const HessianOptions& options) {
  SwitchMatrix result{.measured = gauss_newton_matrix(loss, parameters, options)};
  const std::vector<Tensor> slopes = gradients(loss, parameters);
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    const std::vector<double> w = numbers_of(parameters[p]->value), g = numbers_of(slopes[p]);
    result.w.insert(result.w.end(), w.begin(), w.end());
    result.gradient.insert(result.gradient.end(), g.begin(), g.end());
    for (std::size_t i = 0; i < w.size(); ++i)
      result.names.push_back(concat(parameters[p]->name, "[", i, "]"));
  }
  return result;
}

void write_matrix(const SwitchMatrix& matrix, const std::string& path) {
  if (path.ends_with(".npy"))
    return save_npy(path, matrix.measured.matrix);
  std::string text;
  for (std::size_t i = 0; i < matrix.names.size(); ++i)
    text += concat(i == 0 ? "\"" : ",\"", matrix.names[i], '"');
  text += '\n';
  const std::span<const double> entries = matrix.measured.matrix.span<double>();
  for (std::size_t i = 0; i < entries.size(); ++i)
    text += concat(i % matrix.names.size() == 0 ? "" : ",", format_real(entries[i]),
                   (i + 1) % matrix.names.size() == 0 ? "\n" : "");
  write_file_atomically(path, text);
}

Json print_matrix(const SwitchMatrix& matrix, double lambda, std::int64_t shown) {
  return {{"kind", "gauss_newton"},
          {"switches", matrix.names.size()},
          {"lambda", lambda},
          {"eigenpairs", print_eigenpairs(matrix)},
          {"strengths", print_strengths(matrix, lambda, shown)}};
}

}  // namespace ockham::apps
