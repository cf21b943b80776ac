#include "tests/cudaemu/suite/kernels/bugs.h"

namespace ockham::emutest {
namespace {

__device__ __forceinline__ int me() {
  return static_cast<int>(threadIdx.x);
}

}  // namespace

__global__ void fill(float* y, float value) {
  y[me()] = value;
}
__global__ void fill_from(const float* value, float* y) {
  y[me()] = *value;
}
__global__ void copy(const float* x, float* y) {
  y[me()] = x[me()];
}
__global__ void count_threads(int* count) {
  atomicAdd(count, 1);
}
__global__ void reverse_through_shared(const float* x, float* y) {
  __shared__ float tile[64];
  tile[me()] = x[me()];
  __syncthreads();
  y[me()] = tile[63 - me()];
}
__global__ void broadcast_row(const float* x, float* y, int rows) {
  __shared__ float sum;
  for (int row = 0; row < rows; ++row) {
    if (me() == 0)
      sum = x[row];
    __syncthreads();
    y[row * 64 + me()] = sum;
    __syncthreads();
  }
}
__global__ void last_of_warps(float* y) {
  __shared__ float tile[64];
  tile[me()] = static_cast<float>(me());
  __syncwarp();
  y[me()] = tile[me() | 31];
}

__global__ void writes_one_too_many(float* y, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i <= n)
    y[i] = 1;
}
__global__ void misaligned_vector(const float* x, float* y) {
  const float4 v = *reinterpret_cast<const float4*>(x + 1);
  y[me()] = v.x + v.w;
}
__global__ void leaves_its_row(float* y, int offset) {
  __shared__ float tile[2][32];
  tile[0][me() & 31] = 0;
  __syncthreads();
  if (me() == 31)
    tile[0][me() + offset] = 1;
  __syncthreads();
  y[me()] = tile[0][me() & 31];
}
__global__ void leaves_dynamic_memory(float* y) {
  float* const cells = reinterpret_cast<float*>(dynamic_shared);
  cells[me()] = 1;
  y[me()] = cells[me()];
}
__global__ void reads_through(HostPointer pointer, float* y) {
  y[me()] = pointer.x[me()];
}
__global__ void overflows(float* y, int big) {
  y[(big * big + me()) & 63] = 1;
}
__global__ void shares_a_local(float* y) {
  __shared__ float* of_first;
  float mine = 1;
  if (me() == 0)
    of_first = &mine;
  __syncthreads();
  y[me()] = *of_first;
  __syncthreads();
}

namespace {
__device__ __attribute__((noinline)) float climb(float x, int depth) {
  volatile float cells[256] = {x};
  return depth == 0 ? x : climb(cells[depth % 256], depth - 1) + cells[0];
}
}  // namespace
__global__ void needs_a_large_stack(float* y, int depth) {
  y[me()] = climb(1, depth);
}

__global__ void forgets_last_of_shared(float* y) {
  __shared__ float tile[64];
  if (me() < 63)
    tile[me()] = 1;
  __syncthreads();
  y[me()] = tile[me()];
}
__global__ void expects_shared_of_earlier_block(float* y) {
  __shared__ float tile[64];
  if (blockIdx.x == 0)
    tile[me()] = 1;
  __syncthreads();
  y[blockIdx.x * 64 + threadIdx.x] = tile[me()];
}
__global__ void forgets_tail(float* y, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n - 1)
    y[i] = 1;
}
__global__ void forgets_a_local(const float* x, float* y, int filled) {
  float values[2];
  for (int i = 0; i < filled; ++i)
    values[i] = x[me()];
  y[me()] = values[0] + values[1];
}

__global__ void lacks_barrier(const float* x, float* y) {
  __shared__ float tile[64];
  tile[me()] = x[me()];
  y[me()] = tile[63 - me()];
}
__global__ void lacks_second_barrier(const float* x, float* y) {
  __shared__ float tile[64];
  float sum = 0;
  for (int k = 0; k < 2; ++k) {
    tile[me()] = x[me()] + static_cast<float>(k);
    __syncthreads();
    sum += tile[63 - me()];
  }
  y[me()] = sum;
}
__global__ void lacks_warp_barrier(float* y) {
  __shared__ float tile[32];
  tile[me()] = 1;
  y[me()] = tile[31 - me()];
}
__global__ void takes_warp_barrier_for_block(float* y) {
  __shared__ float tile[64];
  tile[me()] = 1;
  __syncwarp();
  y[me()] = tile[63 - me()];
}
__global__ void divergent_barrier(float* y) {
  if (me() < 32)
    __syncthreads();
  else
    __syncthreads();
  y[me()] = 1;
}
__global__ void exits_before_barrier(float* y, int n) {
  if (me() >= n)
    return;
  y[me()] = 1;
  __syncthreads();
}
__global__ void barrier_in_half(float* y) {
  if (me() < 32)
    __syncthreads();
  y[me()] = 1;
}
__global__ void shuffle_with_exited_lanes(float* y) {
  if ((me() & 31) < 16)
    y[me()] = __shfl_xor_sync(0xffffffffu, 1.0f, 16);
  else
    y[me()] = 0;
}
__global__ void shuffle_reads_inactive_lane(float* y) {
  if ((me() & 31) < 16)
    y[me()] = __shfl_xor_sync(0xffffu, 1.0f, 16);
}
__global__ void divergent_shuffle(float* y) {
  if ((me() & 31) < 16)
    y[me()] = __shfl_xor_sync(0xffffffffu, 1.0f, 16);
  else
    y[me()] = __shfl_xor_sync(0xffffffffu, 2.0f, 16);
}

__global__ void blocks_race(float* y) {
  y[me()] = static_cast<float>(blockIdx.x);
}
__global__ void block_writes_what_others_read(const float* x, float* y) {
  if (blockIdx.x == 2)
    y[me()] = 1;
  else
    y[64 * (1 + blockIdx.x) + threadIdx.x] = x[me()];  // x is y
}
__global__ void adds_without_atomic(float* y) {
  y[0] += 1;
}
__global__ void mixes_atomic_and_store(int* y) {
  atomicAdd(y, 1);
  if (me() == 0)
    *y = 3;
}
__global__ void adds_floats_atomically(float* y) {
  atomicAdd(y, 1.0f);
}

__global__ void copy_strided(const float* x, float* y, int stride) {
  y[me()] = x[me() * stride];
}
__global__ void column_of_tile(float* y, int pitch) {
  float* const tile = reinterpret_cast<float*>(dynamic_shared);
  tile[me() * pitch] = 1;
  y[me()] = 2;
}

}  // namespace ockham::emutest
