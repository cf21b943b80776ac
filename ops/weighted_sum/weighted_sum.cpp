#include "ops/weighted_sum/weighted_sum.h"

#include <numeric>

#include "autograd/registry.h"
#include "engine/lanes.h"
#include "engine/parallel.h"
#include "ops/diagonal.h"
#include "ops/infer.h"
#include "ops/loops.h"
#include "ops/weighted_sum/weighted_sum_op.h"

namespace ockham {
namespace {

template <class T>
std::vector<const T*> branch_data(const Saved& saved) {
  std::vector<const T*> data;
  for (std::size_t k = 1; k < saved.tensors.size(); ++k)
    data.push_back(saved[k].data<T>());
  return data;
}

}  // namespace

std::string WeightedSumOp::attrs() const {
  std::string text = "index=";
  for (std::size_t k = 0; k < index_.size(); ++k)
    text += concat(k == 0 ? "" : ",", index_[k]);
  return text;
}

std::vector<Spec> WeightedSumOp::infer(std::span<const Spec> x) const {
  require_float(*this, x);
  if (index_.empty())
    throw ShapeError(describe(*this, x) + ": has no branches; give at least one.");
  if (x[0].shape.rank() == 0)
    throw ShapeError(concat(describe(*this, x), ": alpha is a scalar, needs rank 1 or more."));
  for (std::int64_t entry : index_) {
    if (entry < 0 || entry >= x[0].shape.numel())
      throw ShapeError(concat(describe(*this, x), ": index ", entry, " is not in [0, ", x[0].shape.numel(),
                              "), the entries of alpha."));
  }
  require_equal_shapes(*this, x.subspan(1), 1);
  return {x[1]};
}

void WeightedSumOp::forward(Inputs x, Outputs y, Saved& saved) const {
  visit_float(x[0].dtype(), name(), [&]<class T>() {
    std::vector<cpu::Term<T>> terms;
    for (std::size_t k = 0; k < index_.size(); ++k)
      terms.push_back({x[0].data<T>()[index_[k]], x[k + 1].data<T>()});
    cpu::combine<T>(y[0].numel(), terms, y[0].data<T>(), false);
  });
  saved.tensors.assign(x.begin(), x.end());
}

void WeightedSumOp::vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const {
  const Tensor& alpha = saved[0];
  // Two passes over y_bar, alpha first: a branch may be alpha itself, and slots are filled in index order.
  if (x_bar[0])
    x_bar[0].add(gradient_of_alpha(saved, D, y_bar[0]));
  visit_float(alpha.dtype(), name(), [&]<class T>() {
    for (std::size_t k = 0; k < index_.size(); ++k) {
      const GradSlot& slot = x_bar[k + 1];
      if (!slot)
        continue;
      const cpu::Term<T> term{alpha.data<T>()[index_[k]], y_bar[0].data<T>()};
      cpu::combine<T>(y_bar[0].numel(), {&term, 1}, slot.dst->data<T>(), slot.accumulate);
    }
  });
}

void WeightedSumOp::jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const {
  const Tensor& alpha = saved[0];
  const std::int64_t P = alpha.numel();
  const std::int64_t n = y_dot[0].numel() / D;
  visit_float(alpha.dtype(), name(), [&]<class T>() {
    std::vector<cpu::Term<T>> terms;
    for (std::int64_t d = 0; d < D; ++d) {
      terms.clear();
      for (std::size_t k = 0; k < index_.size(); ++k) {
        // Directions in alpha are mostly unit vectors: leaving out entries that do not move saves most branches.
        const T moved = x_dot[0] ? x_dot[0].data<T>()[d * P + index_[k]] : T(0);
        if (moved != T(0))
          terms.push_back({moved, saved[k + 1].data<T>()});
        if (x_dot[k + 1])
          terms.push_back({alpha.data<T>()[index_[k]], x_dot[k + 1].data<T>() + d * n});
      }
      cpu::combine<T>(n, terms, y_dot[0].data<T>() + d * n, false);
    }
  });
}

// D2f[t, t] = 2 sum_k t_alpha[index[k]] * t_branch_k.
void WeightedSumOp::curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                              std::span<double> acc) const {
  if (!x_dot[0])
    return;
  const std::int64_t P = saved[0].numel();
  const std::int64_t n = y_bar[0].numel();
  visit_float(saved[0].dtype(), name(), [&]<class T>() {
    for (std::int64_t d = 0; d < D; ++d) {
      std::vector<double> moved;
      std::vector<const T*> tangents;
      for (std::size_t k = 0; k < index_.size(); ++k) {
        const T alpha_dot = x_dot[0].data<T>()[d * P + index_[k]];
        if (alpha_dot == T(0) || !x_dot[k + 1])
          continue;
        moved.push_back(static_cast<double>(alpha_dot));
        tangents.push_back(x_dot[k + 1].data<T>() + d * n);
      }
      const std::vector<double> products = cpu::dots<T>(n, y_bar[0].data<T>(), tangents);
      acc[static_cast<std::size_t>(d)] += 2.0 * std::inner_product(moved.begin(), moved.end(), products.begin(), 0.0);
    }
  });
}

void WeightedSumOp::weight_diagonal(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input,
                                    Grouping grouping, Tensor& H) const {
  if (input != 0)
    return Op::weight_diagonal(saved, D, y_bar, input, grouping, H);
  if (saved[1].numel() == 0)
    return;
  const Tensor rows = sample_gradients(saved, D, y_bar, 0);
  const std::int64_t samples = rows.size(1), P = rows.size(2);
  std::vector<double> totals(static_cast<std::size_t>(P));
  for (std::int64_t i = 0; i < samples * P; ++i) {
    double of_sample = 0.0;
    for (std::int64_t d = 0; d < D; ++d) {
      const double gradient = rows.data<double>()[d * samples * P + i];
      of_sample += gradient * gradient;
    }
    totals[static_cast<std::size_t>(i % P)] += of_sample;
  }
  add_grouped(Tensor::from(totals, saved[0].shape()), grouping, H);
}

/// <y_bar[d, n], sum of the entry's branches at n>.
Tensor WeightedSumOp::sample_gradients(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input) const {
  if (input != 0)
    refuse_sample_gradients(*this, input);
  const std::int64_t P = saved[0].numel();
  const std::int64_t samples = saved[1].rank() == 0 ? 1 : saved[1].size(0);
  const std::int64_t n = saved[1].numel() / std::max<std::int64_t>(1, samples);
  Tensor rows = Tensor::zeros({D, samples, P}, DType::kFloat64);
  visit_float(saved[0].dtype(), name(), [&]<class T>() {
    const std::vector<const T*> branches = branch_data<T>(saved);
    parallel_for(samples, 1, [&](std::int64_t sample, std::int64_t) {
      for (std::int64_t d = 0; d < D; ++d) {
        double* const gradient = rows.data<double>() + (d * samples + sample) * P;
        for (std::size_t k = 0; k < index_.size(); ++k)
          gradient[index_[k]] += lane_dot(n, y_bar[0].data<T>() + (d * samples + sample) * n, branches[k] + sample * n);
      }
    });
  });
  return rows;
}

void WeightedSumOp::recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  const Tensor& alpha = saved[0];
  if (h_x[0])
    h_x[0].add(recursion_of_alpha(saved, h_y[0]));
  visit_float(alpha.dtype(), name(), [&]<class T>() {
    for (std::size_t k = 0; k < index_.size(); ++k) {
      const GradSlot& slot = h_x[k + 1];
      if (!slot)
        continue;
      const T a = alpha.data<T>()[index_[k]];
      const cpu::Term<T> term{a * a, h_y[0].data<T>()};
      cpu::combine<T>(h_y[0].numel(), {&term, 1}, slot.dst->data<T>(), slot.accumulate);
    }
  });
}

/// D cotangents of alpha: <y_bar[d], branch_k>, added up over the branches of each entry.
Tensor WeightedSumOp::gradient_of_alpha(const Saved& saved, std::int64_t D, const Tensor& y_bar) const {
  const std::int64_t P = saved[0].numel();
  const std::int64_t n = saved[1].numel();
  std::vector<double> gradient(static_cast<std::size_t>(D * P));
  Tensor result(with_directions(saved[0].shape(), D), y_bar.dtype());
  visit_float(y_bar.dtype(), name(), [&]<class T>() {
    const std::vector<const T*> branches = branch_data<T>(saved);
    for (std::int64_t d = 0; d < D; ++d) {
      const std::vector<double> products = cpu::dots<T>(n, y_bar.data<T>() + d * n, branches);
      for (std::size_t k = 0; k < index_.size(); ++k)
        gradient[static_cast<std::size_t>(d * P + index_[k])] += products[k];
    }
    std::ranges::transform(gradient, result.data<T>(), [](double g) { return static_cast<T>(g); });
  });
  return result;
}

/// Shaped like alpha: sum over elements of h_y times the squared sum of the entry's branches.
Tensor WeightedSumOp::recursion_of_alpha(const Saved& saved, const Tensor& h_y) const {
  Tensor result = Tensor::zeros(saved[0].shape(), saved[0].dtype());
  visit_float(h_y.dtype(), name(), [&]<class T>() {
    const std::vector<const T*> branches = branch_data<T>(saved);
    for (std::int64_t p = 0; p < result.numel(); ++p) {
      std::vector<const T*> of_entry;
      for (std::size_t k = 0; k < index_.size(); ++k) {
        if (index_[k] == p)
          of_entry.push_back(branches[k]);
      }
      result.data<T>()[p] = static_cast<T>(parallel_sum(h_y.numel(), 4096, [&](std::int64_t begin, std::int64_t end) {
        double total = 0.0;
        for (std::int64_t i = begin; i < end; ++i) {
          double slope = 0.0;
          for (const T* branch : of_entry)
            slope += static_cast<double>(branch[i]);
          total += static_cast<double>(h_y.data<T>()[i]) * slope * slope;
        }
        return total;
      }));
    }
  });
  return result;
}

namespace {

OpSample sample(std::string name, const Shape& alpha, const Shape& shape, std::vector<std::int64_t> index) {
  std::vector<InputDraw> inputs(index.size() + 1, {.shape = shape});
  inputs[0].shape = alpha;
  const auto reference = [index](Inputs x) {
    Tensor y = Tensor::zeros(x[1].shape(), DType::kFloat64);
    for (std::int64_t i = 0; i < y.numel(); ++i) {
      for (std::size_t k = 0; k < index.size(); ++k)
        y.data<double>()[i] += x[0].data<double>()[index[k]] * x[k + 1].data<double>()[i];
    }
    return std::vector<Tensor>{y};
  };
  return {.name = std::move(name),
          .make = [index] { return std::make_unique<WeightedSumOp>(index); },
          .inputs = std::move(inputs),
          .reference = reference,
          .diagonal_inputs = {0}};
}

BadSample bad(std::vector<std::int64_t> index, std::vector<Spec> inputs, std::vector<std::string> message_parts) {
  return {.make = [index] { return std::make_unique<WeightedSumOp>(index); },
          .inputs = std::move(inputs),
          .message_parts = std::move(message_parts)};
}

OCKHAM_REGISTER_OP(
    weighted_sum,
    {.name = "weighted_sum",
     .samples = {sample("one branch per entry", {3}, {2, 4, 3, 5}, {0, 1, 2}),
                 sample("repeated and missing entries", {5}, {3, 2, 4}, {4, 1, 4, 0}),
                 sample("one branch", {1}, {5, 2}, {0}), sample("branches shaped like alpha", {3}, {3}, {2, 1}),
                 sample("alpha with one row per edge", {2, 3}, {3, 2}, {1, 3, 5})},
     .bad = {bad({0, 1}, {{{2}}, {{2, 3}}}, {"weighted_sum(index=0,1)", "takes 3 inputs, got 2"}),
             bad({0, 2}, {{{2}}, {{2, 3}}, {{2, 3}}}, {"weighted_sum", "index 2", "[0, 2)"}),
             bad({-1}, {{{2}}, {{2, 3}}}, {"weighted_sum", "index -1"}),
             bad({0, 1}, {{{2}}, {{2, 3}}, {{3, 2}}}, {"weighted_sum", "[2,3]", "[3,2]"}),
             bad({0}, {{{}}, {{2, 3}}}, {"weighted_sum", "scalar", "rank 1"}),
             bad({0}, {{{1}, DType::kFloat64}, {{2, 3}}}, {"weighted_sum", "float64[1]", "float32[2,3]"})}});

}  // namespace

Variable weighted_sum(const Variable& alpha, std::span<const Variable> branches, std::vector<std::int64_t> index) {
  if (index.empty()) {
    index.resize(branches.size());
    std::iota(index.begin(), index.end(), 0);
  }
  std::vector<Variable> inputs{alpha};
  inputs.insert(inputs.end(), branches.begin(), branches.end());
  return record_one(std::make_shared<const WeightedSumOp>(std::move(index)), inputs);
}

}  // namespace ockham
