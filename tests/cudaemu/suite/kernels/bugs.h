#pragma once
// Kernels with one bug each, of the kinds that are made, and some without.
#include "tests/cudaemu/suite/kernels/kernels.h"

namespace ockham::emutest {

// Sound ones. Unless said otherwise, one block of 64 threads and arrays of 64.
__global__ void fill(float* y, float value);
__global__ void fill_from(const float* value, float* y);
__global__ void copy(const float* x, float* y);
__global__ void count_threads(int* count);
__global__ void reverse_through_shared(const float* x, float* y);
__global__ void broadcast_row(const float* x, float* y, int rows);
__global__ void last_of_warps(float* y);

// Accesses.
__global__ void writes_one_too_many(float* y, int n);
__global__ void misaligned_vector(const float* x, float* y);
__global__ void leaves_its_row(float* y, int offset);
__global__ void leaves_dynamic_memory(float* y);
struct HostPointer {
  const float* x;
};
__global__ void reads_through(HostPointer pointer, float* y);
__global__ void overflows(float* y, int big);
__global__ void shares_a_local(float* y);
__global__ void needs_a_large_stack(float* y, int depth);

// Initialisation.
__global__ void forgets_last_of_shared(float* y);
__global__ void expects_shared_of_earlier_block(float* y);
__global__ void forgets_tail(float* y, int n);
__global__ void forgets_a_local(const float* x, float* y, int filled);

// Barriers.
__global__ void lacks_barrier(const float* x, float* y);
__global__ void lacks_second_barrier(const float* x, float* y);
__global__ void lacks_warp_barrier(float* y);
__global__ void takes_warp_barrier_for_block(float* y);
__global__ void divergent_barrier(float* y);
__global__ void exits_before_barrier(float* y, int n);
__global__ void barrier_in_half(float* y);
__global__ void shuffle_with_exited_lanes(float* y);
__global__ void shuffle_reads_inactive_lane(float* y);
__global__ void divergent_shuffle(float* y);

// Races.
__global__ void blocks_race(float* y);
__global__ void block_writes_what_others_read(const float* x, float* y);
__global__ void adds_without_atomic(float* y);
__global__ void mixes_atomic_and_store(int* y);
__global__ void adds_floats_atomically(float* y);

// Patterns.
__global__ void copy_strided(const float* x, float* y, int stride);
__global__ void column_of_tile(float* y, int pitch);

}  // namespace ockham::emutest
