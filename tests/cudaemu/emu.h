#pragma once
// What tests ask of the emulated device: settings, reports of what it found, counts of what kernels did.
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace emu {

enum class Order { ascending, descending, random };
enum class Streams { eager, lazy, random };

/// Read once from the environment; a test may change them while nothing runs.
struct Options {
  Order order = Order::ascending;    ///< EMU_ORDER=asc|desc|random: which block and thread goes first
  unsigned seed = 1;                 ///< EMU_SEED=n: of all that is random
  Streams streams = Streams::eager;  ///< EMU_STREAMS=eager|lazy|random: when queued work runs
  bool protect = false;              ///< EMU_PROTECT=1: host code that touches device memory ends the program
  bool fatal = true;                 ///< EMU_FATAL=0: count reports in place of ending the program at the first
  bool count_accesses = false;       ///< EMU_COUNT=1: fill the counts of accesses in Stats (check mode only; slow)
  std::size_t device_bytes;          ///< EMU_DEVICE_BYTES=n[K|M|G]: size of the device memory, 16 GiB by default
};
Options& options();

/// Something that is wrong with the program, e.g. {"racecheck", "shared memory ...", "kernel k block (0,0,0) ..."}.
struct Report {
  /// memcheck, racecheck, initcheck, synccheck, boundscheck, deadlock, leakcheck, determinism, operands
  std::string kind;
  std::string message;
  std::string place;  ///< the thread, or "host code"
};
/// Prints it. Unless options().fatal is false, the program ends with exit code 86; then it is kept, too.
void report(const char* kind, const char* format, ...) __attribute__((format(printf, 2, 3)));
/// What was kept since the last call.
std::vector<Report> take_reports();

/// Is the checker linked, that is, does any kernel of the program call it at each access?
bool is_checking();

/// What the launches of one kernel did. The accesses are counted in check mode with options().count_accesses.
struct Stats {
  std::int64_t launches = 0;  ///< those within graphs included
  std::int64_t blocks = 0;
  std::int64_t threads = 0;
  std::int64_t barriers = 0;                       ///< __syncthreads, once a block
  std::int64_t bytes_read = 0, bytes_written = 0;  ///< of device memory, each access counted
  /// Accesses of warps to device memory, the 32-byte sectors these touched, and the fewest that hold as many bytes.
  std::int64_t requests = 0, sectors = 0, fewest_sectors = 0;
  std::int64_t touched_sectors = 0;  ///< each counted once a launch: what would be moved if nothing left the caches
  std::int64_t shared_requests = 0;
  std::int64_t bank_conflicts = 0;  ///< passes over shared memory beyond the fewest that the accesses could take
};
/// By signature, as signature_of shows it, since the last reset_stats.
std::map<std::string, Stats> stats();
/// Sum over the kernels whose signature has `part` in it.
Stats stats_of(const std::string& part);
void reset_stats();

/// What the device was told to do from construction to destruction: signatures of kernels, "memcpy", "memset", "gemm",
/// "host function", in the order in which they ran.
class LaunchLog {
 public:
  LaunchLog();
  ~LaunchLog();
  LaunchLog(const LaunchLog&) = delete;
  LaunchLog& operator=(const LaunchLog&) = delete;
  const std::vector<std::string>& names() const { return names_; }
  /// How many of them have `part` in their name.
  std::size_t count(const std::string& part) const;
  void add(const std::string& name) { names_.push_back(name); }

 private:
  std::vector<std::string> names_;
};

/// Counts what kernels read and write in a range of device memory from construction to destruction (check mode only),
/// so that a test can say "reads x once".
class Watch {
 public:
  Watch(const void* begin, std::size_t bytes);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  std::int64_t bytes_read() const { return bytes_read_; }
  std::int64_t bytes_written() const { return bytes_written_; }
  /// The checker's: an access that begins at `address`.
  void note(const void* address, std::size_t bytes, bool reads, bool writes);

 private:
  const std::byte* begin_;
  const std::byte* end_;
  std::int64_t bytes_read_ = 0;
  std::int64_t bytes_written_ = 0;
};

/// From construction to destruction kernels may touch these ranges of device memory and no others (check mode only). It
/// reports the rest as "operands". One at a time.
class Named {
 public:
  struct Range {
    const std::byte* begin;
    const std::byte* end;
    bool writes;  ///< may be written, and read
  };
  explicit Named(std::vector<Range> ranges);
  ~Named();
  Named(const Named&) = delete;
  Named& operator=(const Named&) = delete;
  /// Does one range hold all of the bytes?
  bool allows(const void* address, std::size_t bytes, bool writes) const;

 private:
  std::vector<Range> ranges_;
};

/// Device memory that is allocated, and the most that ever was since the last reset.
std::size_t live_bytes();
std::size_t peak_bytes();
void reset_peak_bytes();
/// Runs what is queued; then each live allocation is reported as a leak. @return how many there are
std::size_t report_leaks();

}  // namespace emu
