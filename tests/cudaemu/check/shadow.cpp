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

/// Without the flags.
Trace whoever_runs() {
  Trace now{};
  now.launch = running.launch;
  now.block = running.in_kernel ? running.block : kNoBlock;
  now.thread = static_cast<std::uint16_t>(running.thread);
  now.barriers = static_cast<std::uint16_t>(running.barriers);
  now.warp_syncs = static_cast<std::uint16_t>(running.warp_syncs[running.thread / 32]);
  return now;
}

bool is_same_warp(const Trace& a, const Trace& b) {
  return a.thread / 32 == b.thread / 32;
}

/// Within one launch: does a barrier or a warp's synchronisation lie between? Time only goes on, so any change is one.
bool is_ordered_in_launch(const Trace& before, const Trace& now) {
  if (before.block != now.block)
    return false;
  if (before.thread == now.thread || before.barriers != now.barriers)
    return true;
  return is_same_warp(before, now) && before.warp_syncs != now.warp_syncs;
}

bool is_ordered(const Trace& before, const Trace& now) {
  return before.launch == now.launch ? is_ordered_in_launch(before, now) : is_before_running_work(before.launch);
}

/// Reads by others than the last reader count, too.
bool reads_are_ordered(const Trace& read, const Trace& now) {
  if (read.launch != now.launch)
    return is_before_running_work(read.launch);
  if (read.many_blocks || read.block != now.block)
    return false;
  if (read.barriers != now.barriers)
    return true;
  if (read.many_warps || !is_same_warp(read, now))
    return false;
  return read.warp_syncs != now.warp_syncs || (!read.many_threads && read.thread == now.thread);
}

[[gnu::noinline]] void report_race(const Trace& before, bool before_writes, bool writes, Memory memory,
                                   const void* address) {
  const Trace& by = before;
  const char* const first = before_writes ? "write" : "read";
  const char* const second = writes ? "write" : "read";
  if (by.launch != running.launch) {
    report("racecheck", "device memory %p: the %s by %s races with the %s by %s: no event or stream orders them",
           address, second, describe_work(running.launch).c_str(), first, describe_work(by.launch).c_str());
    return;
  }
  report("racecheck", "%s memory %p: the %s by thread %u of block %u races with the %s by thread %u of block %u%s",
         memory == Memory::shared ? "shared" : "device", address, second, running.thread, running.block, first,
         by.thread, by.block,
         by.block != running.block               ? ""
         : by.thread / 32 == running.thread / 32 ? ": no __syncwarp lies between"
                                                 : ": no __syncthreads lies between");
}

void forget_unless_of_this_block(Trace& trace, const Trace& now) {
  if (trace.launch != now.launch || trace.block != now.block)
    trace = {};
}

void remember_read(Trace& read, Trace now, unsigned mask) {
  const bool is_same_launch = read.bytes != 0 && read.launch == now.launch;
  const bool is_same_block = is_same_launch && read.block == now.block;
  const bool is_same_time = is_same_block && read.barriers == now.barriers;
  const bool is_other_warp = is_same_time && !is_same_warp(read, now);
  const bool is_same_step = is_same_time && !is_other_warp && read.warp_syncs == now.warp_syncs;
  now.many_blocks = is_same_launch && (read.many_blocks || !is_same_block);
  now.many_warps = is_same_time && (read.many_warps || is_other_warp);
  now.many_threads = is_same_step && (read.many_threads || read.thread != now.thread);
  now.bytes = (is_same_step ? mask | read.bytes : mask) & 0xf;
  read = now;
}

void remember_write(Trace& write, Trace now, unsigned mask, bool is_atomic) {
  const bool is_same_block = write.launch == now.launch && write.block == now.block;
  const bool is_same_thread = is_same_block && write.thread == now.thread && write.barriers == now.barriers;
  now.bytes = (is_same_thread ? mask | write.bytes : mask) & 0xf;
  now.initialised = (is_same_block ? mask | write.initialised : mask) & 0xf;
  now.is_atomic = is_atomic;
  write = now;
}

/// The block of the shared variables in this OS thread's static storage: that of the main program.
SharedCells find_shared_cells() {
  SharedCells found;
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
  if ((cell.write.bytes & mask) != 0 && !(cell.write.is_atomic && is_atomic) && !is_ordered(cell.write, now))
    report_race(cell.write, true, writes, memory, address);
  if (!writes)
    return remember_read(cell.read, now, mask);
  if ((cell.read.bytes & mask) != 0 && !reads_are_ordered(cell.read, now))
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
  static thread_local const SharedCells cells = find_shared_cells();
  return cells;
}

}  // namespace emu
