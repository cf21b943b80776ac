#include "ops/loops_cuda.h"

namespace ockham::cuda {

constexpr int kMostTerms = 8;

template <class T>
struct Combine {
  static constexpr int kThreads = 256;
  static constexpr int kPerThread = 4;
  static constexpr std::int64_t kPerBlock = kThreads * kPerThread;
  std::int64_t D, n;
  int count;
  bool adds;
  Term<T> terms[kMostTerms];
  T* y;

  std::int64_t blocks() const { return D * blocks_for(n, kPerBlock); }
  void operands(Operands& o) const {
    for (int k = 0; k < count; ++k) {
      o.reads(terms[k].x.data, terms[k].x.count * n);
      o.reads(terms[k].factor.data, terms[k].factor.count);
    }
    o.writes(y, D * n);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t pieces = blocks_for(n, kPerBlock);
    const std::int64_t d = block / pieces;
    const std::int64_t first = block % pieces * kPerBlock + threadIdx.x;
    T* const to = y + d * n;
    T total[kPerThread] = {};
    for (int j = 0; j < kPerThread; ++j) {
      if (adds && first + j * kThreads < n)
        total[j] = to[first + j * kThreads];
    }
    for (int k = 0; k < count; ++k) {
      const Term<T>& term = terms[k];
      const T* const x = term.x.of(d, n);
      const T factor = term.factor.data != nullptr ? term.weight * *term.factor.of(d, 1) : term.weight;
      for (int j = 0; j < kPerThread; ++j) {
        if (first + j * kThreads < n)
          total[j] += factor * x[first + j * kThreads];
      }
    }
    for (int j = 0; j < kPerThread; ++j) {
      if (first + j * kThreads < n)
        to[first + j * kThreads] = total[j];
    }
  }
};

template <class T>
void combine(std::int64_t D, std::int64_t n, std::span<const Term<T>> terms, T* y, bool adds) {
  do {
    const std::size_t count = std::min<std::size_t>(terms.size(), kMostTerms);
    Combine<T> kernel{.D = D, .n = n, .count = static_cast<int>(count), .adds = adds, .terms = {}, .y = y};
    std::copy_n(terms.begin(), count, kernel.terms);
    launch(kernel);
    terms = terms.subspan(count);
    adds = true;
  } while (!terms.empty());
}

template void combine(std::int64_t, std::int64_t, std::span<const Term<float>>, float*, bool);
template void combine(std::int64_t, std::int64_t, std::span<const Term<double>>, double*, bool);

}  // namespace ockham::cuda
