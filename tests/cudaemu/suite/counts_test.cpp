// Counts of what kernels do, by which tests can state "reads x once" and "no uncoalesced pattern". Check mode.
#include <vector>

#include "tests/cudaemu/suite/device_memory.h"
#include "tests/cudaemu/suite/kernels/bugs.h"
#include "tests/cudaemu/suite/reports.h"

namespace ockham::emutest {
namespace {

using Floats = DeviceArray<float>;

struct Counting {
  Counting() {
    emu::options().count_accesses = true;
    emu::reset_stats();
  }
  ~Counting() { emu::options().count_accesses = false; }
};

/// What one launch of a block of 32 threads did.
template <class... Parameters, class... Arguments>
emu::Stats stats_of_warp(std::size_t dynamic_bytes, const char* name, void (*kernel)(Parameters...),
                         Arguments... arguments) {
  emu::reset_stats();
  launch(kernel, {dim3(1), dim3(32), dynamic_bytes}, arguments...);
  return emu::stats_of(name);
}

BOOST_FIXTURE_TEST_SUITE(counts, Counting)

BOOST_AUTO_TEST_CASE(bytes_are_those_of_the_accesses) {
  const Floats x(std::vector<float>(10240)), y(std::size_t{10240});
  const emu::Watch of_x(x.data(), 40960), of_y(y.data(), 40960);
  launch(add_relu, {dim3(10), dim3(256)}, x.data(), x.data(), y.data(), 10240);
  const emu::Stats stats = emu::stats_of("add_relu");
  BOOST_TEST(stats.launches == 1);
  BOOST_TEST(stats.blocks == 10);
  BOOST_TEST(stats.threads == 2560);
  BOOST_TEST(stats.bytes_read == 2 * 40960);
  BOOST_TEST(stats.bytes_written == 40960);
  BOOST_TEST(stats.touched_sectors == 2 * 40960 / 32);  // x, which is read twice, and y
  BOOST_TEST(of_x.bytes_read() == 2 * 40960);
  BOOST_TEST(of_x.bytes_written() == 0);
  BOOST_TEST(of_y.bytes_read() == 0);
  BOOST_TEST(of_y.bytes_written() == 40960);
}

BOOST_AUTO_TEST_CASE(a_tile_with_a_halo_reads_its_halo_again_and_waits_once) {
  const Floats x(std::vector<float>(64 * 64)), w(std::vector<float>(9)), y(std::size_t{64 * 64});
  const emu::Watch of_x(x.data(), 64 * 64 * 4);
  launch(depthwise3, {dim3(2, 8, 1), dim3(32, 8)}, x.data(), w.data(), y.data(), 1, 64, 64);
  BOOST_TEST(of_x.bytes_read() == 4 * (64 + 2) * (64 + 2 * 7));  // two columns of tiles, eight rows
  BOOST_TEST(emu::stats_of("depthwise3").barriers == 16);
}

BOOST_AUTO_TEST_CASE(neighbouring_lanes_share_sectors_and_strided_ones_do_not) {
  const Floats x(std::vector<float>(2048)), y(std::size_t{64});
  const emu::Stats dense = stats_of_warp(0, "copy_strided", copy_strided, x.data(), y.data(), 1);
  BOOST_TEST(dense.requests == 2);
  BOOST_TEST(dense.sectors == 8);
  BOOST_TEST(dense.fewest_sectors == 8);
  const emu::Stats strided = stats_of_warp(0, "copy_strided", copy_strided, x.data(), y.data(), 32);
  BOOST_TEST(strided.sectors == 32 + 4);
  BOOST_TEST(strided.fewest_sectors == 8);
  const emu::Stats broadcast = stats_of_warp(0, "copy_strided", copy_strided, x.data(), y.data(), 0);
  BOOST_TEST(broadcast.sectors == 1 + 4);
  BOOST_TEST(broadcast.fewest_sectors == 1 + 4);
  const emu::Stats shifted = stats_of_warp(0, "copy_strided", copy_strided, x.data() + 1, y.data(), 1);
  BOOST_TEST(shifted.sectors == 5 + 4);
}

#if !defined(__clang__)  // which loads the members one by one
BOOST_AUTO_TEST_CASE(vectors_are_one_request_of_four_times_the_sectors) {
  const Floats x(std::vector<float>(128)), y(std::size_t{128});
  const auto* const wide = reinterpret_cast<const float4*>(x.data());
  const emu::Stats stats =
      stats_of_warp(0, "add_relu4", add_relu4, wide, wide, reinterpret_cast<float4*>(y.data()), 32);
  BOOST_TEST(stats.sectors == 3 * 16);
  BOOST_TEST(stats.fewest_sectors == 3 * 16);
}
#endif

BOOST_AUTO_TEST_CASE(columns_of_a_tile_conflict_unless_it_is_padded) {
  const Floats y(std::size_t{64});
  const auto conflicts = [&](int pitch) {
    const emu::Stats stats =
        stats_of_warp(static_cast<std::size_t>(31 * pitch * 4 + 4), "column_of_tile", column_of_tile, y.data(), pitch);
    BOOST_TEST(stats.shared_requests == 1);
    return stats.bank_conflicts;
  };
  BOOST_TEST(conflicts(32) == 31);
  BOOST_TEST(conflicts(33) == 0);
  BOOST_TEST(conflicts(2) == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham::emutest
