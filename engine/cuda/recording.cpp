#include "engine/cuda/recording.h"

#include <cstdlib>
#include <utility>

#include "engine/cuda/absorption.h"
#include "engine/cuda/error.h"
#include "engine/cuda/queue.h"
#include "engine/cuda/schedule.h"
#include "engine/error.h"

namespace ockham::cuda {
namespace {

/// A step may hold this share of what is free, before its blocks serve twice.
constexpr double kShare = 0.8;

std::size_t budget() {
  std::size_t free = 0;
  std::size_t total = 0;
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return static_cast<std::size_t>(kShare * static_cast<double>(free));
}

/// Takes what the queue is asked for while it lives.
class Recorded {
 public:
  Recorded(Queue& queue, Recorder& recorder, RecordedMemory& memory) : queue_(queue) {
    if (queue.recorder() != nullptr)
      throw Error("cuda: a step is recorded already; end it before another one begins.");
    queue.set_recorder(&recorder);
    queue.memory().set_recorded(&memory);
  }
  ~Recorded() {
    queue_.memory().set_recorded(nullptr);
    queue_.set_recorder(nullptr);
  }
  Recorded(const Recorded&) = delete;
  Recorded& operator=(const Recorded&) = delete;

 private:
  Queue& queue_;
};

std::vector<std::vector<int>> order_of(const std::vector<Task>& tasks) {
  const char* const seed = std::getenv("OCKHAM_CUDA_ORDER");
  return seed != nullptr ? shuffled(tasks, std::strtoull(seed, nullptr, 10)) : schedule(tasks);
}

void run_group(const std::vector<Task>& tasks, const std::vector<int>& group, cudaStream_t stream) {
  const Task& first = tasks[static_cast<std::size_t>(group.front())];
  if (first.type == nullptr)
    return first.work(stream);
  std::vector<const void*> kernels;
  for (const int t : group)
    kernels.push_back(tasks[static_cast<std::size_t>(t)].kernel.data());
  first.type->launch(stream, kernels);
}

}  // namespace

void Recorder::add(const KernelType& type, const void* kernel, const Operands& operands) {
  const auto* const bytes = static_cast<const std::byte*>(kernel);
  tasks_.push_back(
      {.type = &type, .kernel = {bytes, bytes + type.size}, .name = type.type->name(), .accesses = operands.all()});
}

void Recorder::add(std::string_view name, const Operands& operands, const std::function<void(cudaStream_t)>& work) {
  tasks_.push_back({.name = std::string(name), .work = work, .accesses = operands.all()});
}

Recording::Recording(Queue& queue, const std::function<void()>& step)
    : queue_(queue), memory_(std::make_unique<RecordedMemory>(budget())) {
  try {
    Recorder recorder;
    {
      const Recorded recorded(queue, recorder, *memory_);
      step();
    }
    tasks_ = std::ssize(recorder.tasks());
    make_graph(with_absorbed(recorder.tasks()));
  } catch (...) {
    give_back();
    throw;
  }
}

Recording::~Recording() {
  give_back();
}

void Recording::make_graph(const std::vector<Task>& tasks) {
  for (const Task& task : tasks) {
    for (const Access& access : task.accesses)
      traffic_ += static_cast<std::size_t>(access.end - access.begin);
  }
  const std::vector<std::vector<int>> groups = order_of(tasks);
  launches_ = std::ssize(groups);
  check(cudaStreamBeginCapture(queue_.stream(), cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  try {
    for (const std::vector<int>& group : groups)
      run_group(tasks, group, queue_.stream());
  } catch (...) {
    cudaStreamEndCapture(queue_.stream(), &graph_);  // else the stream would serve nobody
    throw;
  }
  check(cudaStreamEndCapture(queue_.stream(), &graph_), "cudaStreamEndCapture");
  check(cudaGraphInstantiate(&executable_, graph_, 0), "cudaGraphInstantiate");
}

void Recording::give_back() {
  cudaStreamSynchronize(queue_.stream());
  if (executable_ != nullptr)
    cudaGraphExecDestroy(executable_);
  if (graph_ != nullptr)
    cudaGraphDestroy(graph_);
  queue_.memory().forget(*memory_);
}

void Recording::run() {
  if (queue_.recorder() != nullptr)
    throw Error("cuda: a recorded step cannot run while another one is recorded; end that one first.");
  check(cudaGraphLaunch(executable_, queue_.stream()), "cudaGraphLaunch");
}

}  // namespace ockham::cuda
