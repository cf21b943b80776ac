#pragma once
// Kernels that use what kernels of the engine use, and a little more, in the form of engine/cuda/launch.h: structs
// whose members are the arguments, launched alone or many at once. The interpreter's tests run each as compiled by the
// host's compiler and as PTX.
#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>

namespace ptx_kernels {

template <class Kernel>
__global__ void __launch_bounds__(Kernel::kThreads) run_one(const Kernel __grid_constant__ kernel) {
  kernel(static_cast<std::int64_t>(blockIdx.x));
}

/// As many kernels as fill the parameters of one launch.
template <class Kernel>
struct Batch {
  static constexpr int kMost = (32764 - 8) / static_cast<int>(sizeof(Kernel) + sizeof(unsigned));
  int count;
  unsigned first[kMost];
  Kernel kernels[kMost];
};

template <class Kernel>
__global__ void __launch_bounds__(Kernel::kThreads) run_many(const Batch<Kernel> __grid_constant__ batch) {
  int k = 0;
  while (k + 1 < batch.count && blockIdx.x >= batch.first[k + 1])
    ++k;
  batch.kernels[k](static_cast<std::int64_t>(blockIdx.x - batch.first[k]));
}

/// y_i = a x_i + b
template <class T>
struct Affine {
  static constexpr int kThreads = 128;
  std::int64_t n;
  T a, b;
  const T* x;
  T* y;
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t i = block * kThreads + threadIdx.x;
    if (i < n)
      y[i] = a * x[i] + b;
  }
};

/// Sums of rows by shuffles within warps, then over warps.
struct RowSum {
  static constexpr int kThreads = 256;
  std::int64_t n;
  const float* x;
  float* y;
  __device__ void operator()(std::int64_t block) const {
    __shared__ float parts[8];
    float sum = 0;
    for (std::int64_t i = threadIdx.x; i < n; i += kThreads)
      sum += x[block * n + i];
    for (int distance = 16; distance > 0; distance /= 2)
      sum += __shfl_down_sync(~0u, sum, static_cast<unsigned>(distance));
    if (threadIdx.x % 32 == 0)
      parts[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x < 32) {
      sum = threadIdx.x < 8 ? parts[threadIdx.x] : 0;
      for (int distance = 4; distance > 0; distance /= 2)
        sum += __shfl_xor_sync(~0u, sum, distance);
      if (threadIdx.x == 0)
        y[block] = sum;
    }
  }
};

/// Sums of 128 numbers by a tree in shared memory.
struct TreeSum {
  static constexpr int kThreads = 128;
  const double* x;
  double* y;
  __device__ void operator()(std::int64_t block) const {
    __shared__ double parts[kThreads];
    const unsigned t = threadIdx.x;
    parts[t] = x[block * kThreads + t];
    __syncthreads();
    for (unsigned half = kThreads / 2; half > 0; half /= 2) {
      if (t < half)
        parts[t] += parts[t + half];
      __syncthreads();
    }
    if (t == 0)
      y[block] = parts[0];
  }
};

/// Depthwise 3x3 convolution of one 32x32 plane a block, from a tile with its border in shared memory.
struct Depthwise {
  static constexpr int kThreads = 256;
  const float* x;
  const float* w;
  float* y;
  __device__ void operator()(std::int64_t block) const {
    __shared__ float tile[34][34];
    const float* const plane = x + block * 1024;
    for (int i = static_cast<int>(threadIdx.x); i < 34 * 34; i += kThreads) {
      const int row = i / 34 - 1, column = i % 34 - 1;
      const bool is_inside = row >= 0 && row < 32 && column >= 0 && column < 32;
      tile[i / 34][i % 34] = is_inside ? plane[row * 32 + column] : 0;
    }
    float taps[9];
    for (int k = 0; k < 9; ++k)
      taps[k] = w[block * 9 + k];
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < 1024; i += kThreads) {
      float sum = 0;
      for (int k = 0; k < 9; ++k)
        sum += taps[k] * tile[i / 32 + k / 3][i % 32 + k % 3];
      y[block * 1024 + i] = sum;
    }
  }
};

/// Quotients and remainders by variables and by constants, in 16, 32 and 64 bits.
struct Divide {
  static constexpr int kThreads = 64;
  const std::int32_t *a, *b;
  const std::int64_t *c, *d;
  std::int32_t* narrow;  ///< 8 a thread
  std::int64_t* wide;    ///< 6 a thread
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t t = block * kThreads + threadIdx.x;
    const std::int32_t x = a[t], y = b[t];
    const auto u = static_cast<std::uint32_t>(x), v = static_cast<std::uint32_t>(y);
    const std::int32_t results[8] = {
        x / y, x % y,  static_cast<std::int32_t>(u / v), static_cast<std::int32_t>(u % v),
        x / 7, x % 10, static_cast<std::int16_t>(x) / 3, static_cast<std::uint16_t>(x) / 11};
    for (int k = 0; k < 8; ++k)
      narrow[8 * t + k] = results[k];
    const auto p = static_cast<std::uint64_t>(c[t]), q = static_cast<std::uint64_t>(d[t]);
    wide[6 * t] = c[t] / d[t];
    wide[6 * t + 1] = c[t] % d[t];
    wide[6 * t + 2] = static_cast<std::int64_t>(p / q);
    wide[6 * t + 3] = static_cast<std::int64_t>(p % q);
    wide[6 * t + 4] = c[t] / 1000003;
    wide[6 * t + 5] = static_cast<std::int64_t>(p % 12);
  }
};

/// Philox 4x32-10 (Salmon et al., 2011) and numbers of [0, 1) from it.
struct Philox {
  static constexpr int kThreads = 64;
  std::uint32_t key0, key1;
  uint4* bits;
  float* uniform;
  double* uniform_double;
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t t = block * kThreads + threadIdx.x;
    std::uint32_t c0 = static_cast<std::uint32_t>(t), c1 = static_cast<std::uint32_t>(t >> 32), c2 = 5, c3 = 7;
    std::uint32_t k0 = key0, k1 = key1;
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0, p1 = std::uint64_t{0xCD9E8D57u} * c2;
      c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
      c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
      c1 = static_cast<std::uint32_t>(p1);
      c3 = static_cast<std::uint32_t>(p0);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    bits[t] = {c0, c1, c2, c3};
    uniform[t] = static_cast<float>(c0 >> 8) * 0x1p-24f;
    uniform_double[t] = static_cast<double>((std::uint64_t{c0} << 32 | c1) >> 11) * 0x1p-53;
  }
};

/// A function by its number.
struct Switch {
  static constexpr int kThreads = 64;
  const std::int32_t* code;
  const float* x;
  float* y;
  __device__ float value(std::int32_t which, float v) const {
    switch (which) {
      case 0:
        return v;
      case 1:
        return v * v;
      case 2:
        return sqrtf(v);
      case 3:
        return 1 / v;
      case 4:
        return expf(v);
      case 5:
        return logf(v);
      case 6:
        return tanhf(v);
      case 7:
        return fmaxf(v - 1, 0);
      case 8:
        return rsqrtf(v);
      default:
        return -1;
    }
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t t = block * kThreads + threadIdx.x;
    y[t] = value(code[t], x[t]);
  }
};

/// Nine numbers sorted in an array of the thread, then turned by a number that is known only here.
struct Sort {
  static constexpr int kThreads = 64;
  const std::int32_t* x;
  std::int32_t* y;
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t t = block * kThreads + threadIdx.x;
    std::int32_t a[9];
    for (int i = 0; i < 9; ++i)
      a[i] = x[9 * t + i];
    const int turn = a[0] & 7;
    for (int i = 1; i < 9; ++i) {
      const std::int32_t v = a[i];
      int j = i;
      for (; j > 0 && a[j - 1] > v; --j)
        a[j] = a[j - 1];
      a[j] = v;
    }
    for (int i = 0; i < 9; ++i)
      y[9 * t + i] = a[(i + turn) % 9];
  }
};

/// Functions of a positive number, 12 a thread.
template <class T>
struct Functions {
  static constexpr int kThreads = 64;
  static constexpr int kCount = 12;
  const T* x;
  T* y;
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t t = block * kThreads + threadIdx.x;
    const T v = x[t];
    T* const out = y + kCount * t;
    out[0] = std::exp(v);
    out[1] = std::log(v);
    out[2] = std::tanh(v);
    out[3] = std::sqrt(v);
    out[4] = T(1) / std::sqrt(v);
    out[5] = std::pow(v, T(1.7));
    out[6] = std::expm1(v);
    out[7] = std::log1p(v);
    out[8] = v / x[0];
    out[9] = std::floor(v) + T(10) * std::ceil(v);
    out[10] = std::fmax(v, T(2)) - std::fmin(v, T(1)) + std::fabs(T(1) - v);
    out[11] = std::exp(-v) / (T(1) + std::exp(-v));
  }
};

/// float to bfloat16, to the nearest, by its bits, and back; two results in one word.
struct RoundToBFloat16 {
  static constexpr int kThreads = 64;
  const float* x;
  std::uint16_t* narrow;
  float* wide;
  __device__ static std::uint16_t rounded(float value) {
    const std::uint32_t bits = __float_as_uint(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
      return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
    return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t t = block * kThreads + threadIdx.x;
    narrow[t] = rounded(x[t]);
    wide[t] = __uint_as_float(static_cast<std::uint32_t>(narrow[t]) << 16);
  }
};

__constant__ const std::int32_t kTable[5] = {3, 1, 4, 1, 5};

/// A table in constant memory, and a function that is called.
struct Tables {
  static constexpr int kThreads = 64;
  const std::uint32_t* x;
  std::int32_t* y;
  float* z;
  __attribute__((noinline)) __device__ static float polynomial(float x, const float* coefficients, int n) {
    float result = 0;
    for (int i = 0; i < n; ++i)
      result = result * x + coefficients[i];
    return result;
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t t = block * kThreads + threadIdx.x;
    const std::uint32_t v = x[t];
    y[t] = kTable[v % 5];
    const float coefficients[4] = {0.5f, 0.25f, static_cast<float>(v % 3), 2.0f};
    z[t] = polynomial(static_cast<float>(v % 100) * 0.125f, coefficients, static_cast<int>(v % 4 + 1));
  }
};

/// Functions of bits, 8 a thread.
struct Bits {
  static constexpr int kThreads = 64;
  const std::uint32_t* x;
  std::uint32_t* y;
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t t = block * kThreads + threadIdx.x;
    const std::uint32_t v = x[t];
    std::uint32_t* const out = y + 8 * t;
    out[0] = static_cast<std::uint32_t>(__popc(v));
    out[1] = static_cast<std::uint32_t>(__clz(static_cast<int>(v)));
    out[2] = v >> 5 & 0x7f;
    out[3] = static_cast<std::uint32_t>(static_cast<std::int32_t>(v << 7) >> 11);
    out[4] = (v & 0xffff0000u) | (v >> 3 & 0xffffu);
    out[5] = v << (t % 32) | v >> (31 - t % 32);
    out[6] = __umulhi(v, 0x12345678u);
    out[7] = v % 2 == 0 ? v / 2 : 3 * v + 1;
  }
};

/// Counts of 8 kinds: in shared memory first, then over all blocks.
struct Histogram {
  static constexpr int kThreads = 64;
  const std::int32_t* x;
  unsigned* counts;
  int* greatest;
  __device__ void operator()(std::int64_t block) const {
    __shared__ unsigned here[8];
    if (threadIdx.x < 8)
      here[threadIdx.x] = 0;
    __syncthreads();
    const std::int32_t v = x[block * kThreads + threadIdx.x];
    atomicAdd(&here[v & 7], 1u);
    atomicMax(greatest, v);
    __syncthreads();
    if (threadIdx.x < 8)
      atomicAdd(&counts[threadIdx.x], here[threadIdx.x]);
  }
};

/// Shuffles in segments, votes, and warps that part and meet again, 8 a thread.
struct Warps {
  static constexpr int kThreads = 64;
  const std::int32_t* x;
  std::uint32_t* y;
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t t = block * kThreads + threadIdx.x;
    const std::int32_t v = x[t];
    std::uint32_t* const out = y + 8 * t;
    out[0] = __ballot_sync(~0u, v & 1);
    out[1] = static_cast<std::uint32_t>(__any_sync(~0u, v == 3) + 2 * __all_sync(~0u, v < 100));
    out[2] = static_cast<std::uint32_t>(__shfl_sync(~0u, v, v & 31));
    out[3] = static_cast<std::uint32_t>(__shfl_up_sync(~0u, v, 3, 8));
    out[4] = static_cast<std::uint32_t>(__shfl_down_sync(~0u, v, 2, 16));
    out[5] = static_cast<std::uint32_t>(__shfl_xor_sync(~0u, v, 5, 8));
    std::uint32_t half;
    if (threadIdx.x % 2 == 0)
      half = __ballot_sync(0x55555555u, v & 2);
    else
      half = static_cast<std::uint32_t>(__shfl_xor_sync(0xaaaaaaaau, v, 2));
    out[6] = half;
    __syncwarp();
    const double d = __shfl_xor_sync(~0u, static_cast<double>(v) + 0.25, 1);
    out[7] = static_cast<std::uint32_t>(static_cast<std::int32_t>(d * 4));
  }
};

/// Loads and stores of several numbers at once.
struct Vectors {
  static constexpr int kThreads = 64;
  const float4* x;
  float4* y;
  const double2* d;
  double2* e;
  const uchar4* u;
  uchar4* v;
  const short2* s;
  short2* r;
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t t = block * kThreads + threadIdx.x;
    float4 f = x[t];
    f.x += f.w;
    f.y *= f.z;
    y[t] = f;
    const double2 g = d[t];
    e[t] = {g.y, -g.x};
    const uchar4 b = u[t];
    v[t] = {static_cast<unsigned char>(b.w + 1), b.z, static_cast<unsigned char>(b.y - b.x), b.x};
    const short2 h = s[t];
    r[t] = {static_cast<short>(h.y - h.x), static_cast<short>(h.x * h.y)};
  }
};

/// Conversions between numbers, in all ways that C++ has, 12 a thread.
struct Conversions {
  static constexpr int kThreads = 64;
  const double* x;
  double* y;
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t t = block * kThreads + threadIdx.x;
    const double v = x[t];
    const auto f = static_cast<float>(v);
    double* const out = y + 12 * t;
    out[0] = f;
    out[1] = static_cast<std::int32_t>(v);
    out[2] = static_cast<std::uint32_t>(std::fabs(v));
    out[3] = static_cast<double>(static_cast<std::int64_t>(v * 1e6));
    out[4] = static_cast<double>(static_cast<std::uint64_t>(std::fabs(v) * 1e6));
    out[5] = static_cast<std::int32_t>(f);
    out[6] = static_cast<float>(static_cast<std::int64_t>(v * 1e6));
    out[7] = static_cast<std::int16_t>(v);
    out[8] = static_cast<std::int8_t>(static_cast<std::int32_t>(v));
    out[9] = std::rint(v);
    out[10] = std::trunc(v);
    out[11] = static_cast<float>(static_cast<std::uint32_t>(static_cast<std::int32_t>(v)));
  }
};

}  // namespace ptx_kernels
