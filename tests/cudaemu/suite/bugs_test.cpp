// Seeded bugs: the checker finds each, says what kind it is, and is silent on sound programs.
#include "tests/cudaemu/suite/kernels/bugs.h"

#include <cublas_v2.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/cudaemu/suite/device_memory.h"
#include "tests/cudaemu/suite/handles.h"
#include "tests/cudaemu/suite/reports.h"

namespace ockham::emutest {
namespace {

using Floats = DeviceArray<float>;

/// 64 numbers on the device, 64 that nobody has written, and the reports.
struct Device : KeptReports {
  Floats x{std::vector<float>(64, 2.0f)};
  Floats y{64};
  static constexpr unsigned kThreads = 64;

  template <class... Parameters, class... Arguments>
  void run(void (*kernel)(Parameters...), Arguments... arguments) {
    launch(kernel, {dim3(1), dim3(kThreads)}, arguments...);
  }
  template <class... Parameters, class... Arguments>
  void run_blocks(unsigned blocks, void (*kernel)(Parameters...), Arguments... arguments) {
    launch(kernel, {dim3(blocks), dim3(kThreads)}, arguments...);
  }
};

void run_on(cudaStream_t stream, auto kernel, auto... arguments) {
  launch(kernel, {dim3(1), dim3(64), 0, stream}, arguments...);
}

BOOST_FIXTURE_TEST_SUITE(bugs, Device)

// Sound programs.

BOOST_AUTO_TEST_CASE(sound_kernels_are_silent) {
  run(fill, y.data(), 1.0f);
  run(copy, x.data(), y.data());
  run(reverse_through_shared, x.data(), y.data());
  run(last_of_warps, y.data());
  const Floats rows(640);
  run(broadcast_row, x.data(), rows.data(), 10);
  BOOST_TEST(are(""));
}

BOOST_AUTO_TEST_CASE(atomics_on_integers_are_silent) {
  const DeviceArray<int> count(std::vector<int>{0});
  run_blocks(2, count_threads, count.data());
  BOOST_TEST(are(""));
  BOOST_TEST(count.host()[0] == 128);
}

BOOST_AUTO_TEST_CASE(streams_that_events_order_are_silent) {
  const Stream a, b;
  const Event done;
  run_on(a, fill, y.data(), 1.0f);
  check(cudaEventRecord(done, a));
  check(cudaStreamWaitEvent(b, done));
  run_on(b, fill, y.data(), 2.0f);
  check(cudaStreamSynchronize(b));
  run_on(a, fill, y.data(), 3.0f);  // the host waited
  BOOST_TEST(are(""));
}

// Memory.

BOOST_AUTO_TEST_CASE(one_element_too_many) {
  run_blocks(2, writes_one_too_many, y.data(), 64);
  BOOST_TEST(are("memcheck", "0 bytes past the end"));
}

#if !defined(__clang__)  // which loads the members one by one
BOOST_AUTO_TEST_CASE(misaligned_vectors) {
  launch(misaligned_vector, {dim3(1), dim3(1)}, x.data(), y.data());
  BOOST_TEST(are("memcheck", "misaligned"));
}
#endif

BOOST_AUTO_TEST_CASE(index_beyond_a_row_of_shared_memory) {
  launch(leaves_its_row, {dim3(1), dim3(32)}, y.data(), 1);
  BOOST_TEST(are("boundscheck", "index 32"));
}

BOOST_AUTO_TEST_CASE(more_dynamic_memory_than_asked_for) {
  launch(leaves_dynamic_memory, {dim3(1), dim3(64), 63 * 4}, y.data());
  BOOST_TEST(are("memcheck", "dynamic shared memory"));
}

BOOST_AUTO_TEST_CASE(host_pointers_as_arguments_and_within_structures) {
  const std::vector<float> host(64);
  run(copy, host.data(), y.data());
  BOOST_TEST(are("memcheck", "host pointer"));
  run(reads_through, HostPointer{host.data()}, y.data());
  BOOST_TEST(are("memcheck", "host memory"));
}

BOOST_AUTO_TEST_CASE(local_variables_of_other_threads) {
  run(shares_a_local, y.data());
  BOOST_TEST(are("memcheck", "host memory"));
}

BOOST_AUTO_TEST_CASE(use_after_free_and_double_free) {
  float* freed = nullptr;
  check(cudaMalloc(&freed, 256));
  check(cudaFree(freed));
  run(copy, static_cast<const float*>(freed), y.data());
  BOOST_TEST(are("memcheck", "read of 4 bytes"));
  cudaFree(freed);
  BOOST_TEST(are("memcheck", "no live allocation begins"));
  cudaFree(y.data() + 1);
  BOOST_TEST(are("memcheck", "no live allocation begins"));
}

BOOST_AUTO_TEST_CASE(copies_and_fills_past_the_end) {
  const std::vector<float> host(65);
  cudaMemcpy(x.data(), host.data(), 260, cudaMemcpyHostToDevice);
  BOOST_TEST(are("memcheck", "memcpy writes 260 bytes"));
  cudaMemset(x.data() + 1, 0, 256);
  BOOST_TEST(are("memcheck", "memset writes 256 bytes"));
}

BOOST_AUTO_TEST_CASE(leading_dimension_past_the_end) {
  cublasHandle_t blas = nullptr;
  cublasCreate(&blas);
  const float one = 1, zero = 0;
  cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 8, 8, 8, &one, x, 8, x, 8, &zero, y, 9);
  BOOST_TEST(are("memcheck", "cuBLAS (C)"));
  cublasDestroy(blas);
}

BOOST_AUTO_TEST_CASE(overflow_of_an_index) {
  run(overflows, y.data(), 65536);
  BOOST_TEST(are("arithmetic", "multiplication"));
}

// Initialisation.

BOOST_AUTO_TEST_CASE(uninitialised_shared_memory) {
  run(forgets_last_of_shared, y.data());
  BOOST_TEST(are("initcheck", "shared"));
}

BOOST_AUTO_TEST_CASE(stale_shared_memory_of_an_earlier_block) {
  const Floats z(128);
  run_blocks(2, expects_shared_of_earlier_block, z.data());
  BOOST_TEST(are("initcheck", "shared"));
}

BOOST_AUTO_TEST_CASE(uninitialised_device_memory_is_seen_by_kernels_copies_and_products) {
  run(copy, static_cast<const float*>(y), x.data());
  BOOST_TEST(are("initcheck", "device memory"));
  const Floats z(64);
  run(forgets_tail, z.data(), 64);
  z.host();
  BOOST_TEST(are("initcheck", "byte 252 of 256"));
  cublasHandle_t blas = nullptr;
  cublasCreate(&blas);
  const float one = 1, zero = 0;
  cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 8, 8, 8, &one, x, 8, Floats(64), 8, &zero, y, 8);
  BOOST_TEST(are("initcheck", "cuBLAS (B)"));
  cublasDestroy(blas);
}

BOOST_AUTO_TEST_CASE(uninitialised_local_variables_are_no_numbers_that_pass_for_results) {
  run(forgets_a_local, x.data(), y.data(), 2);
  BOOST_TEST(y.host()[63] == 4.0f);
  run(forgets_a_local, x.data(), y.data(), 1);
  const std::vector<float> sums = y.host();
  BOOST_TEST(std::ranges::none_of(sums, [](float sum) { return std::abs(sum) < 1e30f; }));
}

// Barriers and warps.

BOOST_AUTO_TEST_CASE(missing_barriers) {
  run(lacks_barrier, x.data(), y.data());
  BOOST_TEST(are("racecheck", "no __syncthreads"));
  run(lacks_second_barrier, x.data(), y.data());
  BOOST_TEST(are("racecheck", "no __syncthreads"));
}

BOOST_AUTO_TEST_CASE(missing_barriers_of_a_warp) {
  launch(lacks_warp_barrier, {dim3(1), dim3(32)}, y.data());
  BOOST_TEST(are("racecheck", "no __syncwarp"));
  run(takes_warp_barrier_for_block, y.data());
  BOOST_TEST(are("racecheck", "no __syncthreads"));
}

BOOST_AUTO_TEST_CASE(divergent_barriers) {
  run(divergent_barrier, y.data());
  BOOST_TEST(are("synccheck", "divergent __syncthreads"));
  run(exits_before_barrier, y.data(), 40);
  BOOST_TEST(are("synccheck", "exited"));
  run(barrier_in_half, y.data());
  BOOST_TEST(are("synccheck"));
}

BOOST_AUTO_TEST_CASE(shuffles_among_lanes_that_are_not_there) {
  run(shuffle_with_exited_lanes, y.data());
  BOOST_TEST(are("deadlock", "wait for ever"));
  run(shuffle_reads_inactive_lane, y.data());
  BOOST_TEST(are("synccheck", "inactive lane"));
  run(divergent_shuffle, y.data());
  BOOST_TEST(are("synccheck", "divergent warp collectives"));
}

// Races.

BOOST_AUTO_TEST_CASE(blocks_that_write_one_place) {
  run_blocks(2, blocks_race, y.data());
  BOOST_TEST(are("racecheck", "of block"));
}

BOOST_AUTO_TEST_CASE(a_block_that_writes_what_two_others_read) {
  const Floats z(std::vector<float>(192));
  run_blocks(3, block_writes_what_others_read, static_cast<const float*>(z), z.data());
  BOOST_TEST(are("racecheck", "read by thread"));
}

BOOST_AUTO_TEST_CASE(sums_without_atomics_and_with_half_of_them) {
  run(adds_without_atomic, x.data());
  BOOST_TEST(are("racecheck"));
  const DeviceArray<int> z(std::vector<int>(1));
  run(mixes_atomic_and_store, z.data());
  BOOST_TEST(are("racecheck"));
}

BOOST_AUTO_TEST_CASE(memory_that_was_not_named) {
  const auto range = [](const Floats& of, bool writes) {
    const auto* const begin = reinterpret_cast<const std::byte*>(of.data());
    return emu::Named::Range{begin, begin + 64 * sizeof(float), writes};
  };
  const Floats z(64);
  {
    const emu::Named named({range(x, false), range(y, true)});
    run(copy, x.data(), y.data());
    BOOST_TEST(are(""));
    run(copy, x.data(), z.data());
    BOOST_TEST(are("operands", "write of 4 bytes"));
    run(copy, z.data(), y.data());
    BOOST_TEST(are("operands", "read of 4 bytes"));
    run(fill, x.data(), 1.0f);
    BOOST_TEST(are("operands", "write of 4 bytes"));
  }
  run(copy, x.data(), z.data());
  BOOST_TEST(are(""));
}

BOOST_AUTO_TEST_CASE(atomic_sums_of_floats) {
  run(adds_floats_atomically, x.data());
  BOOST_TEST(are("determinism", "order of threads"));
}

// Launches.

BOOST_AUTO_TEST_CASE(launches_beyond_the_limits_fail) {
  const auto tries = [&](dim3 grid, dim3 block, std::size_t dynamic_bytes) {
    cudaGetLastError();
    const cudaError_t error = try_launch(fill, {grid, block, dynamic_bytes}, y.data(), 1.0f);
    BOOST_TEST(cudaGetLastError() == error);
    return error;
  };
  BOOST_TEST(tries(dim3(0), dim3(64), 0) == cudaErrorInvalidConfiguration);
  BOOST_TEST(tries(dim3(1), dim3(0), 0) == cudaErrorInvalidConfiguration);
  BOOST_TEST(tries(dim3(1), dim3(1025), 0) == cudaErrorInvalidConfiguration);
  BOOST_TEST(tries(dim3(1), dim3(1, 1, 65), 0) == cudaErrorInvalidConfiguration);
  BOOST_TEST(tries(dim3(1, 65536), dim3(64), 0) == cudaErrorInvalidConfiguration);
  BOOST_TEST(tries(dim3(1), dim3(64), 49153) == cudaErrorInvalidValue);
  BOOST_TEST(cudaFuncSetAttribute(fill, cudaFuncAttributeMaxDynamicSharedMemorySize, 232449) == cudaErrorInvalidValue);
  check(cudaFuncSetAttribute(fill, cudaFuncAttributeMaxDynamicSharedMemorySize, 60000));
  BOOST_TEST(tries(dim3(1), dim3(64), 60000) == cudaSuccess);
  cudaGetLastError();
}

// Streams.

BOOST_AUTO_TEST_CASE(a_missing_event_is_found_in_whatever_order_streams_run) {
  for (const emu::Streams order : {emu::Streams::eager, emu::Streams::lazy, emu::Streams::random}) {
    emu::options().streams = order;
    const Stream a, b;
    run_on(a, fill, x.data(), 5.0f);
    run_on(b, copy, x.data(), y.data());
    check(cudaDeviceSynchronize());
    BOOST_TEST(are("racecheck", "no event or stream orders them"));
  }
  emu::options().streams = emu::Streams::eager;
}

BOOST_AUTO_TEST_CASE(a_missing_event_within_a_graph) {
  const Stream a, b;
  const Event fork, join;
  check(cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal));
  check(cudaEventRecord(fork, a));
  check(cudaStreamWaitEvent(b, fork));
  run_on(a, fill, x.data(), 5.0f);
  run_on(b, copy, x.data(), y.data());  // wants to wait for the fill
  check(cudaEventRecord(join, b));
  check(cudaStreamWaitEvent(a, join));
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t step = nullptr;
  check(cudaStreamEndCapture(a, &graph));
  check(cudaGraphInstantiate(&step, graph));
  check(cudaGraphLaunch(step, a));
  check(cudaStreamSynchronize(a));
  BOOST_TEST(are("racecheck", "no event or stream orders them"));
  cudaGraphExecDestroy(step);
  cudaGraphDestroy(graph);
}

BOOST_AUTO_TEST_CASE(a_pinned_buffer_read_before_the_host_waits) {
  emu::options().streams = emu::Streams::lazy;
  const Stream a;
  float* pinned = nullptr;
  check(cudaMallocHost(&pinned, 256));
  check(cudaMemcpyAsync(pinned, x, 256, cudaMemcpyDeviceToHost, a));
  BOOST_TEST(std::isnan(pinned[0]));
  check(cudaStreamSynchronize(a));
  BOOST_TEST(pinned[0] == 2.0f);
  emu::options().streams = emu::Streams::eager;
  cudaFreeHost(pinned);
}

BOOST_AUTO_TEST_CASE(stream_ordered_memory_used_before_its_birth_or_after_its_death) {
  const Stream a, b;
  float* z = nullptr;
  check(cudaMallocAsync(&z, 256, a));
  run_on(b, fill, z, 1.0f);
  BOOST_TEST(are("racecheck", "no event or stream orders them"));
  check(cudaDeviceSynchronize());
  run_on(b, fill, z, 1.0f);
  check(cudaFreeAsync(z, a));
  BOOST_TEST(are("racecheck", "no event or stream orders them"));
  run_on(a, fill, z, 1.0f);
  BOOST_TEST(are("memcheck", "write of 4 bytes"));
}

BOOST_AUTO_TEST_CASE(one_workspace_for_two_streams) {
  const Stream streams[2];
  const Floats space(64), results(128);
  cublasHandle_t blas[2];
  const float one = 1, zero = 0;
  for (int i : {0, 1}) {
    cublasCreate(&blas[i]);
    cublasSetStream(blas[i], streams[i]);
    cublasSetWorkspace(blas[i], space.data(), 256);
    cublasSgemm(blas[i], CUBLAS_OP_N, CUBLAS_OP_N, 8, 8, 8, &one, x, 8, x, 8, &zero, results + 64 * i, 8);
  }
  BOOST_TEST(are("racecheck", "gemm"));
  for (int i : {0, 1})
    cublasDestroy(blas[i]);
}

// Graphs.

BOOST_AUTO_TEST_CASE(allocation_within_a_capture) {
  const Stream a;
  void* memory = nullptr;
  cudaGraph_t graph = nullptr;
  check(cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal));
  BOOST_TEST(cudaMalloc(&memory, 4) == cudaErrorStreamCaptureUnsupported);
  BOOST_TEST(cudaStreamEndCapture(a, &graph) == cudaErrorStreamCaptureInvalidated);
  cudaGetLastError();
}

BOOST_AUTO_TEST_CASE(a_host_value_is_baked_into_a_graph_and_one_in_device_memory_is_not) {
  const Stream a;
  const Floats rate(std::vector<float>{1}), baked(64), read(64);
  float host_rate = 1;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t step = nullptr;
  check(cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal));
  run_on(a, fill, baked.data(), host_rate);
  run_on(a, fill_from, static_cast<const float*>(rate), read.data());
  check(cudaStreamEndCapture(a, &graph));
  check(cudaGraphInstantiate(&step, graph));
  host_rate = 0.5f;
  check(cudaMemcpy(rate, &host_rate, 4, cudaMemcpyHostToDevice));
  check(cudaGraphLaunch(step, a));
  check(cudaStreamSynchronize(a));
  BOOST_TEST(baked.host()[0] == 1.0f);
  BOOST_TEST(read.host()[0] == 0.5f);
  BOOST_TEST(are(""));
  cudaGraphExecDestroy(step);
  cudaGraphDestroy(graph);
}

// Ends.

BOOST_AUTO_TEST_CASE(leaks) {
  const std::size_t others = emu::report_leaks();
  emu::take_reports();
  float* leaked = nullptr;
  check(cudaMalloc(&leaked, 100));
  BOOST_TEST(emu::report_leaks() == others + 1);
  BOOST_TEST(are("leakcheck"));
  cudaFree(leaked);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham::emutest
