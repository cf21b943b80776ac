#pragma once
// Streams: queues of work that run when something forces them (or at once, or in random turns), and their capture.
#include <driver_types.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/cudaemu/runtime/order.h"

namespace emu {

/// One thread at a time is within the runtime; entry points hold this.
class Lock {
 public:
  Lock() : guard_(mutex()) {}

 private:
  static std::recursive_mutex& mutex();
  std::lock_guard<std::recursive_mutex> guard_;
};

/// Makes an error the last one of the calling thread, as cudaGetLastError reads it. @return the error
cudaError_t fail(cudaError_t error);

/// A piece of work for the device.
struct Work {
  std::function<void()> run;
  cudaGraphNodeType kind = cudaGraphNodeTypeEmpty;
  std::string name = {};  // as in LaunchLog; empty: not shown there
};

struct Capture;

/// A point in a stream: all that was put into it up to then.
struct StreamPoint {
  std::shared_ptr<CUstream_st> stream;
  std::uint64_t number = 0;
  Clock clock = {};  // of what is done when the stream got there
};

/// Puts work at the end of a stream, or into the graph that is being captured from it.
cudaError_t enqueue(cudaStream_t stream, Work work);
/// Null if no such stream is there. A null handle is the default stream.
std::shared_ptr<CUstream_st> find_stream(cudaStream_t stream);
StreamPoint end_of(const std::shared_ptr<CUstream_st>& stream);
/// Runs all that was put into a stream, or into any.
void drain(CUstream_st& stream);
void drain_all();
/// So does the host when it waits, and knows that it is done.
void wait_for(CUstream_st& stream);
void wait_for_all();

bool is_capturing(const CUstream_st& stream);
/// Those that have begun and not ended.
std::vector<std::shared_ptr<Capture>>& captures();
/// All streams that take part in a capture leave it.
void release_streams(const Capture& capture);
cudaStreamCaptureMode exchange_capture_mode(cudaStreamCaptureMode mode);
/// For calls that a capture forbids to this thread: cudaErrorStreamCaptureUnsupported, and the capture is spoilt;
/// cudaSuccess where none forbids.
cudaError_t refuse_in_capture();
/// The same for calls that a stream refuses while it is captured.
cudaError_t refuse_in_capture(const CUstream_st& stream);

}  // namespace emu

/// A node of a captured graph.
struct CUgraphNode_st {
  emu::Work work;
  std::vector<std::size_t> after;  // numbers of the nodes it waits for
};

struct CUgraph_st {
  std::vector<std::unique_ptr<CUgraphNode_st>> nodes;
};

namespace emu {

struct Capture {
  std::unique_ptr<CUgraph_st> graph = std::make_unique<CUgraph_st>();
  CUstream_st* origin = nullptr;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id thread = std::this_thread::get_id();
  cudaError_t spoilt = cudaSuccess;
};

struct QueuedWork {
  Work work;
  std::vector<StreamPoint> waits;
  Clock clock = {};
};

/// What cudaEventRecord leaves: a point in a stream, or nodes of a capture.
struct EventRecord {
  StreamPoint point;
  std::shared_ptr<Capture> capture;
  std::vector<std::size_t> nodes;
  std::chrono::steady_clock::time_point time{};
};

}  // namespace emu

struct CUstream_st {
  std::deque<emu::QueuedWork> queue;
  std::uint64_t issued = 0, done = 0;
  std::uint32_t number = 0;  // no two streams ever have one
  emu::Clock clock;          // what is done when its queue is
  unsigned flags = 0;
  int priority = 0;
  std::shared_ptr<emu::Capture> capture;
  std::vector<std::size_t> capture_tail;  // the nodes that the next one of this stream waits for
};

struct CUevent_st {
  unsigned flags = 0;
  std::shared_ptr<emu::EventRecord> record;
};
