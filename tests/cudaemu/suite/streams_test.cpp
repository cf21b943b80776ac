// Streams and events: results do not depend on when work runs, unless something is missing.
#include <cuda_runtime.h>

#include <chrono>
#include <cmath>
#include <thread>
#include <vector>

#include "tests/cudaemu/suite/device_memory.h"
#include "tests/cudaemu/suite/handles.h"
#include "tests/cudaemu/suite/kernels/bugs.h"
#include "tests/cudaemu/suite/reports.h"

namespace ockham::emutest {
namespace {

using Floats = DeviceArray<float>;

BOOST_AUTO_TEST_SUITE(streams)

BOOST_AUTO_TEST_CASE(two_streams_joined_by_events_give_the_same_in_any_order) {
  const std::vector<float> a = random_values(1000, 11), b = random_values(1000, 12);
  in_each_stream_order([&] {
    const Stream s, t;
    const Event fork, join;
    const Floats da(a), db(b), t1(1000), t2(1000), y(1000);
    const auto add = [](cudaStream_t stream, const Floats& u, const Floats& v, const Floats& sum) {
      launch(add_relu, {dim3(4), dim3(256), 0, stream}, u.data(), v.data(), sum.data(), 1000);
    };
    for (int repeat = 0; repeat < 5; ++repeat) {
      add(s, da, db, t1);
      check(cudaEventRecord(fork, s));
      check(cudaStreamWaitEvent(t, fork));
      add(t, da, da, t2);
      check(cudaEventRecord(join, t));
      check(cudaStreamWaitEvent(s, join));
      add(s, t1, t2, y);
    }
    std::vector<float> expected(1000);
    for (std::size_t i = 0; i < 1000; ++i)
      expected[i] = std::fmax(0.0f, std::fmax(0.0f, a[i] + b[i]) + std::fmax(0.0f, 2 * a[i]));
    BOOST_TEST(y.host() == expected);
  });
}

BOOST_AUTO_TEST_CASE(lazy_streams_run_when_something_waits_for_them) {
  const StreamOrder lazy(emu::Streams::lazy);
  const Stream s;
  const Floats y(std::vector<float>(64));
  launch(fill, {dim3(1), dim3(64), 0, s}, y.data(), 3.0f);
  BOOST_TEST((cudaStreamQuery(s) == cudaErrorNotReady));
  BOOST_TEST((cudaStreamQuery(s) == cudaSuccess));  // asking makes it go on
  BOOST_TEST(y.host()[0] == 3.0f);
}

BOOST_AUTO_TEST_CASE(the_default_stream_and_blocking_streams_wait_for_each_other) {
  in_each_stream_order([] {
    cudaStream_t blocking = nullptr;
    check(cudaStreamCreate(&blocking));
    const Floats x(64), y(64);
    launch(fill, {dim3(1), dim3(64), 0, blocking}, x.data(), 1.0f);
    launch(copy, {dim3(1), dim3(64)}, x.data(), y.data());
    launch(fill, {dim3(1), dim3(64), 0, blocking}, x.data(), 2.0f);
    BOOST_TEST(y.host()[5] == 1.0f);
    BOOST_TEST(x.host()[5] == 2.0f);
    check(cudaStreamDestroy(blocking));
  });
}

BOOST_AUTO_TEST_CASE(pageable_sources_are_read_at_the_call_and_pinned_ones_by_the_stream) {
  const StreamOrder lazy(emu::Streams::lazy);
  const Stream s;
  const Floats x(1), y(1);
  float pageable = 1;
  float* pinned = nullptr;
  check(cudaMallocHost(&pinned, 4));
  *pinned = 1;
  check(cudaMemcpyAsync(x, &pageable, 4, cudaMemcpyHostToDevice, s));
  check(cudaMemcpyAsync(y, pinned, 4, cudaMemcpyHostToDevice, s));
  pageable = *pinned = 2;
  BOOST_TEST(x.host()[0] == 1.0f);
  BOOST_TEST(y.host()[0] == 2.0f);
  cudaFreeHost(pinned);
}

BOOST_AUTO_TEST_CASE(host_functions_run_in_stream_order) {
  in_each_stream_order([] {
    const Stream s;
    int calls = 0;
    for (int i = 0; i < 3; ++i)
      check(cudaLaunchHostFunc(
          s, [](void* data) { ++*static_cast<int*>(data); }, &calls));
    check(cudaStreamSynchronize(s));
    BOOST_TEST(calls == 3);
  });
}

BOOST_AUTO_TEST_CASE(events_tell_the_time_between_them) {
  const Stream s;
  cudaEvent_t begin = nullptr, end = nullptr;
  check(cudaEventCreate(&begin));
  check(cudaEventCreate(&end));
  check(cudaEventRecord(begin, s));
  check(cudaLaunchHostFunc(
      s, [](void*) { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }, nullptr));
  check(cudaEventRecord(end, s));
  check(cudaEventSynchronize(end));
  BOOST_TEST((cudaEventQuery(end) == cudaSuccess));
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, begin, end));
  BOOST_TEST(milliseconds >= 20.0f);
  const Event without_time;
  check(cudaEventRecord(without_time, s));
  BOOST_TEST((cudaEventElapsedTime(&milliseconds, begin, without_time) == cudaErrorInvalidResourceHandle));
  cudaGetLastError();
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
}

BOOST_AUTO_TEST_CASE(handles_of_nothing_are_refused) {
  cudaStream_t gone = nullptr;
  check(cudaStreamCreate(&gone));
  check(cudaStreamDestroy(gone));
  BOOST_TEST((cudaStreamSynchronize(gone) == cudaErrorInvalidResourceHandle));
  BOOST_TEST((cudaGetLastError() == cudaErrorInvalidResourceHandle));
  BOOST_TEST((cudaGetLastError() == cudaSuccess));
  BOOST_TEST((cudaStreamCreateWithFlags(&gone, 7) == cudaErrorInvalidValue));
  BOOST_TEST((cudaPeekAtLastError() == cudaErrorInvalidValue));
  std::thread([] { BOOST_TEST((cudaGetLastError() == cudaSuccess)); }).join();  // each thread has its own
  cudaGetLastError();
}

BOOST_AUTO_TEST_CASE(host_threads_share_the_device) {
  constexpr int kThreads = 4;
  std::vector<double> errors(kThreads, 1.0);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([t, &errors] {
      const Stream s;
      const std::vector<float> x = random_values(37 * 100, static_cast<unsigned>(t));
      std::vector<float> sums(37);
      for (std::size_t i = 0; i < x.size(); ++i)
        sums[i / 100] += x[i];
      const Floats dx(x), y(37);
      for (int repeat = 0; repeat < 10; ++repeat)
        launch(row_sum, {dim3(37), dim3(128), 0, s}, dx.data(), y.data(), 100);
      check(cudaStreamSynchronize(s));
      errors[static_cast<std::size_t>(t)] = difference(y.host(), sums);
    });
  for (std::thread& thread : threads)
    thread.join();
  for (const double error : errors)
    BOOST_TEST(error < 1e-4);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham::emutest
