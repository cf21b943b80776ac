#pragma once
// Moments of a map, whoever made its parts: the op itself or the store of a convolution. One kernel type for both, so
// that those of a level are one launch of a recorded step. For .cu files.
#include "engine/cuda/channels.h"
#include "ops/batch_norm_fold/batch_norm_fold_cuda.h"

namespace ockham::cuda {

/// Finish of MergeMoments: moments as a result, and with all digits for later passes.
template <class T>
struct StoreMoments {
  std::int64_t C;
  double* exact;              ///< [2, C]; null: not wanted
  T* y;                       ///< [2, C]
  TakenFold<T, 5> fold = {};  ///< the edges that leave a node share the moments of its pools
  bool absorb(const FoldForward<T>& other) { return fold.take(other, y); }
  void operands(Operands& o, std::int64_t) const {
    o.writes(exact, 2 * C);
    o.writes(y, 2 * C);
    fold.operands(o);
  }
  __device__ void operator()(std::int64_t c, double mean, double variance) const {
    if (exact != nullptr) {
      exact[c] = mean;
      exact[C + c] = variance;
    }
    y[c] = static_cast<T>(mean);
    y[C + c] = static_cast<T>(variance);
    fold.put(c);
  }
};

}  // namespace ockham::cuda
