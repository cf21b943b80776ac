// Proxies from one row per image: which ReLUs it opens, its gradient by the image or by the weights.
#include <algorithm>

#include "autograd/sweep.h"
#include "nas/proxies/kernel_scores.h"
#include "nas/proxies/proxies.h"
#include "ops/sum/sum.h"

namespace ockham::nas::proxies {
namespace {

/// For each node: do the logits depend on it?
std::vector<char> leading_to(const Tape& tape, int node) {
  std::vector<char> leads(tape.nodes().size(), 0);
  leads[static_cast<std::size_t>(node)] = 1;
  for (std::size_t n = leads.size(); n-- > 0;) {
    for (const ValueId& id : tape.nodes()[n].inputs) {
      if (leads[n] && id.node >= 0)
        leads[static_cast<std::size_t>(id.node)] = 1;
    }
  }
  return leads;
}

std::vector<char> positive(const Tensor& x) {
  std::vector<char> codes;
  visit_float(x.dtype(), "naswot", [&]<class T>() {
    for (const T value : x.span<T>())
      codes.push_back(value > T(0));
  });
  return codes;
}

/// rows[row] = the tensor's part `row` of `count` equal ones, behind what is there.
void append_rows(const Tensor& tensor, std::int64_t count, std::vector<std::vector<double>>& rows) {
  const Tensor values = tensor.contiguous().to(DType::kFloat64);
  const std::int64_t length = values.numel() / count;
  for (std::int64_t row = 0; row < count; ++row) {
    const double* from = values.data<double>() + row * length;
    std::vector<double>& to = rows[static_cast<std::size_t>(row)];
    to.insert(to.end(), from, from + length);
  }
}

std::vector<double> joined(const std::vector<std::vector<double>>& rows) {
  std::vector<double> result;
  for (const std::vector<double>& row : rows)
    result.insert(result.end(), row.begin(), row.end());
  return result;
}

}  // namespace

double naswot(const SearchNetwork& subject, const Tensor& images) {
  Tape tape;
  const std::int64_t n = images.size(0);
  // One op a layer: a fused convolution does not show the input of its ReLU.
  const Variable logits = subject.forward({.tape = &tape, .batch_norm = BatchNormMode::kBatch, .fuses = false}, images);
  const std::vector<char> leads = leading_to(tape, logits.id().node);
  std::vector<double> K(static_cast<std::size_t>(n * n));
  for (std::size_t node = 0; node < leads.size(); ++node) {
    const Node& at = tape.nodes()[node];
    if (leads[node] && at.op != nullptr && at.op->name() == "relu")
      add_agreements(positive(at.saved[0]), n, K);
  }
  return log_determinant(K, n);
}

double jacobian_covariance(const SearchNetwork& subject, const Tensor& images) {
  Tape tape;
  Parameter input{.name = "images", .value = images, .kind = ParameterKind::kBuffer};
  const Context context{.tape = &tape, .batch_norm = BatchNormMode::kBatch};
  const Variable total = sum(subject.forward(context, tape.leaf(input)));
  const std::vector<int> leaf = leaf_nodes(tape, std::vector<Parameter*>{&input});
  const std::vector<char> active = dependents_of(tape, leaf);
  PullOptions options;
  options.active = &active;
  const auto cotangents =
      pull_back(tape, total.id(), Tensor::full(with_directions(total.shape(), 1), 1.0, total.dtype()), options);
  std::vector<std::vector<double>> rows(static_cast<std::size_t>(images.size(0)));
  append_rows(cotangents.at(leaf[0]), images.size(0), rows);
  return correlation_score(joined(rows), images.size(0));
}

double ntk_condition(const SearchNetwork& subject, const Tensor& images) {
  Tape tape;
  const Variable logits = subject.forward({.tape = &tape, .batch_norm = BatchNormMode::kBatch}, images);
  const std::int64_t n = images.size(0), classes = logits.shape()[1];
  // Direction i: ones at the logits of image i. Batch statistics couple the images, so each needs a pull of its own.
  Tensor seeds = Tensor::zeros(with_directions(logits.shape(), n), logits.dtype());
  for (std::int64_t i = 0; i < n; ++i) {
    Tensor row = seeds.slice(0, i * n + i, i * n + i + 1);
    visit_float(seeds.dtype(), "ntk", [&]<class T>() { std::fill_n(row.data<T>(), classes, T(1)); });
  }
  PullOptions options;
  options.D = n;
  std::vector<std::vector<double>> rows(static_cast<std::size_t>(n));
  for (const auto& [node, cotangent] : pull_back(tape, logits.id(), std::move(seeds), options)) {
    if (tape.nodes()[static_cast<std::size_t>(node)].parameter->name.ends_with("weight"))
      append_rows(cotangent, n, rows);
  }
  return condition_number(joined(rows), n);
}

}  // namespace ockham::nas::proxies
