#include "tests/cudaemu/check/shadow.h"

#include <link.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/runtime/block.h"
#include "tests/cudaemu/runtime/heap.h"
#include "tests/cudaemu/runtime/order.h"

namespace emu {
namespace {

constexpr std::uint32_t kNoBlock = ~std::uint32_t{0};  // copies and library calls

Cell* reserve_cells(std::size_t count) {
  void* const pages =
      mmap(nullptr, count * sizeof(Cell), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) {
    std::fprintf(stderr, "cuda-emu: cannot reserve addresses for %zu cells of the checker\n", count);
    std::abort();
  }
  return static_cast<Cell*>(pages);
}

/// Without flags.
Trace whoever_runs() {
  const std::uint32_t block = running.in_kernel ? running.block : kNoBlock;
  const std::uint64_t thread = running.thread;
  return {std::uint64_t{running.launch} << 32 | block,
          std::uint64_t{running.barriers} << 48 | std::uint64_t{running.warp_syncs[thread / 32] & 0xffffu} << 32 |
              thread << 16};
}

/// Within one launch: does a barrier or a warp's synchronisation lie between? Time only goes on, so any change is one.
bool is_ordered_in_launch(const Trace& before, const Trace& now) {
  if (before.who != now.who)
    return false;
  if (before.thread() == now.thread() || !before.is_between_same_barriers(now))
    return true;
  return before.warp() == now.warp() && !before.is_between_same_synchronisations(now);
}

bool is_ordered(const Trace& before, const Trace& now) {
  return before.launch() == now.launch() ? is_ordered_in_launch(before, now) : is_before_running_work(before.launch());
}

/// Reads by others than the last reader count, too.
bool reads_are_ordered(const Trace& read, const Trace& now) {
  if (read.launch() != now.launch())
    return is_before_running_work(read.launch());
  if (read.has(Trace::kManyBlocks) || read.who != now.who)
    return false;
  if (!read.is_between_same_barriers(now))
    return true;
  if (read.has(Trace::kManyWarps) || read.warp() != now.warp())
    return false;
  return !read.is_between_same_synchronisations(now) ||
         (!read.has(Trace::kManyThreads) && read.thread() == now.thread());
}

[[gnu::noinline]] void report_race(const Trace& before, bool before_writes, bool writes, Memory memory,
                                   const void* address) {
  const char* const first = before_writes ? "write" : "read";
  const char* const second = writes ? "write" : "read";
  if (before.launch() != running.launch) {
    report("racecheck", "device memory %p: the %s by %s races with the %s by %s: no event or stream orders them",
           address, second, describe_work(running.launch).c_str(), first, describe_work(before.launch()).c_str());
    return;
  }
  const char* const lacks = before.block() != running.block        ? ""
                            : before.warp() == running.thread / 32 ? ": no __syncwarp lies between"
                                                                   : ": no __syncthreads lies between";
  report("racecheck", "%s memory %p: the %s by thread %u of block %u races with the %s by thread %u of block %u%s",
         memory == Memory::shared ? "shared" : "device", address, second, running.thread, running.block, first,
         before.thread(), before.block(), lacks);
}

void forget_unless_of_this_block(Trace& trace, const Trace& now) {
  if (trace.who != now.who)
    trace = {};
}

void remember_read(Trace& read, Trace now, unsigned mask) {
  if (read.is_same_step(now)) {
    read.when |= mask;
    return;
  }
  std::uint64_t flags = mask;
  if (read.has(Trace::kBytes) && read.launch() == now.launch()) {
    if (read.who != now.who) {
      flags |= Trace::kManyBlocks;
    } else {
      flags |= read.when & Trace::kManyBlocks;
      if (read.is_between_same_barriers(now))
        flags |= (read.when & Trace::kManyWarps) | (read.warp() != now.warp() ? Trace::kManyWarps : 0);
      if (read.is_between_same_synchronisations(now) && read.warp() == now.warp())
        flags |= (read.when & Trace::kBytes) | Trace::kManyThreads;  // the threads differ: it is another step
    }
  }
  now.when |= flags;
  read = now;
}

void remember_write(Trace& write, Trace now, unsigned mask, bool is_atomic) {
  now.when |= mask | mask << Trace::kInitialisedShift | (is_atomic ? Trace::kAtomic : 0);
  if (write.who == now.who)
    now.when |= write.when & Trace::kBytes << Trace::kInitialisedShift;
  if (write.is_same_step(now))
    now.when |= write.when & Trace::kBytes;
  write = now;
}

/// The block of the shared variables in this OS thread's static storage: that of the main program.
SharedCells find_shared_cells() {
  SharedCells found{};
  dl_iterate_phdr(
      [](dl_phdr_info* program, std::size_t, void* result) {
        if (program->dlpi_name[0] != '\0' || program->dlpi_tls_data == nullptr)
          return 0;
        auto& range = *static_cast<SharedCells*>(result);
        range.begin = static_cast<const unsigned char*>(program->dlpi_tls_data);
        for (int i = 0; i < program->dlpi_phnum; ++i) {
          if (program->dlpi_phdr[i].p_type == PT_TLS)
            range.end = range.begin + program->dlpi_phdr[i].p_memsz;
        }
        return 1;
      },
      &found);
  found.cells = reserve_cells(static_cast<std::size_t>(found.end - found.begin) / 4 + 2);
  return found;
}

}  // namespace

void access_cell(Cell& cell, unsigned mask, bool writes, bool is_atomic, Memory memory, const void* address) {
  const Trace now = whoever_runs();
  if (memory == Memory::shared) {  // what an earlier block left there is nobody's
    forget_unless_of_this_block(cell.write, now);
    forget_unless_of_this_block(cell.read, now);
  }
  if (cell.write.has(mask) && !(cell.write.has(Trace::kAtomic) && is_atomic) && !is_ordered(cell.write, now))
    report_race(cell.write, true, writes, memory, address);
  if (!writes)
    return remember_read(cell.read, now, mask);
  if (cell.read.has(mask) && !reads_are_ordered(cell.read, now))
    report_race(cell.read, false, writes, memory, address);
  remember_write(cell.write, now, mask, is_atomic);
}

Cell* device_cells(const void* address) {
  static Cell* const cells = reserve_cells(static_cast<std::size_t>(heap_end - heap_begin) / 4);
  return cells + (static_cast<const unsigned char*>(address) - heap_begin) / 4;
}

void forget_device_cells(const void* address, std::size_t bytes) {
  auto* const begin = reinterpret_cast<unsigned char*>(device_cells(address));
  const std::size_t size = bytes / 4 * sizeof(Cell);
  constexpr std::size_t kPage = 4096;
  if (size < 16 * kPage) {
    std::memset(begin, 0, size);
    return;
  }
  const std::size_t head = (kPage - reinterpret_cast<std::uintptr_t>(begin) % kPage) % kPage;
  const std::size_t pages = (size - head) / kPage * kPage;
  std::memset(begin, 0, head);
  madvise(begin + head, pages, MADV_DONTNEED);
  std::memset(begin + head + pages, 0, size - head - pages);
}

const SharedCells& shared_cells() {
  static constinit thread_local SharedCells cells{};
  if (cells.cells == nullptr)
    cells = find_shared_cells();
  return cells;
}

}  // namespace emu
