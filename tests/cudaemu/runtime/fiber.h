#pragma once
// Flows of control with stacks of their own, which one OS thread runs in turn: the threads of a block.
#include <cstddef>
#include <memory>

#if !defined(__x86_64__) && !defined(EMU_UCONTEXT)
#define EMU_UCONTEXT  // any system that has makecontext, at a system call a switch
#endif
#if defined(EMU_UCONTEXT)
#include <ucontext.h>
#endif

namespace emu {

/// Where a flow of control that does not run goes on. Those that run on the stack of an OS thread have one, too.
class Context {
 public:
  /// Leaves the running flow in `from` and goes on with `to`. Returns when another switch comes back to `from`.
  static void change(Context& from, Context& to);
  /// To be called first on a new stack, with its context.
  static void arrived(Context& here);
  /// Makes this the context of the OS thread that calls, on its own stack.
  void adopt_this_stack();

 protected:
#if defined(EMU_UCONTEXT)
  ucontext_t state_{};
#else
  void* stack_pointer_ = nullptr;
#endif
  // Of its stack, for the address sanitizer.
  const void* bottom_ = nullptr;
  std::size_t bytes_ = 0;
  void* fake_stack_ = nullptr;
};

/// A stack with a guard page below it.
class Fiber : public Context {
 public:
  /// @param number sets stacks apart in the caches
  explicit Fiber(unsigned number);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// The next change to this fiber calls `entry`, which must not return, on the empty stack.
  void prepare(void (*entry)());
  const std::byte* low() const { return low_; }
  const std::byte* high() const { return high_; }

 private:
  std::byte* low_;
  std::byte* high_;
};

}  // namespace emu
