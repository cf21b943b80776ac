#include "tests/cudaemu/suite/kernels/intrinsics.h"

namespace ockham::emutest {
namespace {

__device__ __forceinline__ int me() {
  return static_cast<int>(threadIdx.x);
}

}  // namespace

__global__ void shuffles(int* out, int width) {
  const int value = 100 + me();
  int* const mine = out + 4 * me();
  mine[0] = __shfl_sync(0xffffffffu, value, 3, width);
  mine[1] = __shfl_up_sync(0xffffffffu, value, 2, width);
  mine[2] = __shfl_down_sync(0xffffffffu, value, 5, width);
  mine[3] = __shfl_xor_sync(0xffffffffu, value, 9, width);
}

__global__ void wide_shuffles(double* sums, long long* counts) {
  double sum = 0.1 * me();
  long long count = 1ll << 40;
  for (int offset = 16; offset > 0; offset /= 2) {
    sum += __shfl_xor_sync(0xffffffffu, sum, offset);
    count += __shfl_down_sync(0xffffffffu, count, static_cast<unsigned>(offset));
  }
  sums[me()] = sum;
  counts[me()] = count;
}

__global__ void votes(unsigned* out) {
  unsigned* const mine = out + 4 * me();
  const int lane = me() % 32;
  mine[0] = __ballot_sync(0xffffffffu, lane % 2);
  mine[1] = static_cast<unsigned>(__any_sync(0xffffffffu, lane == 7));
  mine[2] = static_cast<unsigned>(__all_sync(0xffffffffu, lane < 32));
  mine[3] = 0;
  if (lane < 16)
    mine[3] = __ballot_sync(0xffffu, lane > 3);
}

__global__ void block_votes(int* out, int limit) {
  int* const mine = out + 3 * me();
  mine[0] = __syncthreads_and(me() < limit);
  mine[1] = __syncthreads_or(me() < limit);
  mine[2] = __syncthreads_count(me() < limit);
}

__global__ void atomics(int* cells, unsigned* masks, unsigned long long* wide) {
  const int t = me();
  atomicAdd(&cells[0], t);
  atomicMax(&cells[1], t);
  atomicMin(&cells[2], -t);
  atomicSub(&cells[3], 2);
  atomicOr(&masks[0], 1u << t % 32);
  atomicAnd(&masks[1], ~(1u << t % 16));
  atomicInc(&masks[2], 9);
  atomicAdd(&wide[0], 1ull << 33);
  if (t == 5)
    atomicExch(&wide[1], 77ull);
}

__global__ void maximum_by_cas(unsigned* cell) {
  const auto square = static_cast<unsigned>(me() * me());
  unsigned seen = 0;
  while (true) {
    const unsigned found = atomicCAS(cell, seen, square > seen ? square : seen);
    if (found == seen)
      break;
    seen = found;
  }
}

__global__ void positions(unsigned* out) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned threads = blockDim.x * blockDim.y * blockDim.z;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  unsigned* const mine = out + 12 * (block * threads + thread);
  const uint3 places[2] = {blockIdx, threadIdx};
  const dim3 sizes[2] = {blockDim, gridDim};
  for (int i = 0; i < 2; ++i) {
    mine[3 * i] = places[i].x;
    mine[3 * i + 1] = places[i].y;
    mine[3 * i + 2] = places[i].z;
    mine[6 + 3 * i] = sizes[i].x;
    mine[7 + 3 * i] = sizes[i].y;
    mine[8 + 3 * i] = sizes[i].z;
  }
}

__global__ void bfloat16_steps(const float* a, const float* b, __nv_bfloat16* stepwise, float* in_float) {
  const __nv_bfloat16 x = __float2bfloat16(a[me()]), y = __float2bfloat16(b[me()]);
  stepwise[me()] = x * y + x;
  in_float[me()] = __bfloat162float(x) * __bfloat162float(y) + __bfloat162float(x);
}

__global__ void integer_functions(const unsigned* x, const unsigned* y, unsigned* out) {
  const unsigned a = x[me()], b = y[me()];
  unsigned* const mine = out + 7 * me();
  mine[0] = static_cast<unsigned>(__popc(a));
  mine[1] = static_cast<unsigned>(__clz(static_cast<int>(a)));
  mine[2] = static_cast<unsigned>(__ffs(static_cast<int>(a)));
  mine[3] = __brev(a);
  mine[4] = __umulhi(a, b);
  mine[5] = min(a, b);
  mine[6] = max(a, b);
}

__global__ void float_functions(const float* x, const float* y, float* out) {
  const float a = x[me()], b = y[me()];
  float* const mine = out + 6 * me();
  mine[0] = rsqrtf(a);
  mine[1] = __expf(b);
  mine[2] = __fdividef(b, a);
  mine[3] = fmaf(a, b, 1.0f);
  mine[4] = min(a, b);
  mine[5] = max(a, b);
}

__global__ void prefix_sums(int* out) {
  __shared__ int values[256];
  values[me()] = me();
  __syncthreads();
  for (int step = 1; step < 256; step *= 2) {
    const int earlier = me() >= step ? values[me() - step] : 0;
    __syncthreads();
    values[me()] += earlier;
    __syncthreads();
  }
  out[me()] = values[me()];
}

}  // namespace ockham::emutest
