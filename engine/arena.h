#pragma once
// Scratch memory for kernels: each thread has a stack of bytes that grows to what its kernels need and is then reused,
// so that no kernel allocates in the second step of a training loop. The memory comes from the CachingAllocator and is
// counted there.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace ockham {

/// A bump allocator. Not thread-safe: one per thread.
class Arena {
 public:
  struct Mark {
    std::size_t block = 0;
    std::size_t used = 0;
  };

  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  /// The calling thread's arena.
  static Arena& local();

  /// 64-byte aligned, uninitialised. @throws Error if the system has no memory left
  void* allocate(std::size_t bytes);
  Mark mark() const { return {block_, used_}; }
  /// Gives back everything allocated since `mark`; when all is given back, several blocks become one.
  void rewind(Mark mark);
  /// Bytes held from the CachingAllocator.
  std::size_t capacity() const;
  /// Returns all memory; nothing may be allocated.
  void release();

 private:
  struct Block {
    std::byte* data;
    std::size_t size;
  };
  std::vector<Block> blocks_;
  std::size_t block_ = 0;  // index of the block in use; its first used_ bytes are taken
  std::size_t used_ = 0;
};

/// Scratch of the calling thread until the end of the scope:
///   ScratchScope scratch;
///   float* tile = scratch.take<float>(rows * columns);
class ScratchScope {
 public:
  ScratchScope() : arena_(Arena::local()), mark_(arena_.mark()) {}
  ~ScratchScope() { arena_.rewind(mark_); }
  ScratchScope(const ScratchScope&) = delete;
  ScratchScope& operator=(const ScratchScope&) = delete;

  /// `count` uninitialised elements, 64-byte aligned.
  template <class T>
  T* take(std::int64_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    return static_cast<T*>(arena_.allocate(static_cast<std::size_t>(count) * sizeof(T)));
  }
  /// The same, all zero.
  template <class T>
  T* take_zeros(std::int64_t count) {
    T* result = take<T>(count);
    std::fill_n(result, count, T(0));
    return result;
  }

 private:
  Arena& arena_;
  Arena::Mark mark_;
};

}  // namespace ockham
