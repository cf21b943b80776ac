#pragma once
// What the passes of mix work on: blocks of planes, the numbers of the branches, sums with a factor per channel.
#include <algorithm>
#include <span>
#include <vector>

#include "engine/parallel.h"
#include "engine/tensor.h"
#include "ops/mix/mix_kernels.h"
#include "ops/mix/mix_narrow.h"

namespace ockham {

/// z as planes of P elements, C channels to a sample, and blocks of planes that kernels work on.
struct Planes {
  explicit Planes(const Tensor& z)
      : N(z.size(0)),
        C(z.size(1)),
        P(z.rank() == 4 ? z.size(2) * z.size(3) : 1),
        per_block(
            std::clamp<std::int64_t>(cpu::kMixBlock / std::max<std::int64_t>(1, P), 1, std::max<std::int64_t>(1, C))),
        per_sample((C + per_block - 1) / per_block) {}

  std::int64_t count() const { return N * C; }
  std::int64_t blocks() const { return N * per_sample; }
  std::int64_t index_of(const cpu::MixBlock& block) const {
    return block.at / std::max<std::int64_t>(1, C * P) * per_sample + block.channel / per_block;
  }
  std::int64_t numel() const { return N * C * P; }
  /// Planes that are worth a change of threads, `work` multiply-adds being done for each element.
  std::int64_t grain(std::int64_t work) const {
    constexpr std::int64_t kChunk = 1 << 15;
    return std::max<std::int64_t>(1, kChunk / std::max<std::int64_t>(1, P * work));
  }
  /// Calls body(block) over threads.
  template <class Body>
  void each_block(std::int64_t work, Body&& body) const {
    const std::int64_t blocks = std::max<std::int64_t>(1, grain(work) / per_block);
    parallel_for(N * per_sample, blocks, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t c = i % per_sample * per_block;
        body(cpu::MixBlock{(i / per_sample * C + c) * P, c, std::min(per_block, C - c), P});
      }
    });
  }

  std::int64_t N;
  std::int64_t C;
  std::int64_t P;
  std::int64_t per_block;   // planes
  std::int64_t per_sample;  // blocks
};

/// The numbers of alpha, the z and the affines by branch: the values, or the tangents of one direction.
template <class T>
struct Branches {
  double weight(std::size_t k) const { return alpha ? static_cast<double>(alpha[index[k]]) : 0.0; }
  double scale(std::size_t k, std::int64_t c) const {
    return affine[k] ? static_cast<double>(affine[k][c]) : missing_scale;
  }
  double shift(std::size_t k, std::int64_t c) const { return affine[k] ? static_cast<double>(affine[k][C + c]) : 0.0; }

  std::span<const std::int64_t> index;
  std::int64_t C;
  double missing_scale;  // a branch without affine has the scale 1, which does not move
  const T* alpha = nullptr;
  std::vector<const T*> z = {};                // null where the map is narrow
  std::vector<const BFloat16*> narrow_z = {};  // null where it is not
  std::vector<const T*> affine = {};
};

/// A number per channel.
template <class T, class F>
std::vector<T> per_channel(std::int64_t C, F&& value) {
  std::vector<T> row(static_cast<std::size_t>(C));
  for (std::int64_t c = 0; c < C; ++c)
    row[static_cast<std::size_t>(c)] = static_cast<T>(value(c));
  return row;
}

/// y = constant[c] + sum of factor[c] * x
template <class T>
class ChannelSum {
 public:
  explicit ChannelSum(std::vector<T> constant) : constant_(std::move(constant)) {}
  void add(std::vector<T> factor, const T* x) {
    factors_.push_back(std::move(factor));
    terms_.push_back({factors_.back().data(), x});
  }
  void compute(const cpu::MixBlock& block, T* y) const { cpu::mix_terms<T, T>(block, constant_.data(), terms_, y); }
  /// The same of narrow maps in place of the x.
  void compute(const cpu::MixBlock& block, const std::vector<const BFloat16*>& x, BFloat16* y) const {
    if constexpr (std::is_same_v<T, float>)
      cpu::mix_narrow_terms(block, constant_.data(), terms_, x, y);
  }

 private:
  std::vector<T> constant_;
  std::vector<std::vector<T>> factors_;
  std::vector<cpu::MixTerm<T>> terms_;
};

}  // namespace ockham
