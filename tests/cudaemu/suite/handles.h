#pragma once
// Streams and events that destroy themselves, and the order in which streams run, for tests.
#include <cuda_runtime.h>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/suite/kernels/kernels.h"
#include "tests/support.h"

namespace ockham::emutest {

/// A stream that waits for no other.
struct Stream {
  Stream() { check(cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking)); }
  ~Stream() { cudaStreamDestroy(handle); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  operator cudaStream_t() const { return handle; }
  cudaStream_t handle = nullptr;
};

/// An event without time.
struct Event {
  Event() { check(cudaEventCreateWithFlags(&handle, cudaEventDisableTiming)); }
  ~Event() { cudaEventDestroy(handle); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  operator cudaEvent_t() const { return handle; }
  cudaEvent_t handle = nullptr;
};

/// While it lives, work runs so.
class StreamOrder {
 public:
  explicit StreamOrder(emu::Streams order) : before_(emu::options().streams) { emu::options().streams = order; }
  ~StreamOrder() {
    cudaDeviceSynchronize();
    emu::options().streams = before_;
  }
  StreamOrder(const StreamOrder&) = delete;
  StreamOrder& operator=(const StreamOrder&) = delete;

 private:
  emu::Streams before_;
};

template <class Body>
void in_each_stream_order(Body&& body) {
  for (const emu::Streams order : {emu::Streams::eager, emu::Streams::lazy, emu::Streams::random}) {
    const StreamOrder set(order);
    BOOST_TEST_CONTEXT("streams in order " << static_cast<int>(order)) body();
  }
}

}  // namespace ockham::emutest
