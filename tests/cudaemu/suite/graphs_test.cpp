// Capture of streams into graphs, their replay, and what a capture forbids.
#include <cuda_runtime.h>

#include <thread>
#include <vector>

#include "tests/cudaemu/suite/device_memory.h"
#include "tests/cudaemu/suite/handles.h"
#include "tests/cudaemu/suite/kernels/bugs.h"
#include "tests/cudaemu/suite/reports.h"

namespace ockham::emutest {
namespace {

using Floats = DeviceArray<float>;

/// A captured graph, ready to run.
struct Graph {
  /// @param body puts work into `stream`
  template <class Body>
  Graph(cudaStream_t stream, Body&& body) {
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    body();
    check(cudaStreamEndCapture(stream, &graph));
    check(cudaGraphInstantiate(&executable, graph));
  }
  ~Graph() {
    cudaGraphExecDestroy(executable);
    cudaGraphDestroy(graph);
  }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
};

std::size_t nodes_of(cudaGraph_t graph) {
  std::size_t count = 0;
  check(cudaGraphGetNodes(graph, nullptr, &count));
  return count;
}

BOOST_AUTO_TEST_SUITE(graphs)

BOOST_AUTO_TEST_CASE(a_graph_of_two_streams_replays_on_new_inputs_in_any_order) {
  in_each_stream_order([] {
    const Stream s, t;
    const Event fork, join;
    const Floats x(random_values(64, 1)), y(64), z(64), sum(64);
    const Graph step(s, [&] {
      check(cudaEventRecord(fork, s));
      check(cudaStreamWaitEvent(t, fork));
      launch(reverse_through_shared, {dim3(1), dim3(64), 0, s}, x.data(), y.data());
      launch(copy, {dim3(1), dim3(64), 0, t}, x.data(), z.data());
      check(cudaEventRecord(join, t));
      check(cudaStreamWaitEvent(s, join));
      launch(add_relu, {dim3(1), dim3(64), 0, s}, y.data(), z.data(), sum.data(), 64);
    });
    BOOST_TEST(nodes_of(step.graph) == 3u);
    for (const unsigned seed : {2u, 3u}) {
      const std::vector<float> input = random_values(64, seed);
      check(cudaMemcpyAsync(x, input.data(), 256, cudaMemcpyHostToDevice, s));
      check(cudaGraphLaunch(step.executable, s));
      std::vector<float> expected(64);
      for (std::size_t i = 0; i < 64; ++i)
        expected[i] = std::fmax(0.0f, input[i] + input[63 - i]);
      BOOST_TEST(sum.host() == expected);
    }
  });
}

BOOST_AUTO_TEST_CASE(capture_runs_nothing_and_nodes_have_types) {
  const Stream s;
  const Floats x(std::vector<float>(64)), y(std::vector<float>(64));
  const Graph step(s, [&] {
    launch(fill, {dim3(1), dim3(64), 0, s}, x.data(), 1.0f);
    check(cudaMemcpyAsync(y, x, 256, cudaMemcpyDeviceToDevice, s));
    check(cudaMemsetAsync(x, 0, 256, s));
    check(cudaLaunchHostFunc(
        s, [](void*) {}, nullptr));
    cudaStreamCaptureStatus status;
    check(cudaStreamIsCapturing(s, &status));
    BOOST_TEST((status == cudaStreamCaptureStatusActive));
  });
  BOOST_TEST(y.host()[0] == 0.0f);
  cudaGraphNode_t nodes[4];
  std::size_t count = 4;
  check(cudaGraphGetNodes(step.graph, nodes, &count));
  std::vector<int> types;
  for (cudaGraphNode_t node : nodes) {
    cudaGraphNodeType type;
    check(cudaGraphNodeGetType(node, &type));
    types.push_back(type);
  }
  BOOST_TEST(types == (std::vector<int>{cudaGraphNodeTypeKernel, cudaGraphNodeTypeMemcpy, cudaGraphNodeTypeMemset,
                                        cudaGraphNodeTypeHost}));
  check(cudaGraphLaunch(step.executable, s));
  BOOST_TEST(y.host()[0] == 1.0f);
  BOOST_TEST(x.host()[0] == 0.0f);
}

BOOST_AUTO_TEST_CASE(what_may_wait_or_allocate_is_forbidden_and_spoils_the_capture) {
  const Stream s;
  const Floats x(std::vector<float>(64));
  void* memory = nullptr;
  float host = 0;
  const auto spoils = [&](auto&& call) {
    cudaGraph_t graph = nullptr;
    check(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
    launch(fill, {dim3(1), dim3(64), 0, s}, x.data(), 1.0f);
    const bool failed = call() != cudaSuccess;
    const bool invalid = cudaStreamEndCapture(s, &graph) != cudaSuccess && graph == nullptr;
    cudaGetLastError();
    return failed && invalid;
  };
  BOOST_TEST(spoils([&] { return cudaMalloc(&memory, 4); }));
  BOOST_TEST(spoils([&] { return cudaMallocAsync(&memory, 4, s); }));
  BOOST_TEST(spoils([&] { return cudaMallocHost(&memory, 4); }));
  BOOST_TEST(spoils([&] { return cudaMemcpy(&host, x, 4, cudaMemcpyDeviceToHost); }));
  BOOST_TEST(spoils([&] { return cudaStreamSynchronize(s); }));
  BOOST_TEST(spoils([&] { return cudaStreamQuery(s); }));
  BOOST_TEST(spoils([&] { return cudaDeviceSynchronize(); }));
}

BOOST_AUTO_TEST_CASE(a_fork_that_is_not_joined_is_refused) {
  const Stream s, t;
  const Event fork;
  const Floats x(std::vector<float>(64));
  cudaGraph_t graph = nullptr;
  check(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
  check(cudaEventRecord(fork, s));
  check(cudaStreamWaitEvent(t, fork));
  launch(fill, {dim3(1), dim3(64), 0, t}, x.data(), 1.0f);
  BOOST_TEST((cudaStreamEndCapture(t, &graph) == cudaErrorStreamCaptureUnmatched));
  BOOST_TEST((cudaStreamEndCapture(s, &graph) == cudaErrorStreamCaptureUnjoined));
  BOOST_TEST((cudaStreamEndCapture(s, &graph) == cudaErrorIllegalState));
  cudaGetLastError();
}

BOOST_AUTO_TEST_CASE(other_threads_may_allocate_beside_a_capture_of_one_thread) {
  const auto allocates_beside = [](cudaStreamCaptureMode mode) {
    const Stream s;
    cudaGraph_t graph = nullptr;
    cudaError_t error = cudaSuccess;
    check(cudaStreamBeginCapture(s, mode));
    std::thread([&] {
      void* memory = nullptr;
      error = cudaMalloc(&memory, 4);
      if (error == cudaSuccess)
        cudaFree(memory);
    }).join();
    cudaStreamEndCapture(s, &graph);
    cudaGetLastError();
    if (graph != nullptr)
      cudaGraphDestroy(graph);
    return error == cudaSuccess;
  };
  BOOST_TEST(allocates_beside(cudaStreamCaptureModeThreadLocal));
  BOOST_TEST(allocates_beside(cudaStreamCaptureModeRelaxed));
  BOOST_TEST(!allocates_beside(cudaStreamCaptureModeGlobal));
}

BOOST_AUTO_TEST_CASE(the_log_shows_what_ran_within_graphs_too) {
  const Stream s;
  const Floats x(std::vector<float>(64)), y(64);
  const Graph step(s, [&] {
    launch(fill, {dim3(1), dim3(64), 0, s}, x.data(), 1.0f);
    launch(copy, {dim3(1), dim3(64), 0, s}, x.data(), y.data());
  });
  const emu::LaunchLog log;
  emu::reset_stats();
  check(cudaGraphLaunch(step.executable, s));
  check(cudaGraphLaunch(step.executable, s));
  check(cudaMemsetAsync(x, 0, 256, s));
  check(cudaStreamSynchronize(s));
  const std::string fill_name = "ockham::emutest::fill(float*, float)";
  BOOST_TEST(log.names().size() == 5u);
  BOOST_TEST(log.names()[2] == fill_name);
  BOOST_TEST(log.names()[4] == "memset");
  BOOST_TEST(log.count("emutest::copy") == 2u);
  BOOST_TEST(emu::stats_of("emutest::fill").launches == 2);
  BOOST_TEST(emu::stats_of("emutest::fill").threads == 128);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham::emutest
