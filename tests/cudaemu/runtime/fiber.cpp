#include "tests/cudaemu/runtime/fiber.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#define EMU_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EMU_ADDRESS_SANITIZER
#endif
#endif
#if defined(EMU_ADDRESS_SANITIZER)
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if !defined(EMU_UCONTEXT)
// Saves what a called function must keep, on the old stack, and takes it from the new one.
extern "C" void emu_change_stack(void** save, void* to);
asm(R"(.text
.globl emu_change_stack
.type emu_change_stack,@function
emu_change_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp,(%rdi)
  movq %rsi,%rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emu_change_stack,.-emu_change_stack
)");
#endif

namespace emu {
namespace {

constexpr std::size_t kGuardBytes = 4096;
#if defined(EMU_ADDRESS_SANITIZER)
constexpr std::size_t kStackBytes = std::size_t{512} << 10;  // instrumented frames are larger
#else
constexpr std::size_t kStackBytes = std::size_t{128} << 10;
#endif

}  // namespace

void Context::change(Context& from, Context& to) {
#if defined(EMU_ADDRESS_SANITIZER)
  __sanitizer_start_switch_fiber(&from.fake_stack_, to.bottom_, to.bytes_);
#endif
#if defined(EMU_UCONTEXT)
  swapcontext(&from.state_, &to.state_);
#else
  emu_change_stack(&from.stack_pointer_, to.stack_pointer_);
#endif
  arrived(from);
}

void Context::arrived([[maybe_unused]] Context& here) {
#if defined(EMU_ADDRESS_SANITIZER)
  __sanitizer_finish_switch_fiber(here.fake_stack_, nullptr, nullptr);
#endif
}

void Context::adopt_this_stack() {
#if defined(EMU_ADDRESS_SANITIZER)
  pthread_attr_t attributes;
  void* bottom = nullptr;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &bottom, &bytes_);
  pthread_attr_destroy(&attributes);
  bottom_ = bottom;
#endif
}

Fiber::Fiber(unsigned number) {
  void* const pages = mmap(nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (pages == MAP_FAILED || mprotect(pages, kGuardBytes, PROT_NONE) != 0) {
    std::fprintf(stderr, "cuda-emu: no memory for the stack of a thread\n");
    std::abort();
  }
  low_ = static_cast<std::byte*>(pages) + kGuardBytes;
  // Stacks whose tops have one address modulo the page size would share a few sets of the caches.
  high_ = low_ + kStackBytes - number % 30 * 128;
  bottom_ = low_;
  bytes_ = static_cast<std::size_t>(high_ - low_);
}

Fiber::~Fiber() {
  munmap(low_ - kGuardBytes, kGuardBytes + kStackBytes);
}

void Fiber::prepare(void (*entry)()) {
#if defined(EMU_ADDRESS_SANITIZER)
  __asan_unpoison_memory_region(low_, bytes_);  // what the frames of an earlier use left
  fake_stack_ = nullptr;
#endif
#if defined(EMU_UCONTEXT)
  getcontext(&state_);
  state_.uc_stack.ss_sp = low_;
  state_.uc_stack.ss_size = bytes_;
  state_.uc_link = nullptr;
  makecontext(&state_, entry, 0);
#else
  // As if `entry` had been called at an aligned stack pointer: six saved registers, its address, no return address.
  void** top = reinterpret_cast<void**>(high_) - 8;
  top[6] = reinterpret_cast<void*>(entry);
  top[7] = nullptr;
  for (int i = 0; i < 6; ++i)
    top[i] = nullptr;
  stack_pointer_ = top;
#endif
}

}  // namespace emu
