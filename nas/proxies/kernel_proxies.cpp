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
  visit_float(x.dtype(), "relu", [&]<class T>() {
    for (const T value : x.span<T>())
      codes.push_back(value > T(0));
  });
  return codes;
}

/// Calls visit(codes) for every ReLU that leads to the logits: which of its inputs are positive, image by image.
template <class Visit>
void for_each_relu(const SearchNetwork& subject, const Tensor& images, Visit&& visit) {
  Tape tape;
  // One op a layer: a fused convolution does not show the input of its ReLU.
  const Variable logits = subject.forward({.tape = &tape, .batch_norm = BatchNormMode::kBatch, .fuses = false}, images);
  const std::vector<char> leads = leading_to(tape, logits.id().node);
  for (std::size_t node = 0; node < leads.size(); ++node) {
    const Node& at = tape.nodes()[node];
    if (leads[node] && at.op != nullptr && at.op->name() == "relu")
      visit(positive(at.saved[0]));
  }
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

template <class T>
std::vector<T> joined(const std::vector<std::vector<T>>& rows) {
  std::vector<T> result;
  for (const std::vector<T>& row : rows)
    result.insert(result.end(), row.begin(), row.end());
  return result;
}

}  // namespace

double naswot(const SearchNetwork& subject, const Tensor& images) {
  const std::int64_t n = images.size(0);
  std::vector<double> K(static_cast<std::size_t>(n * n));
  for_each_relu(subject, images, [&](const std::vector<char>& codes) { add_agreements(codes, n, K); });
  return log_determinant(K, n);
}

std::int64_t linear_regions(const SearchNetwork& subject, const Tensor& images) {
  std::vector<std::vector<char>> patterns(static_cast<std::size_t>(images.size(0)));
  for_each_relu(subject, images, [&](const std::vector<char>& codes) {
    const std::size_t units = codes.size() / patterns.size();
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      const auto from = codes.begin() + static_cast<std::ptrdiff_t>(i * units);
      patterns[i].insert(patterns[i].end(), from, from + static_cast<std::ptrdiff_t>(units));
    }
  });
  return count_regions(joined(patterns), images.size(0));
}

Tensor random_crops(const Tensor& images, std::int64_t count, std::int64_t size, std::uint64_t seed) {
  const std::int64_t N = images.size(0), C = images.size(1), H = images.size(2), W = images.size(3);
  if (size < 1 || size > std::min(H, W) || N * C == 0)
    throw UsageError(concat("random_crops: a crop of ", size, "x", size, " from ", N, " images of ", C, " channels, ",
                            H, "x", W, "; it must fit into one, and there must be one."));
  const Tensor source = images.contiguous();
  Tensor crops({count, 1, size, size}, images.dtype());
  const RandomKey key{.seed = seed, .purpose = Purpose::kShuffle};
  std::uint64_t draws = 0;
  const auto draw = [&](std::int64_t bound) {
    return static_cast<std::int64_t>(random_below(key, draws++, static_cast<std::uint64_t>(bound)));
  };
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t image = draw(N), channel = draw(C), top = draw(H - size + 1), left = draw(W - size + 1);
    visit_float(images.dtype(), "random_crops", [&]<class T>() {
      for (std::int64_t row = 0; row < size; ++row)
        std::copy_n(source.data<T>() + ((image * C + channel) * H + top + row) * W + left, size,
                    crops.data<T>() + (i * size + row) * size);
    });
  }
  return crops;
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
  subject.module->state();  // gives the parameters their names
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
