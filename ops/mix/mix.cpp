#include "ops/mix/mix.h"

#include <algorithm>
#include <numeric>

#include "autograd/registry.h"
#include "engine/arena.h"
#include "engine/math.h"
#include "engine/parallel.h"
#include "ops/diagonal.h"
#include "ops/infer.h"
#include "ops/mix/mix_branches.h"
#include "ops/mix/mix_op.h"

namespace ockham {
namespace {

/// The passes on the CPU.
class MixOnCpu {
 public:
  explicit MixOnCpu(const MixOp& op) : index_(op.index()), affine_(op.affine_inputs()) {}

  void forward(Inputs x, Outputs y, Saved& saved) const {
    cpu::require_one_type(x.subspan(1, affine_.size()));
    const Planes planes(x[1]);
    visit_float(x[0].dtype(), "mix", [&]<class T>() {
      const Branches<T> at = values<T>(x);
      ChannelSum<T> sum(per_channel<T>(planes.C, [&](std::int64_t c) {
        double constant = 0.0;
        for (std::size_t k = 0; k < index_.size(); ++k)
          constant += at.weight(k) * at.shift(k, c);
        return constant;
      }));
      for (std::size_t k = 0; k < index_.size(); ++k)
        sum.add(slopes(at, k), at.z[k]);
      planes.each_block(std::ssize(index_), [&](const auto& block) {
        is_narrow(x) ? sum.compute(block, at.narrow_z, y[0].data<BFloat16>()) : sum.compute(block, y[0].data<T>());
      });
    });
    saved.tensors.assign(x.begin(), x.end());
  }

  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const {
    // The slot of alpha comes first, its sums are known last: a branch or an affine may be alpha itself.
    if (x_bar[0] && !x_bar[0].accumulate)
      fill(*x_bar[0].dst, 0.0);
    visit_float(saved[0].dtype(), "mix", [&]<class T>() {
      const Planes planes(saved[1]);
      const std::vector<double> sums = over_samples(planes, D, pull<T>(saved, D, y_bar[0], x_bar));
      const Branches<T> at = values<T>(saved.tensors);
      for (std::size_t k = 0; k < affine_.size(); ++k) {
        if (x_bar[1 + k].factor != nullptr) {
          *x_bar[1 + k].dst = y_bar[0];
          *x_bar[1 + k].factor = Tensor::from(slopes(at, k), {at.C});
        }
        if (affine_[k] != 0 && x_bar[affine_[k]])
          x_bar[affine_[k]].add(gradient_of_affine(at, D, k, sums));
      }
      if (x_bar[0])
        GradSlot{x_bar[0].dst, true}.add(gradient_of_alpha(at, D, saved[0].shape(), sums));
    });
  }

  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const {
    visit_float(saved[0].dtype(), "mix", [&]<class T>() { push<T>(saved, D, nullptr, x_dot, y_dot[0], {}); });
  }

  void jvp_curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_dot, Outputs y_dot,
                     std::span<double> acc) const {
    visit_float(saved[0].dtype(), "mix",
                [&]<class T>() { push<T>(saved, D, y_bar[0].data<T>(), x_dot, y_dot[0], acc); });
  }

  /// Of alpha.
  Tensor sample_gradients(const Saved& saved, std::int64_t D, Inputs y_bar) const {
    const Planes planes(saved[1]);
    Tensor rows = Tensor::zeros({D, planes.N, saved[0].numel()}, DType::kFloat64);
    visit_float(saved[0].dtype(), "mix", [&]<class T>() {
      const Branches<T> at = values<T>(saved.tensors);
      const std::vector<double> sums = pull<T>(saved, D, y_bar[0], {});
      for (std::int64_t row = 0; row < D * planes.N; ++row)
        add_gradient_of_alpha(at, sums.data() + row * planes.C * stride(), rows.data<double>() + row * rows.size(2));
    });
    return rows;
  }

  void recursion(const Saved& saved, Inputs h_y, std::span<GradSlot> h_x) const {
    visit_float(saved[0].dtype(), "mix", [&]<class T>() {
      const Branches<T> at = values<T>(saved.tensors);
      const Planes planes(saved[1]);
      if (h_x[0])
        h_x[0].add(recursion_of_alpha(at, planes, h_y[0], saved[0].spec()));
      for (std::size_t k = 0; k < affine_.size(); ++k) {
        if (h_x[1 + k])
          add_recursion_of_z(at, planes, k, h_y[0], h_x[1 + k]);
      }
      for (std::size_t k = 0; k < affine_.size(); ++k) {
        if (affine_[k] != 0 && h_x[affine_[k]])
          h_x[affine_[k]].add(recursion_of_affine(at, planes, k, h_y[0]));
      }
    });
  }

 private:
  /// Of the inputs of forward() and vjp(): are the maps stored in bfloat16?
  static bool is_narrow(Inputs x) { return x[1].dtype() == DType::kBFloat16; }

  template <class T>
  Branches<T> values(Inputs x) const {
    return branches<T>(x, x, 0, 1.0);
  }
  template <class T>
  Branches<T> tangents(const Saved& saved, Inputs x_dot, std::int64_t d) const {
    return branches<T>(saved.tensors, x_dot, d, 0.0);
  }
  template <class T>
  Branches<T> branches(Inputs primals, Inputs x, std::int64_t d, double missing_scale) const {
    const auto data = [&](std::size_t i) -> const T* {
      return x[i] ? x[i].template data<T>() + d * primals[i].numel() : nullptr;
    };
    Branches<T> result{.index = index_, .C = primals[1].size(1), .missing_scale = missing_scale, .alpha = data(0)};
    for (std::size_t k = 0; k < affine_.size(); ++k) {
      const bool narrow = x[1 + k] && x[1 + k].dtype() == DType::kBFloat16;
      result.z.push_back(narrow ? nullptr : data(1 + k));
      result.narrow_z.push_back(narrow ? x[1 + k].data<BFloat16>() : nullptr);
      result.affine.push_back(affine_[k] == 0 ? nullptr : data(affine_[k]));
    }
    return result;
  }

  /// So many bytes of z_bar go around the caches: most would be gone before the next op reads them, and a store into a
  /// cache first loads what it overwrites. Measured: 1.5 times as fast from there on, a tenth slower at a quarter of
  /// it.
  static constexpr std::size_t kOutgrowsCaches = std::size_t{1} << 25;

  /// Sums that pull() makes of a plane: <y_bar, z_k> for each branch, and the sum of y_bar.
  std::int64_t stride() const { return std::ssize(index_) + 1; }

  /// Is <y_bar, z_k> wanted?
  bool wants_dot(std::span<GradSlot> x_bar, std::size_t k) const {
    return x_bar.empty() || x_bar[0] || (affine_[k] != 0 && x_bar[affine_[k]]);
  }

  /// What pull() does with each branch, cotangents lying `shift` elements behind those of the first direction. Without
  /// slots all sums are made, with them those that their parameters need.
  template <class T>
  std::vector<cpu::MixPull<T>> pulls(const Branches<T>& at, const std::vector<std::vector<T>>& factors,
                                     std::span<GradSlot> x_bar, std::int64_t shift) const {
    std::vector<cpu::MixPull<T>> result;
    for (std::size_t k = 0; k < index_.size(); ++k) {
      cpu::MixPull<T>& branch = result.emplace_back(cpu::MixPull<T>{.factor = factors[k].data()});
      branch.z = wants_dot(x_bar, k) ? at.z[k] : nullptr;
      if (!x_bar.empty() && x_bar[1 + k] && x_bar[1 + k].factor == nullptr) {
        branch.z_bar = x_bar[1 + k].dst->template data<T>() + shift;
        branch.adds = x_bar[1 + k].accumulate;
      }
    }
    return result;
  }

  /// [D, N, C, stride()] of D cotangents, and every z_bar that has a slot: one pass over the data.
  template <class T>
  std::vector<double> pull(const Saved& saved, std::int64_t D, const Tensor& y_bar, std::span<GradSlot> x_bar) const {
    const Planes planes(saved[1]);
    const Branches<T> at = values<T>(saved.tensors);
    std::vector<std::vector<T>> factors;
    for (std::size_t k = 0; k < index_.size(); ++k)
      factors.push_back(slopes(at, k));
    std::vector<std::vector<cpu::MixPull<T>>> directions;
    for (std::int64_t d = 0; d < D; ++d)
      directions.push_back(pulls(at, factors, x_bar, d * planes.numel()));
    const auto written = std::ranges::count_if(directions[0], [](const auto& branch) { return branch.z_bar; });
    const bool streams = static_cast<std::size_t>(written) * y_bar.nbytes() >= kOutgrowsCaches;
    std::vector<const BFloat16*> narrow_z = at.narrow_z;
    for (std::size_t k = 0; k < narrow_z.size(); ++k)
      narrow_z[k] = wants_dot(x_bar, k) ? narrow_z[k] : nullptr;
    std::vector<double> sums(static_cast<std::size_t>(D * planes.count() * stride()));
    planes.each_block(D * std::ssize(index_), [&](const cpu::MixBlock& block) {
      for (std::int64_t d = 0; d < D; ++d) {
        double* to = sums.data() + (d * planes.count() + block.at / std::max<std::int64_t>(1, planes.P)) * stride();
        const T* y_bar_d = y_bar.data<T>() + d * planes.numel();
        if constexpr (std::is_same_v<T, float>) {
          if (is_narrow(saved.tensors)) {
            cpu::mix_narrow_pull(block, y_bar_d, directions[static_cast<std::size_t>(d)], narrow_z, streams, to);
            continue;
          }
        }
        cpu::mix_pull<T, T>(block, y_bar_d, directions[static_cast<std::size_t>(d)], streams, to);
      }
    });
    return sums;
  }

  /// [D, C, stride()]: the sums of pull() over samples, in order.
  std::vector<double> over_samples(const Planes& planes, std::int64_t D, const std::vector<double>& sums) const {
    const std::int64_t size = planes.C * stride();
    std::vector<double> totals(static_cast<std::size_t>(D * size));
    for (std::int64_t row = 0; row < D * planes.N; ++row) {
      double* to = totals.data() + row / planes.N * size;
      for (std::int64_t i = 0; i < size; ++i)
        to[i] += sums[static_cast<std::size_t>(row * size + i)];
    }
    return totals;
  }

  /// gradient[i] += sum over the branches of entry i and the channels of <y_bar, scale z + shift>; sums: [C, stride()].
  template <class T>
  void add_gradient_of_alpha(const Branches<T>& at, const double* sums, double* gradient) const {
    const std::size_t K = index_.size();
    for (std::int64_t c = 0; c < at.C; ++c, sums += stride()) {
      for (std::size_t k = 0; k < K; ++k)
        gradient[index_[k]] += at.scale(k, c) * sums[k] + at.shift(k, c) * sums[K];
    }
  }

  template <class T>
  Tensor gradient_of_alpha(const Branches<T>& at, std::int64_t D, const Shape& shape,
                           const std::vector<double>& sums) const {
    Tensor result = Tensor::zeros(with_directions(shape, D), DType::kFloat64);
    for (std::int64_t d = 0; d < D; ++d)
      add_gradient_of_alpha(at, sums.data() + d * at.C * stride(), result.data<double>() + d * shape.numel());
    return result.to(kDTypeOf<T>);
  }

  template <class T>
  Tensor gradient_of_affine(const Branches<T>& at, std::int64_t D, std::size_t k,
                            const std::vector<double>& sums) const {
    Tensor result(with_directions({2, at.C}, D), kDTypeOf<T>);
    for (std::int64_t d = 0; d < D; ++d) {
      T* scale = result.data<T>() + d * 2 * at.C;
      for (std::int64_t c = 0; c < at.C; ++c) {
        const double* of_channel = sums.data() + (d * at.C + c) * stride();
        scale[c] = static_cast<T>(at.weight(k) * of_channel[k]);
        scale[at.C + c] = static_cast<T>(at.weight(k) * of_channel[index_.size()]);
      }
    }
    return result;
  }

  /// alpha * scale of a branch: its slope in z.
  template <class T>
  std::vector<T> slopes(const Branches<T>& at, std::size_t k) const {
    return per_channel<T>(at.C, [&](std::int64_t c) { return at.weight(k) * at.scale(k, c); });
  }

  /// y_dot of one direction and, for a curvature, half of D2f[t, t]:
  ///   y_dot = sum_k t_alpha (scale z + shift) + alpha (t_scale z + t_shift + scale t_z),
  ///   half  = sum_k t_alpha (t_scale z + t_shift + scale t_z) + alpha t_scale t_z.
  /// Terms of both sums are pairs, the rest are terms of y_dot alone.
  template <class T>
  struct TangentSums {
    const T* constant = nullptr;
    const T* half_constant = nullptr;
    std::vector<cpu::MixTerm<T>> terms = {};
    std::vector<cpu::MixPair<T>> pairs = {};
  };

  template <class T>
  TangentSums<T> tangent_sums(const Branches<T>& at, const Branches<T>& dot, bool bends, ScratchScope& scratch) const {
    const auto row = [&](auto&& value) {
      T* const result = scratch.take<T>(at.C);
      for (std::int64_t c = 0; c < at.C; ++c)
        result[c] = static_cast<T>(value(c));
      return result;
    };
    const auto over_branches = [&](auto&& value) {
      return row([&](std::int64_t c) {
        double total = 0.0;
        for (std::size_t k = 0; k < index_.size(); ++k)
          total += value(k, c);
        return total;
      });
    };
    const auto moves = [&](const T* factors) {
      return std::any_of(factors, factors + at.C, [](T factor) { return factor != T(0); });
    };
    TangentSums<T> sums{
        .constant = over_branches([&](std::size_t k, std::int64_t c) {
          return dot.weight(k) * at.shift(k, c) + at.weight(k) * dot.shift(k, c);
        }),
        .half_constant = over_branches([&](std::size_t k, std::int64_t c) { return dot.weight(k) * dot.shift(k, c); })};
    const auto add = [&](const T* factor, const T* half, const T* x) {
      if (bends && moves(half))
        sums.pairs.push_back({factor, half, x});
      else if (moves(factor))  // directions in alpha are mostly unit vectors: this leaves out most branches
        sums.terms.push_back({factor, x});
    };
    for (std::size_t k = 0; k < index_.size(); ++k) {
      const T* const moved =
          row([&](std::int64_t c) { return dot.weight(k) * at.scale(k, c) + at.weight(k) * dot.scale(k, c); });
      add(moved, row([&](std::int64_t c) { return dot.weight(k) * dot.scale(k, c); }), at.z[k]);
      if (dot.z[k])
        add(row([&](std::int64_t c) { return at.weight(k) * at.scale(k, c); }), moved, dot.z[k]);
    }
    if (bends && sums.pairs.empty() && moves(sums.half_constant)) {
      const T* const nothing = row([](std::int64_t) { return 0.0; });
      sums.pairs.push_back({nothing, nothing, at.z[0]});
    }
    return sums;
  }

  /// Tangents, and curvature where there is a y_bar.
  template <class T>
  void push(const Saved& saved, std::int64_t D, const T* y_bar, Inputs x_dot, Tensor& y_dot,
            std::span<double> acc) const {
    const Planes planes(saved[1]);
    const Branches<T> at = values<T>(saved.tensors);
    ScratchScope scratch;
    std::vector<TangentSums<T>> sums;
    for (std::int64_t d = 0; d < D; ++d)
      sums.push_back(tangent_sums(at, tangents<T>(saved, x_dot, d), y_bar != nullptr, scratch));
    double* parts = scratch.take_zeros<double>(D * planes.blocks());
    planes.each_block(D * std::ssize(index_), [&](const cpu::MixBlock& block) {
      for (std::int64_t d = 0; d < D; ++d) {
        const TangentSums<T>& sum = sums[static_cast<std::size_t>(d)];
        T* const y = y_dot.data<T>() + d * planes.numel();
        cpu::mix_terms<T, T>(block, sum.constant, sum.terms, y);
        if (!sum.pairs.empty())
          parts[d * planes.blocks() + planes.index_of(block)] =
              cpu::mix_pairs<T>(block, sum.half_constant, sum.pairs, y_bar, y);
      }
    });
    for (std::size_t d = 0; d < acc.size(); ++d) {
      const double* part = parts + static_cast<std::int64_t>(d) * planes.blocks();
      acc[d] += 2.0 * std::accumulate(part, part + planes.blocks(), 0.0);
    }
  }

  /// Shaped like alpha: sum over elements of h_y times the squared sum of the entry's branches.
  template <class T>
  Tensor recursion_of_alpha(const Branches<T>& at, const Planes& planes, const Tensor& h_y, const Spec& alpha) const {
    Tensor result = Tensor::zeros(alpha.shape, alpha.dtype);
    for (std::int64_t p = 0; p < result.numel(); ++p) {
      const auto of_plane = [&](std::int64_t plane) {
        double total = 0.0;
        for (std::int64_t i = plane * planes.P; i < (plane + 1) * planes.P; ++i) {
          double slope = 0.0;
          for (std::size_t k = 0; k < index_.size(); ++k) {
            if (index_[k] == p)
              slope += at.scale(k, plane % planes.C) * static_cast<double>(at.z[k][i]) + at.shift(k, plane % planes.C);
          }
          total += static_cast<double>(h_y.data<T>()[i]) * slope * slope;
        }
        return total;
      };
      result.data<T>()[p] = static_cast<T>(
          parallel_sum(planes.count(), planes.grain(std::ssize(index_)), [&](std::int64_t begin, std::int64_t end) {
            double total = 0.0;
            for (std::int64_t plane = begin; plane < end; ++plane)
              total += of_plane(plane);
            return total;
          }));
    }
    return result;
  }

  /// h_z (+)= (alpha scale)^2 h_y
  template <class T>
  void add_recursion_of_z(const Branches<T>& at, const Planes& planes, std::size_t k, const Tensor& h_y,
                          const GradSlot& slot) const {
    std::vector<T> factor = slopes(at, k);
    std::ranges::transform(factor, factor.begin(), [](T slope) { return slope * slope; });
    const cpu::MixPull<T> pull{.factor = factor.data(), .z_bar = slot.dst->data<T>(), .adds = slot.accumulate};
    planes.each_block(1, [&](const cpu::MixBlock& block) {
      cpu::mix_pull<T, T>(block, h_y.data<T>(), {&pull, 1}, false, nullptr);
    });
  }

  /// h_scale = alpha^2 sum h_y z^2, h_shift = alpha^2 sum h_y, per channel.
  template <class T>
  Tensor recursion_of_affine(const Branches<T>& at, const Planes& planes, std::size_t k, const Tensor& h_y) const {
    Tensor result({2, planes.C}, kDTypeOf<T>);
    parallel_for(planes.C, planes.grain(planes.N), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = begin; c < end; ++c) {
        double scale = 0.0;
        double shift = 0.0;
        for (std::int64_t n = 0; n < planes.N; ++n) {
          const std::int64_t at_plane = (n * planes.C + c) * planes.P;
          for (std::int64_t i = at_plane; i < at_plane + planes.P; ++i) {
            const auto h = static_cast<double>(h_y.data<T>()[i]);
            const auto z = static_cast<double>(at.z[k][i]);
            scale += h * z * z;
            shift += h;
          }
        }
        result.data<T>()[c] = static_cast<T>(at.weight(k) * at.weight(k) * scale);
        result.data<T>()[planes.C + c] = static_cast<T>(at.weight(k) * at.weight(k) * shift);
      }
    });
    return result;
  }

  const std::vector<std::int64_t>& index_;
  const std::vector<std::size_t>& affine_;
};

}  // namespace

std::string MixOp::attrs() const {
  std::string text = "index=";
  for (std::size_t k = 0; k < index_.size(); ++k)
    text += concat(k == 0 ? "" : ",", index_[k]);
  text += " affine=";
  for (std::size_t input : affine_)
    text += input == 0 ? '0' : '1';
  return text;
}

std::vector<Spec> MixOp::infer(std::span<const Spec> x) const {
  require_float(*this, x);
  const std::size_t K = affine_.size();
  if (K == 0 || K != index_.size())
    throw ShapeError(concat(describe(*this, x), ": ", K, " branches and ", index_.size(),
                            " indices; give one index per branch, and at least one branch."));
  if (x[0].shape.rank() == 0)
    throw ShapeError(concat(describe(*this, x), ": alpha is a scalar, needs rank 1 or more."));
  for (std::int64_t entry : index_) {
    if (entry < 0 || entry >= x[0].shape.numel())
      throw ShapeError(concat(describe(*this, x), ": index ", entry, " is not in [0, ", x[0].shape.numel(),
                              "), the entries of alpha."));
  }
  const Shape& z = x[1].shape;
  if (z.rank() != 2 && z.rank() != 4)
    throw ShapeError(concat(describe(*this, x), ": z has shape ", z, "; must be [N, C, H, W] or [N, C]."));
  require_equal_shapes(*this, x.subspan(1, K), 1);
  for (const Spec& affine : x.subspan(1 + K)) {
    if (affine.shape != Shape{2, z[1]})
      throw ShapeError(concat(describe(*this, x), ": an affine has shape ", affine.shape, "; must be [2,", z[1],
                              "], a scale and a shift for each channel of z."));
  }
  return {x[1]};
}

void MixOp::forward(Inputs x, Outputs y, Saved& saved) const {
  MixOnCpu(*this).forward(x, y, saved);
}

void MixOp::vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const {
  MixOnCpu(*this).vjp(saved, D, y_bar, x_bar);
}

void MixOp::jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const {
  MixOnCpu(*this).jvp(saved, D, x_dot, y_dot);
}

void MixOp::curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs y_dot,
                      std::span<double> acc) const {
  Tensor again(y_dot[0].spec());
  MixOnCpu(*this).jvp_curvature(saved, D, y_bar, x_dot, {&again, 1}, acc);
}

void MixOp::jvp_curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Outputs y_dot,
                          std::span<double> acc) const {
  MixOnCpu(*this).jvp_curvature(saved, D, y_bar, x_dot, y_dot, acc);
}

void MixOp::weight_diagonal(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input, Grouping grouping,
                            Tensor& H) const {
  if (input != 0)
    return Op::weight_diagonal(saved, D, y_bar, input, grouping, H);
  const Tensor rows = sample_gradients(saved, D, y_bar, input);
  std::vector<double> entries(static_cast<std::size_t>(saved[0].numel()));
  for (std::int64_t i = 0; i < rows.numel(); ++i) {
    const double gradient = rows.data<double>()[i];
    entries[static_cast<std::size_t>(i) % entries.size()] += gradient * gradient;
  }
  add_grouped(Tensor::from(entries, saved[0].shape()), grouping, H);
}

Tensor MixOp::sample_gradients(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input) const {
  if (input != 0)
    refuse_sample_gradients(*this, input);
  return MixOnCpu(*this).sample_gradients(saved, D, y_bar);
}

void MixOp::recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  MixOnCpu(*this).recursion(saved, h_y, h_x);
}

namespace {

auto maker(std::vector<std::int64_t> index, std::vector<bool> has_affine) {
  return [=] { return std::make_unique<MixOp>(index, has_affine); };
}

std::vector<Tensor> reference(Inputs x, const std::vector<std::int64_t>& index, const std::vector<bool>& has_affine) {
  Tensor y = Tensor::zeros(x[1].shape(), DType::kFloat64);
  const std::int64_t C = y.size(1);
  const std::int64_t inner = y.rank() == 4 ? y.size(2) * y.size(3) : 1;
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    std::size_t affine = 1 + index.size();
    for (std::size_t k = 0; k < index.size(); ++k) {
      double branch = x[k + 1].data<double>()[i];
      if (has_affine[k]) {
        const double* scale = x[affine++].data<double>() + i / inner % C;
        branch = scale[0] * branch + scale[C];
      }
      y.data<double>()[i] += x[0].data<double>()[index[k]] * branch;
    }
  }
  return {y};
}

OpSample sample(std::string name, const Shape& alpha, const Shape& z, const std::vector<std::int64_t>& index,
                const std::vector<bool>& has_affine) {
  std::vector<InputDraw> inputs(index.size() + 1, {.shape = z});
  inputs[0].shape = alpha;
  for (bool has : has_affine) {
    if (has)
      inputs.push_back({.shape = {2, z[1]}});
  }
  return {.name = std::move(name),
          .make = maker(index, has_affine),
          .inputs = std::move(inputs),
          .reference = [=](Inputs x) { return reference(x, index, has_affine); },
          .diagonal_inputs = {0}};
}

/// 0, 1, 2, 0, ...
std::vector<std::int64_t> many(std::size_t branches) {
  std::vector<std::int64_t> index;
  for (std::size_t k = 0; k < branches; ++k)
    index.push_back(static_cast<std::int64_t>(k % 3));
  return index;
}

OCKHAM_REGISTER_OP(
    mix,
    {.name = "mix",
     .samples = {sample("with and without affine", {3}, {2, 4, 3, 5}, {0, 1, 2}, {true, false, true}),
                 sample("repeated and missing entries", {5}, {3, 2, 7, 11}, {4, 1, 4, 0}, {true, true, false, false}),
                 sample("a matrix", {2, 3}, {4, 5}, {1, 3, 5}, {false, true, true}),
                 sample("no affine", {2}, {3, 4, 8, 9}, {1, 0}, {false, false}),
                 sample("one branch, shaped like alpha and affine", {2, 3}, {2, 3}, {4}, {true}),
                 sample("more branches than a sweep of the kernel", {6}, {2, 3, 5, 7},
                        {0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4},
                        {true, true, false, true, true, true, false, true, true, true, true}),
                 sample("more branches than a launch on a GPU takes", {3}, {2, 2, 2, 3}, many(43),
                        std::vector<bool>(43, true)),
                 sample("planes of more than a block", {2}, {1, 2, 65, 67}, {0, 1}, {true, false})},
     .bad = {{maker({0, 1}, {false}), {{{2}}, {{2, 3}}}, {"mix(index=0,1 affine=0)", "1 branches", "2 indices"}},
             {maker({}, {}), {{{2}}}, {"0 branches", "at least one branch"}},
             {maker({0}, {true}), {{{2}}, {{2, 3}}}, {"takes 3 inputs, got 2"}},
             {maker({0, 2}, {false, false}), {{{2}}, {{2, 3}}, {{2, 3}}}, {"index 2", "[0, 2)"}},
             {maker({-1}, {false}), {{{2}}, {{2, 3}}}, {"mix", "index -1"}},
             {maker({0}, {false}), {{{}}, {{2, 3}}}, {"scalar", "rank 1"}},
             {maker({0}, {false}), {{{2}}, {{2, 3, 4}}}, {"z has shape [2,3,4]", "[N, C, H, W] or [N, C]"}},
             {maker({0, 1}, {false, false}), {{{2}}, {{2, 3}}, {{3, 2}}}, {"[2,3]", "[3,2]"}},
             {maker({0}, {true}), {{{2}}, {{4, 3}}, {{3, 2}}}, {"affine has shape [3,2]", "must be [2,3]"}},
             {maker({0}, {false}), {{{1}, DType::kFloat64}, {{2, 3}}}, {"mix", "float64[1]", "float32[2,3]"}}}});

}  // namespace

Variable mix(const Variable& alpha, std::span<const MixBranch> branches, std::vector<std::int64_t> index) {
  if (index.empty()) {
    index.resize(branches.size());
    std::iota(index.begin(), index.end(), 0);
  }
  std::vector<Variable> inputs{alpha};
  for (const MixBranch& branch : branches)
    inputs.push_back(branch.z);
  std::vector<bool> has_affine;
  for (const MixBranch& branch : branches) {
    has_affine.push_back(branch.affine.value().is_defined());
    if (has_affine.back())
      inputs.push_back(branch.affine);
  }
  return record_one(std::make_shared<const MixOp>(std::move(index), has_affine), inputs);
}

}  // namespace ockham
