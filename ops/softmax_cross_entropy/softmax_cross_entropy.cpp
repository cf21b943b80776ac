#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autograd/registry.h"
#include "engine/math.h"
#include "engine/parallel.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy_op.h"

namespace ockham {
namespace {

/// A row's probabilities by falling size (ties in order of class), and what is left from each on:
/// tail[k] = sum over j >= k, added from the smallest up so that small tails keep their digits.
struct SortedRow {
  std::vector<std::int64_t> order;
  std::vector<double> tail;

  template <class T>
  void assign(std::int64_t C, const T* p) {
    order.resize(static_cast<std::size_t>(C));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::ranges::stable_sort(order, [p](std::int64_t a, std::int64_t b) { return p[a] > p[b]; });
    tail.assign(order.size() + 1, 0.0);
    for (std::size_t k = order.size(); k-- > 0;)
      tail[k] = tail[k + 1] + static_cast<double>(p[order[k]]);
  }
};

/// Column k of the LDL^T factor of diag(p) - p p^T, the covariance of a multinomial draw (Tanabe and Sagae 1992), with
/// the classes in order of falling p: entry k is sqrt(p_k Q_{k+1} / Q_k), entries j > k are -p_j sqrt(p_k / (Q_k
/// Q_{k+1})), with Q = tail. Nothing but zeros is left once Q_{k+1} is zero.
template <class T>
void write_column(const SortedRow& row, std::int64_t C, const T* p, std::size_t k, double scale, T* column) {
  std::fill(column, column + C, T(0));
  const double rest = row.tail[k + 1];
  if (rest <= 0.0)
    return;
  const double share = std::sqrt(static_cast<double>(p[row.order[k]]) / row.tail[k]);
  column[row.order[k]] = static_cast<T>(scale * share * std::sqrt(rest));
  for (std::size_t j = k + 1; j < row.order.size(); ++j)
    column[row.order[j]] = static_cast<T>(-scale * share * (static_cast<double>(p[row.order[j]]) / std::sqrt(rest)));
}

std::int64_t grain_of(std::int64_t C) {
  return std::max<std::int64_t>(1, 4096 / std::max<std::int64_t>(1, C));
}

template <class Body>
void visit(const Tensor& p, Body&& body) {
  visit_float(p.dtype(), "softmax_cross_entropy", std::forward<Body>(body));
}

/// The sum over samples of row(n).
template <class Row>
double sum_rows(const Tensor& p, Row row) {
  return parallel_sum(p.size(0), grain_of(p.size(1)), [&](std::int64_t begin, std::int64_t end) {
    double total = 0.0;
    for (std::int64_t n = begin; n < end; ++n)
      total += row(n);
    return total;
  });
}

void check_labels(const Tensor& labels, std::int64_t C) {
  for (std::int64_t n = 0; n < labels.numel(); ++n) {
    const std::int64_t label = labels.data<std::int64_t>()[n];
    if (label < 0 || label >= C)
      throw Error(concat("softmax_cross_entropy: sample ", n, " has label ", label, ", but the logits have ", C,
                         " classes (0 to ", C - 1, "); check the labels or the width of the last layer."));
  }
}

}  // namespace

std::vector<Spec> SoftmaxCrossEntropy::infer(std::span<const Spec> x) const {
  require_float(*this, x.first(1));
  const Shape& logits = x[0].shape;
  if (logits.rank() != 2 || logits.numel() == 0)
    throw ShapeError(describe(*this, x) + ": logits must be [N, C] with at least one sample and one class.");
  if (x[1].dtype != DType::kInt64)
    throw DTypeError(describe(*this, x) + ": labels must be int64; convert with Tensor::to.");
  if (x[1].shape != Shape{logits[0]})
    throw ShapeError(concat(describe(*this, x), ": labels must be [", logits[0], "], one for each row of logits."));
  if (!(smoothing_ >= 0.0 && smoothing_ <= 1.0))
    throw UsageError(describe(*this, x) + ": label_smoothing must lie in [0, 1].");
  return {{{}, x[0].dtype}};
}

void SoftmaxCrossEntropy::forward(Inputs x, Outputs y, Saved& saved) const {
  const std::int64_t C = x[0].size(1);
  check_labels(x[1], C);
  Tensor p(x[0].spec());
  visit(p, [&]<class T>() {
    const double total = sum_rows(p, [&](std::int64_t n) {
      return SmoothedLabel{smoothing_, C}.loss(WholeRow{C}, x[0].data<T>() + n * C, x[1].data<std::int64_t>()[n],
                                               p.data<T>() + n * C);
    });
    *y[0].data<T>() = static_cast<T>(total / static_cast<double>(p.size(0)));
  });
  saved.keep(p, x[1]);
}

void SoftmaxCrossEntropy::vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const {
  if (!x_bar[0])
    return;
  const Tensor& p = saved[0];
  const std::int64_t N = p.size(0), C = p.size(1);
  const SmoothedLabel q{smoothing_, C};
  visit(p, [&]<class T>() {
    parallel_for(D * N, grain_of(C), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const double scale = static_cast<double>(y_bar[0].data<T>()[row / N]) / static_cast<double>(N);
        const std::int64_t label = saved[1].data<std::int64_t>()[row % N];
        const T* pn = p.data<T>() + row % N * C;
        const RowOutput<T> out{x_bar[0].dst->template data<T>() + row * C, x_bar[0].accumulate};
        for (std::int64_t c = 0; c < C; ++c)
          out.put(c, static_cast<T>(scale * q.residual(static_cast<double>(pn[c]), c, label)));
      }
    });
  });
}

void SoftmaxCrossEntropy::jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const {
  const Tensor& p = saved[0];
  const std::int64_t C = p.size(1);
  visit(p, [&]<class T>() {
    for (std::int64_t d = 0; d < D; ++d) {
      const T* t = x_dot[0].data<T>() + d * p.numel();
      const double total = sum_rows(p, [&](std::int64_t n) {
        return SmoothedLabel{smoothing_, C}.slope(WholeRow{C}, p.data<T>() + n * C, saved[1].data<std::int64_t>()[n],
                                                  t + n * C);
      });
      y_dot[0].data<T>()[d] = static_cast<T>(total / static_cast<double>(p.size(0)));
    }
  });
}

void SoftmaxCrossEntropy::curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                                    std::span<double> acc) const {
  const Tensor& p = saved[0];
  const std::int64_t C = p.size(1);
  const double scale = y_bar[0].item() / static_cast<double>(p.size(0));
  visit(p, [&]<class T>() {
    for (std::int64_t d = 0; d < D; ++d) {
      const T* t = x_dot[0].data<T>() + d * p.numel();
      acc[static_cast<std::size_t>(d)] +=
          scale * sum_rows(p, [&](std::int64_t n) {
            return SmoothedLabel::curvature(WholeRow{C}, p.data<T>() + n * C, t + n * C);
          });
    }
  });
}

void SoftmaxCrossEntropy::factor(const Saved& saved, std::int64_t first, std::int64_t count, Tensor& columns) const {
  const Tensor& p = saved[0];
  const std::int64_t N = p.size(0);
  const std::int64_t C = p.size(1);
  const double scale = 1.0 / std::sqrt(static_cast<double>(N));
  visit(p, [&]<class T>() {
    T* out = columns.data<T>();
    parallel_for(N, grain_of(C * count), [&](std::int64_t begin, std::int64_t end) {
      SortedRow row;
      for (std::int64_t n = begin; n < end; ++n) {
        const T* pn = p.data<T>() + n * C;
        row.assign(C, pn);
        for (std::int64_t k = 0; k < count; ++k)
          write_column(row, C, pn, static_cast<std::size_t>(first + k), scale, out + (k * N + n) * C);
      }
    });
  });
}

double SoftmaxCrossEntropy::factor_tail(const Saved& saved, std::int64_t r) const {
  if (r >= factor_columns(saved))
    return 0.0;  // the factor is complete
  const Tensor& p = saved[0];
  double worst = 0.0;
  visit(p, [&]<class T>() {
    SortedRow row;
    for (std::int64_t n = 0; n < p.size(0); ++n) {
      row.assign(p.size(1), p.data<T>() + n * p.size(1));
      worst = std::max(worst, row.tail[static_cast<std::size_t>(r)]);
    }
  });
  return worst;
}

void SoftmaxCrossEntropy::recursion_seed(const Saved& saved, Tensor& h) const {
  const Tensor& p = saved[0];
  visit(p, [&]<class T>() {
    for (std::int64_t i = 0; i < p.numel(); ++i) {
      const double pi = static_cast<double>(p.data<T>()[i]);
      h.data<T>()[i] = static_cast<T>(pi * (1.0 - pi) / static_cast<double>(p.size(0)));
    }
  });
}

namespace {

std::vector<Tensor> reference(Inputs x, double smoothing) {
  const std::int64_t C = x[0].size(1);
  double loss = 0.0;
  for (std::int64_t i = 0; i < x[0].numel(); ++i) {
    const double* row = x[0].data<double>() + i / C * C;
    double total = 0.0;
    for (std::int64_t j = 0; j < C; ++j)
      total += std::exp(row[j]);
    const double hit = x[1].data<std::int64_t>()[i / C] == i % C ? 1.0 : 0.0;
    loss -= ((1.0 - smoothing) * hit + smoothing / static_cast<double>(C)) * std::log(std::exp(row[i % C]) / total);
  }
  return {Tensor::scalar(loss / static_cast<double>(x[0].size(0)), DType::kFloat64)};
}

auto maker(double smoothing) {
  return [=] { return std::make_unique<SoftmaxCrossEntropy>(SoftmaxCrossEntropyAttrs{smoothing}); };
}

OpSample sample(const char* name, std::int64_t N, std::int64_t C, double smoothing) {
  return {.name = name,
          .make = maker(smoothing),
          .inputs = {{.shape = {N, C}, .low = -3.0, .high = 3.0},
                     {.shape = {N}, .draw = Draw::kLabels, .high = static_cast<double>(C)}},
          .reference = [=](Inputs x) { return reference(x, smoothing); }};
}

const Spec kLogits{{4, 3}, DType::kFloat32};

OCKHAM_REGISTER_OP(
    softmax_cross_entropy,
    {.name = "softmax_cross_entropy",
     .samples = {sample("plain", 7, 5, 0.0), sample("label smoothing", 6, 4, 0.1), sample("one sample", 1, 3, 0.0),
                 sample("one class", 3, 1, 0.2)},
     .bad = {{maker(0.0), {{{4}, DType::kFloat32}, {{4}, DType::kInt64}}, {"float32[4]", "[N, C]"}},
             {maker(0.0), {{{0, 3}, DType::kFloat32}, {{0}, DType::kInt64}}, {"float32[0,3]", "at least one sample"}},
             {maker(0.0), {{{4, 3}, DType::kInt64}, {{4}, DType::kInt64}}, {"int64[4,3]", "float32 or float64"}},
             {maker(0.0), {kLogits, {{4}, DType::kFloat32}}, {"float32[4]", "labels must be int64"}},
             {maker(0.0), {kLogits, {{5}, DType::kInt64}}, {"int64[5]", "labels must be [4]"}},
             {maker(1.5), {kLogits, {{4}, DType::kInt64}}, {"label_smoothing=1.5", "[0, 1]"}}}});

}  // namespace

Variable softmax_cross_entropy(const Variable& logits, const Variable& labels, const SoftmaxCrossEntropyAttrs& attrs) {
  return record_one(std::make_shared<const SoftmaxCrossEntropy>(attrs), {logits, labels});
}

}  // namespace ockham
