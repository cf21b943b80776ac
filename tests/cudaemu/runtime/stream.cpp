#include "tests/cudaemu/runtime/stream.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <map>
#include <random>
#include <utility>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/runtime/kernels.h"

namespace emu {
namespace {

using StreamMap = std::map<CUstream_st*, std::shared_ptr<CUstream_st>>;

/// The default stream is always there, under its own address.
struct StreamTable {
  std::shared_ptr<CUstream_st> standard = std::make_shared<CUstream_st>();
  StreamMap all{{standard.get(), standard}};
  std::vector<std::shared_ptr<Capture>> captures;
  std::uint32_t streams_made = 1;
  Clock host;  // what host code has waited for
  std::minstd_rand random{options().seed};
};

StreamTable& table() {
  static StreamTable the_table;
  return the_table;
}

thread_local cudaError_t last_error = cudaSuccess;
thread_local cudaStreamCaptureMode thread_mode = cudaStreamCaptureModeGlobal;

bool is_done(const StreamPoint& point) {
  return point.stream->done >= point.number;
}

/// What the next work of a stream waits for, or null.
const StreamPoint* unsatisfied_wait(const CUstream_st& stream) {
  for (const StreamPoint& wait : stream.queue.front().waits) {
    if (!is_done(wait))
      return &wait;
  }
  return nullptr;
}

void run_next(CUstream_st& stream) {
  const QueuedWork next = std::move(stream.queue.front());
  stream.queue.pop_front();
  if (!next.work.name.empty())
    log_launch(next.work.name);
  begin_work(stream.number, stream.done + 1, next.clock, next.work.name);
  if (next.work.run)
    next.work.run();
  ++stream.done;
}

/// Now and then, another stream goes first.
void let_another_overtake(const CUstream_st& stream) {
  StreamTable& streams = table();
  if (options().streams != Streams::random || streams.all.size() < 2 || streams.random() % 2 == 0)
    return;
  auto it = streams.all.begin();
  std::advance(it, static_cast<std::ptrdiff_t>(streams.random() % streams.all.size()));
  const std::shared_ptr<CUstream_st> other = it->second;
  if (other.get() != &stream && !other->queue.empty() && unsatisfied_wait(*other) == nullptr)
    run_next(*other);
}

void run_up_to(CUstream_st& stream, std::uint64_t number) {
  while (stream.done < number) {
    let_another_overtake(stream);
    if (stream.done >= number)
      return;
    if (const StreamPoint* wait = unsatisfied_wait(stream)) {
      const StreamPoint point = *wait;
      run_up_to(*point.stream, point.number);
    } else {
      run_next(stream);
    }
  }
}

bool is_blocking(const CUstream_st& stream) {
  return (stream.flags & cudaStreamNonBlocking) == 0;
}

/// The default stream and the streams that block on it wait for each other.
void wait_as_default_stream_asks(const CUstream_st& stream, QueuedWork& queued) {
  StreamTable& streams = table();
  if (&stream != streams.standard.get()) {
    if (is_blocking(stream))
      queued.waits.push_back(end_of(streams.standard));
    return;
  }
  for (const auto& [other, owner] : streams.all) {
    if (other != &stream && is_blocking(*other))
      queued.waits.push_back(end_of(owner));
  }
}

void push(CUstream_st& stream, QueuedWork queued) {
  wait_as_default_stream_asks(stream, queued);
  ++stream.issued;
  if (is_checking()) {
    stream.clock.learn(table().host);
    for (const StreamPoint& wait : queued.waits)
      stream.clock.learn(wait.clock);
    stream.clock.learn(stream.number, stream.issued);
    queued.clock = stream.clock;
  }
  std::erase_if(queued.waits, is_done);
  stream.queue.push_back(std::move(queued));
  if (options().streams == Streams::eager)
    run_up_to(stream, stream.issued);
}

/// A capture must not be mixed with the default stream, which would wait for it.
bool disturbs_capture(const CUstream_st& stream) {
  return &stream == table().standard.get() &&
         std::ranges::any_of(table().captures, [](const auto& capture) { return is_blocking(*capture->origin); });
}

cudaError_t create_stream(cudaStream_t* stream, unsigned flags, int priority) {
  const Lock lock;
  if (stream == nullptr || flags > cudaStreamNonBlocking)
    return fail(cudaErrorInvalidValue);
  auto created = std::make_shared<CUstream_st>();
  created->flags = flags;
  created->priority = priority;
  created->number = table().streams_made++;
  *stream = created.get();
  table().all.emplace(created.get(), std::move(created));
  return cudaSuccess;
}

}  // namespace

std::recursive_mutex& Lock::mutex() {
  static std::recursive_mutex the_mutex;
  return the_mutex;
}

cudaError_t fail(cudaError_t error) {
  if (error != cudaSuccess)
    last_error = error;
  return error;
}

std::shared_ptr<CUstream_st> find_stream(cudaStream_t stream) {
  StreamTable& streams = table();
  if (stream == nullptr || stream == cudaStreamLegacy)
    return streams.standard;
  const auto it = streams.all.find(stream);
  return it == streams.all.end() ? nullptr : it->second;
}

bool is_capturing(const CUstream_st& stream) {
  return stream.capture != nullptr;
}

std::vector<std::shared_ptr<Capture>>& captures() {
  return table().captures;
}

void release_streams(const Capture& capture) {
  for (const auto& [address, stream] : table().all) {
    if (stream->capture.get() != &capture)
      continue;
    stream->capture_tail.clear();
    stream->capture.reset();
  }
}

cudaStreamCaptureMode exchange_capture_mode(cudaStreamCaptureMode mode) {
  return std::exchange(thread_mode, mode);
}

cudaError_t enqueue(cudaStream_t handle, Work work) {
  const std::shared_ptr<CUstream_st> stream = find_stream(handle);
  if (stream == nullptr)
    return fail(cudaErrorInvalidResourceHandle);
  if (Capture* const capture = stream->capture.get()) {
    auto node = std::make_unique<CUgraphNode_st>();
    node->work = std::move(work);
    node->after = stream->capture_tail;
    stream->capture_tail = {capture->graph->nodes.size()};
    capture->graph->nodes.push_back(std::move(node));
    return capture->spoilt == cudaSuccess ? cudaSuccess : fail(cudaErrorStreamCaptureInvalidated);
  }
  if (disturbs_capture(*stream)) {
    for (const auto& capture : table().captures)
      capture->spoilt = cudaErrorStreamCaptureImplicit;
    return fail(cudaErrorStreamCaptureImplicit);
  }
  push(*stream, {std::move(work), {}});
  return cudaSuccess;
}

StreamPoint end_of(const std::shared_ptr<CUstream_st>& stream) {
  return {stream, stream->issued, stream->clock};
}

void drain(CUstream_st& stream) {
  run_up_to(stream, stream.issued);
}

void drain_all() {
  const StreamMap streams = table().all;
  for (const auto& [address, stream] : streams)
    drain(*stream);
}

void wait_for(CUstream_st& stream) {
  drain(stream);
  table().host.learn(stream.clock);
}

void wait_for_all() {
  drain_all();
  for (const auto& [address, stream] : table().all)
    table().host.learn(stream->clock);
}

cudaError_t refuse_in_capture() {
  if (thread_mode == cudaStreamCaptureModeRelaxed)
    return cudaSuccess;
  cudaError_t error = cudaSuccess;
  for (const std::shared_ptr<Capture>& capture : table().captures) {
    const bool is_own = capture->thread == std::this_thread::get_id();
    const bool forbids = capture->mode == cudaStreamCaptureModeGlobal
                             ? is_own || thread_mode == cudaStreamCaptureModeGlobal
                             : capture->mode == cudaStreamCaptureModeThreadLocal && is_own;
    if (!forbids)
      continue;
    capture->spoilt = cudaErrorStreamCaptureUnsupported;
    error = fail(cudaErrorStreamCaptureUnsupported);
  }
  return error;
}

cudaError_t refuse_in_capture(const CUstream_st& stream) {
  if (!is_capturing(stream))
    return cudaSuccess;
  stream.capture->spoilt = cudaErrorStreamCaptureUnsupported;
  return fail(cudaErrorStreamCaptureUnsupported);
}

}  // namespace emu

using namespace emu;

cudaError_t cudaGetLastError() {
  return std::exchange(last_error, cudaSuccess);
}

cudaError_t cudaPeekAtLastError() {
  return last_error;
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return create_stream(stream, cudaStreamDefault, 0);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return create_stream(stream, flags, 0);
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority) {
  return create_stream(stream, flags, priority);
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  const Lock lock;
  const std::shared_ptr<CUstream_st> stream = find_stream(handle);
  if (stream == nullptr || stream == table().standard)
    return fail(cudaErrorInvalidResourceHandle);
  drain(*stream);
  table().all.erase(stream.get());
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  const Lock lock;
  const std::shared_ptr<CUstream_st> stream = find_stream(handle);
  if (stream == nullptr)
    return fail(cudaErrorInvalidResourceHandle);
  if (const cudaError_t error = refuse_in_capture(*stream); error != cudaSuccess)
    return error;
  wait_for(*stream);
  return cudaSuccess;
}

/// A caller that asks again and again gets the stream done: one piece of work each time.
cudaError_t cudaStreamQuery(cudaStream_t handle) {
  const Lock lock;
  const std::shared_ptr<CUstream_st> stream = find_stream(handle);
  if (stream == nullptr)
    return fail(cudaErrorInvalidResourceHandle);
  if (const cudaError_t error = refuse_in_capture(*stream); error != cudaSuccess)
    return error;
  if (stream->done >= stream->issued) {
    wait_for(*stream);
    return cudaSuccess;
  }
  run_up_to(*stream, stream->done + 1);
  return cudaErrorNotReady;
}

cudaError_t cudaStreamGetFlags(cudaStream_t handle, unsigned* flags) {
  const Lock lock;
  const std::shared_ptr<CUstream_st> stream = find_stream(handle);
  if (stream == nullptr || flags == nullptr)
    return fail(cudaErrorInvalidValue);
  *flags = stream->flags;
  return cudaSuccess;
}

cudaError_t cudaStreamGetPriority(cudaStream_t handle, int* priority) {
  const Lock lock;
  const std::shared_ptr<CUstream_st> stream = find_stream(handle);
  if (stream == nullptr || priority == nullptr)
    return fail(cudaErrorInvalidValue);
  *priority = stream->priority;
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  const Lock lock;
  if (const cudaError_t error = refuse_in_capture(); error != cudaSuccess)
    return error;
  wait_for_all();
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
  const Lock lock;
  const std::shared_ptr<CUstream_st> stream = find_stream(handle);
  if (stream == nullptr || event == nullptr)
    return fail(cudaErrorInvalidResourceHandle);
  if (event->record == nullptr)
    return cudaSuccess;
  const EventRecord& record = *event->record;
  if (record.capture != nullptr) {
    if (record.capture->graph == nullptr)
      return fail(cudaErrorCapturedEvent);
    if (is_capturing(*stream) && stream->capture != record.capture)
      return fail(cudaErrorStreamCaptureMerge);
    stream->capture = record.capture;
    stream->capture_tail.insert(stream->capture_tail.end(), record.nodes.begin(), record.nodes.end());
    return cudaSuccess;
  }
  if (is_capturing(*stream)) {
    stream->capture->spoilt = cudaErrorStreamCaptureIsolation;
    return fail(cudaErrorStreamCaptureIsolation);
  }
  push(*stream, {{}, {record.point}});
  return cudaSuccess;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  const Lock lock;
  return enqueue(stream, {[=] { function(data); }, cudaGraphNodeTypeHost, "host function"});
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  if (event == nullptr || flags > 7)
    return fail(cudaErrorInvalidValue);
  *event = new CUevent_st{flags, nullptr};
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  if (event == nullptr)
    return fail(cudaErrorInvalidResourceHandle);
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  const Lock lock;
  const std::shared_ptr<CUstream_st> stream = find_stream(handle);
  if (stream == nullptr || event == nullptr)
    return fail(cudaErrorInvalidResourceHandle);
  const auto record = std::make_shared<EventRecord>();
  if (is_capturing(*stream)) {
    record->capture = stream->capture;
    record->nodes = stream->capture_tail;
  } else {
    push(*stream, {{[record] { record->time = std::chrono::steady_clock::now(); }}, {}});
    record->point = end_of(stream);
  }
  event->record = record;
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const Lock lock;
  if (event == nullptr)
    return fail(cudaErrorInvalidResourceHandle);
  if (event->record == nullptr)
    return cudaSuccess;
  if (event->record->capture != nullptr) {
    event->record->capture->spoilt = cudaErrorCapturedEvent;
    return fail(cudaErrorCapturedEvent);
  }
  run_up_to(*event->record->point.stream, event->record->point.number);
  table().host.learn(event->record->point.clock);
  return cudaSuccess;
}

/// As cudaStreamQuery: asking again and again gets the work done.
cudaError_t cudaEventQuery(cudaEvent_t event) {
  const Lock lock;
  if (event == nullptr)
    return fail(cudaErrorInvalidResourceHandle);
  if (const cudaError_t error = refuse_in_capture(); error != cudaSuccess)
    return error;
  if (event->record == nullptr)
    return cudaSuccess;
  if (is_done(event->record->point)) {
    table().host.learn(event->record->point.clock);
    return cudaSuccess;
  }
  CUstream_st& stream = *event->record->point.stream;
  run_up_to(stream, stream.done + 1);
  return cudaErrorNotReady;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  const Lock lock;
  for (const cudaEvent_t event : {start, end}) {
    if (event == nullptr || event->record == nullptr || (event->flags & cudaEventDisableTiming) != 0 ||
        event->record->capture != nullptr)
      return fail(cudaErrorInvalidResourceHandle);
    if (!is_done(event->record->point))
      return fail(cudaErrorNotReady);
  }
  *milliseconds = std::chrono::duration<float, std::milli>(end->record->time - start->record->time).count();
  return cudaSuccess;
}
