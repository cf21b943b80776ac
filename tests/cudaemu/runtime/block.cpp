#include "tests/cudaemu/runtime/block.h"

#include <emu_thread.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/runtime/checker.h"
#include "tests/cudaemu/runtime/fiber.h"

// These are what device_launch_parameters.h declares, there as constants.
constinit thread_local uint3 threadIdx{};
constinit thread_local uint3 blockIdx{};
constinit thread_local dim3 blockDim{};
constinit thread_local dim3 gridDim{};

// The dynamic shared memory of a block, 227 KB as on compute capability 9.0. Kernels declare it as
// `extern __shared__ unsigned char dynamic_shared[]`, at global scope or in ockham::cuda.
alignas(1024) thread_local unsigned char dynamic_shared[232448];
namespace ockham::cuda {
extern thread_local unsigned char dynamic_shared[232448] __attribute__((alias("dynamic_shared")));
}

namespace emu {

constinit thread_local Running running;
LaunchHook launch_hook = nullptr;
const Checker* checker = nullptr;

namespace {

constexpr unsigned kMostThreads = 1024;
constexpr unsigned kLanes = 32;

struct ThreadFiber : Fiber {
  using Fiber::Fiber;
  unsigned thread = 0;
  bool in_barrier = false;  // else, where it waits, in a collective
  Place place{};
};

/// What a lane brings to a collective, and gets from it.
struct Lane {
  Collective operation;
  unsigned mask;
  std::uint64_t value;
  int argument;
  int width;
  Place place;
  std::uint64_t result;
};

struct Warp {
  unsigned arrived = 0;  // lanes that wait in a collective
  unsigned exited = 0;
  std::array<Lane, kLanes> lanes;
};

/// The lane whose value a lane of a shuffle gets: itself where the source is outside its segment.
unsigned source_of(unsigned lane, const Lane& asks) {
  const int self = static_cast<int>(lane);
  const int begin = self & ~(asks.width - 1);
  const int end = begin + asks.width;
  switch (asks.operation) {
    case Collective::shuffle:
      return static_cast<unsigned>(begin + (asks.argument & (asks.width - 1)));
    case Collective::up:
      return static_cast<unsigned>(self - asks.argument < begin ? self : self - asks.argument);
    case Collective::down:
      return static_cast<unsigned>(self + asks.argument >= end ? self : self + asks.argument);
    case Collective::butterfly:
      return static_cast<unsigned>((self ^ asks.argument) >= end ? self : self ^ asks.argument);
    default:
      return lane;
  }
}

bool is_same(const Place& a, const Place& b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

/// Runs blocks. One an OS thread, kept from launch to launch for its fibers.
class BlockRunner {
 public:
  GridCounts run(const Pack& pack, dim3 grid, dim3 block, std::size_t dynamic_bytes);
  int barrier(Vote vote, int predicate, Place place);
  std::uint64_t collective(Collective operation, unsigned mask, const Lane& lane, Place place);
  unsigned active_lanes() const;

 private:
  static void enter_fiber();
  void run_threads_in_fiber();
  void run_block();
  void suspend();
  ThreadFiber* next_to_run();
  ThreadFiber* take_ready();
  bool starts_new_thread();
  void start_thread(ThreadFiber& fiber);
  ThreadFiber& fresh_fiber();
  void make_ready(ThreadFiber& fiber) { ready_[ready_end_++ % kMostThreads] = &fiber; }
  bool any_ready() const { return ready_end_ != ready_begin_; }
  void set_thread(ThreadFiber& fiber);
  void release_barrier();
  void end_thread();
  unsigned compare_lanes(const Warp& warp, unsigned mask, unsigned caller) const;
  std::uint64_t answer(const Warp& warp, unsigned mask, unsigned lane, unsigned ballot) const;
  void finish_collective(Warp& warp, unsigned first_thread, unsigned mask, unsigned caller);
  void report_deadlock();
  void order_threads();
  unsigned random(unsigned below) { return static_cast<unsigned>(random_() % below); }

  const Pack* pack_ = nullptr;
  unsigned threads_ = 0;
  std::array<uint3, kMostThreads> indices_;  // of each thread of blocks of block_
  dim3 block_{0, 0, 0};
  std::array<unsigned, kMostThreads> order_;
  Order ordered_as_ = Order::random;
  bool is_random_ = false;

  unsigned started_ = 0, exited_ = 0;
  std::array<ThreadFiber*, kMostThreads> of_thread_{};
  std::array<ThreadFiber*, kMostThreads> ready_{};  // a ring: each thread is in it at most once
  unsigned ready_begin_ = 0, ready_end_ = 0;
  std::array<ThreadFiber*, kMostThreads> at_barrier_{};
  unsigned waiting_ = 0;
  Place barrier_place_{};
  int votes_all_ = 1, votes_any_ = 0, votes_count_ = 0;
  int result_all_ = 0, result_any_ = 0, result_count_ = 0;
  std::array<Warp, kMostThreads / kLanes> warps_;

  Context scheduler_;
  ThreadFiber* current_ = nullptr;
  std::vector<std::unique_ptr<ThreadFiber>> fibers_;
  std::vector<ThreadFiber*> free_fibers_;
  std::minstd_rand random_{options().seed};
  GridCounts counts_;
};

BlockRunner& runner() {
  static thread_local BlockRunner the_runner;
  return the_runner;
}

void BlockRunner::order_threads() {
  const Order order = options().order;
  if (order == Order::random) {
    std::shuffle(order_.begin(), order_.begin() + threads_, random_);
  } else if (order != ordered_as_) {
    std::iota(order_.begin(), order_.begin() + threads_, 0u);
    if (order == Order::descending)
      std::reverse(order_.begin(), order_.begin() + threads_);
  }
  ordered_as_ = order;
}

GridCounts BlockRunner::run(const Pack& pack, dim3 grid, dim3 block, std::size_t dynamic_bytes) {
  pack_ = &pack;
  is_random_ = options().order == Order::random;
  counts_ = {};
  threads_ = block.x * block.y * block.z;
  if (block.x != block_.x || block.y != block_.y || block.z != block_.z) {
    block_ = block;
    for (unsigned t = 0; t < threads_; ++t)
      indices_[t] = {t % block.x, t / block.x % block.y, t / block.x / block.y};
    std::iota(order_.begin(), order_.begin() + threads_, 0u);
    ordered_as_ = Order::ascending;
  }
  blockDim = block;
  gridDim = grid;
  scheduler_.adopt_this_stack();
  const std::uint64_t blocks = std::uint64_t{grid.x} * grid.y * grid.z;
  std::vector<std::uint32_t> block_order;
  if (is_random_) {
    block_order.resize(blocks);
    std::iota(block_order.begin(), block_order.end(), 0u);
    std::shuffle(block_order.begin(), block_order.end(), random_);
  }
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const std::uint64_t b = is_random_ ? block_order[i] : options().order == Order::descending ? blocks - 1 - i : i;
    blockIdx = {static_cast<unsigned>(b % grid.x), static_cast<unsigned>(b / grid.x % grid.y),
                static_cast<unsigned>(b / grid.x / grid.y)};
    running.block = static_cast<std::uint32_t>(b);
    std::memset(dynamic_shared, 0xff, dynamic_bytes);  // NaNs: whatever an earlier block left is not there to be read
    run_block();
    if (checker != nullptr)
      checker->end_block();
  }
  counts_.blocks = static_cast<std::int64_t>(blocks);
  counts_.threads = counts_.blocks * threads_;
  return counts_;
}

void BlockRunner::run_block() {
  order_threads();
  started_ = exited_ = waiting_ = ready_begin_ = ready_end_ = 0;
  votes_all_ = 1;
  votes_any_ = votes_count_ = 0;
  ++running.barriers;
  for (unsigned w = 0; w * kLanes < threads_; ++w) {
    warps_[w].arrived = warps_[w].exited = 0;
    ++running.warp_syncs[w];
  }
  while (exited_ < threads_) {
    ThreadFiber* const next = next_to_run();
    if (next == nullptr) {
      report_deadlock();
      break;
    }
    current_ = next;
    set_thread(*next);
    Context::change(scheduler_, *next);
    current_ = nullptr;
  }
}

/// Threads that can go on come before new ones, so that few stacks are in use; in random order either may.
bool BlockRunner::starts_new_thread() {
  return started_ < threads_ && (!any_ready() || (is_random_ && random(4) != 0));
}

ThreadFiber* BlockRunner::take_ready() {
  if (is_random_) {
    const unsigned chosen = ready_begin_ + random(ready_end_ - ready_begin_);
    std::swap(ready_[chosen % kMostThreads], ready_[ready_begin_ % kMostThreads]);
  }
  return ready_[ready_begin_++ % kMostThreads];
}

/// Null if no thread can run.
ThreadFiber* BlockRunner::next_to_run() {
  if (starts_new_thread()) {
    ThreadFiber& fiber = fresh_fiber();
    start_thread(fiber);
    return &fiber;
  }
  return any_ready() ? take_ready() : nullptr;
}

ThreadFiber& BlockRunner::fresh_fiber() {
  if (free_fibers_.empty()) {
    fibers_.push_back(std::make_unique<ThreadFiber>(static_cast<unsigned>(fibers_.size())));
    free_fibers_.push_back(fibers_.back().get());
  }
  ThreadFiber* const fiber = free_fibers_.back();
  free_fibers_.pop_back();
  fiber->prepare(&BlockRunner::enter_fiber);
  return *fiber;
}

void BlockRunner::start_thread(ThreadFiber& fiber) {
  fiber.thread = order_[started_++];
  of_thread_[fiber.thread] = &fiber;
}

void BlockRunner::set_thread(ThreadFiber& fiber) {
  threadIdx = indices_[fiber.thread];
  running.thread = fiber.thread;
  running.stack_low = fiber.low();
  running.stack_high = fiber.high();
}

void BlockRunner::enter_fiber() {
  BlockRunner& here = runner();
  Context::arrived(*here.current_);
  here.run_threads_in_fiber();
}

/// One thread after another; where another fiber can go on instead, this one is put away.
void BlockRunner::run_threads_in_fiber() {
  for (;;) {
    ThreadFiber& self = *current_;
    pack_->call();
    end_thread();
    if (starts_new_thread()) {
      start_thread(self);
      set_thread(self);
      continue;
    }
    ThreadFiber* const next = any_ready() ? take_ready() : nullptr;
    free_fibers_.push_back(&self);
    if (next != nullptr) {
      current_ = next;
      set_thread(*next);
      Context::change(self, *next);
    } else {
      Context::change(self, scheduler_);
    }
    // Not reached: a fiber taken from the free ones begins anew.
  }
}

/// The running thread waits; it goes on when someone has made it ready.
void BlockRunner::suspend() {
  ThreadFiber& self = *current_;
  ThreadFiber* const next = next_to_run();
  if (next != nullptr) {
    current_ = next;
    set_thread(*next);
    Context::change(self, *next);
  } else {
    Context::change(self, scheduler_);
  }
}

void BlockRunner::end_thread() {
  const unsigned thread = current_->thread;
  ++exited_;
  warps_[thread / kLanes].exited |= 1u << thread % kLanes;
  if (waiting_ > 0 && waiting_ + exited_ == threads_) {
    report("synccheck", "thread %u exited while others wait in __syncthreads at %s:%d", thread, barrier_place_.file,
           barrier_place_.line);
    release_barrier();
  }
}

void BlockRunner::release_barrier() {
  for (unsigned i = 0; i < waiting_; ++i) {
    at_barrier_[i]->in_barrier = false;
    if (at_barrier_[i] != current_)
      make_ready(*at_barrier_[i]);
  }
  waiting_ = 0;
  result_all_ = votes_all_;
  result_any_ = votes_any_;
  result_count_ = votes_count_;
  votes_all_ = 1;
  votes_any_ = votes_count_ = 0;
  ++running.barriers;
  for (unsigned w = 0; w * kLanes < threads_; ++w)
    ++running.warp_syncs[w];
  ++counts_.barriers;
}

int BlockRunner::barrier(Vote vote, int predicate, Place place) {
  ThreadFiber& self = *current_;
  if (exited_ > 0)
    report("synccheck", "__syncthreads at %s:%d after %u thread(s) of the block exited", place.file, place.line,
           exited_);
  if (waiting_ > 0 && !is_same(barrier_place_, place))
    report("synccheck", "divergent __syncthreads: thread %u at %s:%d, others at line %d", self.thread, place.file,
           place.line, barrier_place_.line);
  barrier_place_ = self.place = place;
  self.in_barrier = true;
  votes_all_ &= predicate != 0;
  votes_any_ |= predicate != 0;
  votes_count_ += predicate != 0;
  at_barrier_[waiting_++] = &self;
  if (waiting_ + exited_ == threads_)
    release_barrier();
  else
    suspend();
  return vote == Vote::all ? result_all_ : vote == Vote::any ? result_any_ : vote == Vote::count ? result_count_ : 0;
}

unsigned BlockRunner::active_lanes() const {
  const unsigned thread = running.thread;
  const unsigned last = threads_ - thread / kLanes * kLanes;
  const unsigned present = last >= kLanes ? ~0u : (1u << last) - 1;
  return present & ~warps_[thread / kLanes].exited;
}

std::uint64_t BlockRunner::collective(Collective operation, unsigned mask, const Lane& given, Place place) {
  ThreadFiber& self = *current_;
  const unsigned thread = self.thread, lane = thread % kLanes;
  Warp& warp = warps_[thread / kLanes];
  if (!(mask >> lane & 1))
    report("synccheck", "warp collective at %s:%d: mask %08x lacks the calling lane %u", place.file, place.line, mask,
           lane);
  if (const unsigned present = threads_ - thread / kLanes * kLanes; present < kLanes)
    mask &= (1u << present) - 1;
  if (mask & warp.exited) {
    report("synccheck", "warp collective at %s:%d names exited lanes %08x", place.file, place.line, mask & warp.exited);
    mask &= ~warp.exited;
  }
  mask |= 1u << lane;
  warp.lanes[lane] = given;
  warp.lanes[lane].operation = operation;
  warp.lanes[lane].mask = mask;
  warp.lanes[lane].place = place;
  warp.arrived |= 1u << lane;
  if ((warp.arrived & mask) == mask) {
    finish_collective(warp, thread - lane, mask, lane);
  } else {
    self.place = place;
    suspend();
  }
  return warp.lanes[lane].result;
}

/// Do all lanes come with one operation? @return who of them votes yes
unsigned BlockRunner::compare_lanes(const Warp& warp, unsigned mask, unsigned caller) const {
  const Lane& last = warp.lanes[caller];
  unsigned ballot = 0;
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    if (!(mask >> lane & 1))
      continue;
    const Lane& other = warp.lanes[lane];
    if (other.operation != last.operation || !is_same(other.place, last.place))
      report("synccheck", "divergent warp collectives: lane %u at %s:%d, lane %u at line %d", caller, last.place.file,
             last.place.line, lane, other.place.line);
    else if (other.mask != mask)
      report("synccheck", "warp collective at %s:%d: lane %u names lanes %08x, lane %u %08x", last.place.file,
             last.place.line, caller, mask, lane, other.mask);
    ballot |= static_cast<unsigned>(other.value & 1) << lane;
  }
  return ballot;
}

/// What a lane gets.
std::uint64_t BlockRunner::answer(const Warp& warp, unsigned mask, unsigned lane, unsigned ballot) const {
  const Lane& asks = warp.lanes[lane];
  if (asks.operation == Collective::ballot)
    return ballot;
  if (asks.operation == Collective::all)
    return ballot == mask;
  if (asks.operation == Collective::any)
    return ballot != 0;
  const unsigned source = source_of(lane, asks);
  if (source < kLanes && (mask >> source & 1))
    return warp.lanes[source].value;
  report("synccheck", "shuffle at %s:%d: lane %u reads inactive lane %u", asks.place.file, asks.place.line, lane,
         source);
  return ~std::uint64_t{0};
}

/// The last lane has come: all get their answers and can go on.
void BlockRunner::finish_collective(Warp& warp, unsigned first_thread, unsigned mask, unsigned caller) {
  const unsigned ballot = compare_lanes(warp, mask, caller);
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    if (!(mask >> lane & 1))
      continue;
    warp.lanes[lane].result = answer(warp, mask, lane, ballot);
    if (lane != caller)
      make_ready(*of_thread_[first_thread + lane]);
  }
  warp.arrived &= ~mask;
  if (warp.lanes[caller].operation == Collective::sync)
    ++running.warp_syncs[first_thread / kLanes];
}

void BlockRunner::report_deadlock() {
  unsigned waiting = 0;
  const ThreadFiber* example = nullptr;
  for (unsigned i = 0; i < started_; ++i) {
    const unsigned t = order_[i];
    if (warps_[t / kLanes].exited >> t % kLanes & 1)
      continue;
    ++waiting;
    example = example == nullptr ? of_thread_[t] : example;
    free_fibers_.push_back(of_thread_[t]);
  }
  report("deadlock", "%u of %u threads wait for ever, e.g. thread %u at %s:%d (%s)", waiting, threads_, example->thread,
         example->place.file, example->place.line, example->in_barrier ? "__syncthreads" : "warp collective");
}

}  // namespace

int block_barrier(Vote vote, int predicate, Place place) {
  return runner().barrier(vote, predicate, place);
}

std::uint64_t warp_collective(Collective operation, unsigned mask, std::uint64_t value, int argument, int width,
                              Place place) {
  return runner().collective(operation, mask, Lane{operation, mask, value, argument, width, place, 0}, place);
}

void note_atomic(const void* address, std::size_t bytes, bool is_float, Place place) {
  if (is_float)
    report("determinism", "atomicAdd of floating-point numbers at %s:%d: its last bits depend on the order of threads",
           place.file, place.line);
  if (checker != nullptr)
    checker->note_atomic(address, bytes);
}

unsigned lane_mask_of_active_threads() {
  return runner().active_lanes();
}

GridCounts run_grid(const Pack& pack, dim3 grid, dim3 block, std::size_t dynamic_bytes) {
  return runner().run(pack, grid, block, dynamic_bytes);
}

void set_running_thread(uint3 block_index, uint3 thread_index, dim3 block, dim3 grid) {
  threadIdx = thread_index;
  blockIdx = block_index;
  blockDim = block;
  gridDim = grid;
  running.thread = (thread_index.z * block.y + thread_index.y) * block.x + thread_index.x;
  running.block = (block_index.z * grid.y + block_index.y) * grid.x + block_index.x;
}

std::string place_of_running_thread() {
  if (!running.in_kernel)
    return "host code";
  char where[128];
  std::snprintf(where, sizeof where, " block (%u,%u,%u) thread (%u,%u,%u)", blockIdx.x, blockIdx.y, blockIdx.z,
                threadIdx.x, threadIdx.y, threadIdx.z);
  return "kernel " + *running.kernel + where;
}

}  // namespace emu
