#pragma once
// A step as a graph. While a Recorder takes launches, nothing runs: they are kept with the memory that they read and
// write, which orders them. schedule.h then puts launches of one kernel together that wait for none of each other, and
// the sequence is captured as one CUDA graph. Every block does what it does without recording, so the bits are the
// same.
//
// All that is an argument of a launch is part of the graph: what changes from step to step (a learning rate, the number
// of a step, a batch) lies in device memory and is written there before the graph runs.
#include <cuda_runtime.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/backend.h"
#include "engine/cuda/allocator.h"
#include "engine/cuda/task.h"

namespace ockham::cuda {

class Queue;

/// One thing to be done on the device: a kernel (its type and bytes), or other work of a stream (a product by cuBLAS, a
/// copy).
struct Task {
  const KernelType* type = nullptr;  ///< null: `work`
  std::vector<std::byte> kernel = {};
  std::string name = {};
  std::function<void(cudaStream_t)> work = {};
  std::vector<Access> accesses = {};
};

/// Takes what a step asks for, in order.
class Recorder {
 public:
  void add(const KernelType& type, const void* kernel, const Operands& operands);
  void add(std::string_view name, const Operands& operands, const std::function<void(cudaStream_t)>& work);
  const std::vector<Task>& tasks() const { return tasks_; }

 private:
  std::vector<Task> tasks_;
};

/// Records `step` on the queue and makes its graph.
class Recording : public RecordedStep {
 public:
  Recording(Queue& queue, const std::function<void()>& step);
  ~Recording() override;
  void run() override;
  std::int64_t tasks() const override { return tasks_; }
  std::int64_t launches() const override { return launches_; }
  std::size_t bytes() const override { return memory_->bytes(); }
  std::size_t traffic() const override { return traffic_; }

 private:
  void make_graph(const std::vector<Task>& tasks);
  /// The graph and the step's claim on memory.
  void give_back();

  Queue& queue_;
  std::unique_ptr<RecordedMemory> memory_;
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t executable_ = nullptr;
  std::int64_t tasks_ = 0;
  std::int64_t launches_ = 0;
  std::size_t traffic_ = 0;
};

}  // namespace ockham::cuda
