// Capture of streams into graphs, and their replay with the arguments of the capture.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/runtime/kernels.h"
#include "tests/cudaemu/runtime/stream.h"

struct CUgraphExec_st {
  std::vector<emu::Work> works;
  std::vector<std::vector<std::size_t>> after;
  std::shared_ptr<const emu::GraphOrder> order;  // where the checker asks for it
};

namespace emu {
namespace {

/// Does all the captured work lead to the stream where the capture began?
bool is_joined(const CUgraph_st& graph, const std::vector<std::size_t>& origin_tail) {
  std::vector<bool> leads_on(graph.nodes.size(), false);
  for (const std::size_t node : origin_tail)
    leads_on[node] = true;
  for (const auto& node : graph.nodes) {
    for (const std::size_t before : node->after)
      leads_on[before] = true;
  }
  return std::ranges::find(leads_on, false) == leads_on.end();
}

/// An order that keeps each node behind those it waits for: that of the capture, or any.
std::vector<std::size_t> order_of(const CUgraphExec_st& graph) {
  std::vector<std::size_t> order(graph.works.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (options().streams != Streams::random)
    return order;
  static std::minstd_rand random(options().seed);
  std::vector<std::size_t> open(graph.works.size());
  std::vector<std::vector<std::size_t>> followers(graph.works.size());
  std::vector<std::size_t> ready;
  for (std::size_t node = 0; node < open.size(); ++node) {
    open[node] = graph.after[node].size();
    for (const std::size_t before : graph.after[node])
      followers[before].push_back(node);
    if (open[node] == 0)
      ready.push_back(node);
  }
  for (std::size_t& next : order) {
    std::swap(ready[random() % ready.size()], ready.back());
    next = ready.back();
    ready.pop_back();
    for (const std::size_t node : followers[next]) {
      if (--open[node] == 0)
        ready.push_back(node);
    }
  }
  return order;
}

void replay(const CUgraphExec_st& graph) {
  for (const std::size_t node : order_of(graph)) {
    const Work& work = graph.works[node];
    log_launch(work.name);
    begin_node(graph.order, node, work.name);
    work.run();
  }
}

}  // namespace
}  // namespace emu

using namespace emu;

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  const Lock lock;
  const std::shared_ptr<CUstream_st> stream = find_stream(handle);
  if (stream == nullptr)
    return fail(cudaErrorInvalidResourceHandle);
  if (stream == find_stream(nullptr))
    return fail(cudaErrorStreamCaptureUnsupported);
  if (is_capturing(*stream))
    return fail(cudaErrorIllegalState);
  const auto capture = std::make_shared<Capture>();
  capture->origin = stream.get();
  capture->mode = mode;
  captures().push_back(capture);
  stream->capture = capture;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  const Lock lock;
  const std::shared_ptr<CUstream_st> stream = find_stream(handle);
  if (stream == nullptr || !is_capturing(*stream))
    return fail(cudaErrorIllegalState);
  const std::shared_ptr<Capture> capture = stream->capture;
  if (capture->origin != stream.get())
    return fail(cudaErrorStreamCaptureUnmatched);
  if (capture->mode != cudaStreamCaptureModeRelaxed && capture->thread != std::this_thread::get_id())
    return fail(cudaErrorStreamCaptureWrongThread);
  const bool joined = is_joined(*capture->graph, stream->capture_tail);
  release_streams(*capture);
  std::erase(captures(), capture);
  const std::unique_ptr<CUgraph_st> captured = std::move(capture->graph);
  *graph = nullptr;
  if (capture->spoilt != cudaSuccess)
    return fail(cudaErrorStreamCaptureInvalidated);
  if (!joined)
    return fail(cudaErrorStreamCaptureUnjoined);
  *graph = new CUgraph_st(std::move(*captured));
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  const Lock lock;
  const std::shared_ptr<CUstream_st> stream = find_stream(handle);
  if (stream == nullptr || status == nullptr)
    return fail(cudaErrorInvalidValue);
  *status = !is_capturing(*stream)                   ? cudaStreamCaptureStatusNone
            : stream->capture->spoilt == cudaSuccess ? cudaStreamCaptureStatusActive
                                                     : cudaStreamCaptureStatusInvalidated;
  return cudaSuccess;
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  *mode = exchange_capture_mode(*mode);
  return cudaSuccess;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, std::size_t* count) {
  if (graph == nullptr || count == nullptr)
    return fail(cudaErrorInvalidValue);
  if (nodes == nullptr) {
    *count = graph->nodes.size();
    return cudaSuccess;
  }
  for (std::size_t i = 0; i < *count; ++i)
    nodes[i] = i < graph->nodes.size() ? graph->nodes[i].get() : nullptr;
  *count = std::min(*count, graph->nodes.size());
  return cudaSuccess;
}

cudaError_t cudaGraphNodeGetType(cudaGraphNode_t node, cudaGraphNodeType* type) {
  if (node == nullptr || type == nullptr)
    return fail(cudaErrorInvalidValue);
  *type = node->work.kind;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long flags) {
  constexpr unsigned long long kKnown = cudaGraphInstantiateFlagAutoFreeOnLaunch | cudaGraphInstantiateFlagUpload |
                                        cudaGraphInstantiateFlagUseNodePriority;
  if (executable == nullptr || graph == nullptr || (flags & ~kKnown) != 0)
    return fail(cudaErrorInvalidValue);
  auto made = std::make_unique<CUgraphExec_st>();
  for (const auto& node : graph->nodes) {
    made->works.push_back(node->work);
    made->after.push_back(node->after);
  }
  if (is_checking())
    made->order = std::make_shared<const GraphOrder>(made->after);
  *executable = made.release();
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long flags) {
  return cudaGraphInstantiate(executable, graph, flags);
}

cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t stream) {
  const Lock lock;
  if (executable == nullptr || find_stream(stream) == nullptr)
    return fail(cudaErrorInvalidResourceHandle);
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  const Lock lock;
  if (executable == nullptr)
    return fail(cudaErrorInvalidValue);
  return enqueue(stream, {[executable] { replay(*executable); }, cudaGraphNodeTypeEmpty, ""});
}

/// The real one waits for launches under way; here all that is queued runs first.
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  const Lock lock;
  if (executable == nullptr)
    return fail(cudaErrorInvalidValue);
  drain_all();
  delete executable;
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  if (graph == nullptr)
    return fail(cudaErrorInvalidValue);
  delete graph;
  return cudaSuccess;
}
