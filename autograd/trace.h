#pragma once
// Trace: the ops that a pass runs, with the values that went in and came out, for those who write a network down for
// another program. A value is known by its storage, so no tape is needed: constants and parameters are values too.
#include <memory>
#include <vector>

#include "autograd/op.h"

namespace ockham {

class Module;

/// Keeps what its thread runs from its construction to its end; every value stays in memory until then.
class Trace {
 public:
  struct Call {
    std::shared_ptr<const Op> op;
    std::vector<Tensor> x, y;
    const Module* owner = nullptr;  ///< whose call it is, where a module said so
  };

  /// @throws Error if this thread is traced already
  Trace();
  ~Trace() { current_ = nullptr; }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  /// The one of this thread; null where nothing is traced.
  static Trace* current() { return current_; }

  void add(Call call) { calls_.push_back(std::move(call)); }
  /// Says whose the last call was: for those who must tell a module of constants that are no parameters.
  void claim_last(const Module& owner) { calls_.back().owner = &owner; }
  /// In the order of execution.
  const std::vector<Call>& calls() const { return calls_; }

 private:
  static inline thread_local Trace* current_ = nullptr;
  std::vector<Call> calls_;
};

}  // namespace ockham
