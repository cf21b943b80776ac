// What threads do together, and where they go: shuffles, votes, barriers, branches, calls.
#include <algorithm>
#include <numeric>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/ptx/suite/snippet.h"
#include "tests/cudaemu/suite/reports.h"

namespace ptx_test {
namespace {

using U = std::uint32_t;

/// One input a lane.
std::vector<std::tuple<U>> lanes(U (*value)(U lane)) {
  std::vector<std::tuple<U>> all;
  for (U lane = 0; lane < 32; ++lane)
    all.push_back(value(lane));
  return all;
}
U square(U lane) {
  return lane * lane + 100;
}
U itself(U lane) {
  return lane;
}

/// Runs a body on the lanes of one warp; r is what expected(lane) is.
template <class D = U, class F>
void check_warp(const std::string& body, U (*value)(U), F expected) {
  const std::vector<D> results = evaluate<D>(body, lanes(value));
  for (U lane = 0; lane < 32; ++lane)
    BOOST_TEST(results[lane] == static_cast<D>(expected(lane)), body << " in lane " << lane);
}

/// The same on a warp of which each lane has a 64-bit number or a predicate.
template <class S, class D, class F>
void check_warp_of(const std::string& body, S (*value)(U), F expected) {
  std::vector<std::tuple<S>> inputs;
  for (U lane = 0; lane < 32; ++lane)
    inputs.push_back(value(lane));
  const std::vector<D> results = evaluate<D>(body, inputs);
  for (U lane = 0; lane < 32; ++lane)
    BOOST_TEST(results[lane] == static_cast<D>(expected(lane)), body << " in lane " << lane);
}

/// The lane that CUDA's shuffles of a width read; the own lane where there is none.
U source_lane(const std::string& mode, U lane, U b, U width, bool* is_in_range) {
  const U begin = lane / width * width;
  U source = lane;
  if (mode == "idx") {
    source = begin + b % width;
    *is_in_range = true;
  } else if (mode == "up") {
    *is_in_range = lane >= begin + b;
    source = *is_in_range ? lane - b : lane;
  } else {
    const U other = mode == "down" ? lane + b : lane ^ b;
    *is_in_range = other < begin + width;
    source = *is_in_range ? other : lane;
  }
  return source;
}

BOOST_AUTO_TEST_SUITE(ptx_warps)

BOOST_AUTO_TEST_CASE(shuffles_of_all_modes_and_widths) {
  for (const std::string mode : {"idx", "up", "down", "bfly"}) {
    for (const U width : {32u, 16u, 8u, 2u}) {
      for (const U b : {0u, 1u, 3u, 5u, 17u}) {
        const std::string c = std::to_string((32 - width) << 8 | (mode == "up" ? 0 : 31));
        const std::string operands = "|p, a, " + std::to_string(b) + ", " + c + ", -1;";
        check_warp("shfl.sync." + mode + ".b32 r" + operands, square, [&](U lane) {
          bool is_in_range;
          return square(source_lane(mode, lane, b, width, &is_in_range));
        });
        check_warp("shfl.sync." + mode + ".b32 r" + operands + "\nselp.b32 r, 1, 0, p;", square, [&](U lane) {
          bool is_in_range;
          source_lane(mode, lane, b, width, &is_in_range);
          return U{is_in_range};
        });
      }
    }
  }
  check_warp("shfl.sync.idx.b32 a, a, 3, 31, -1;\nmov.b32 r, a;", square, [](U) { return square(3); });
}

BOOST_AUTO_TEST_CASE(votes_matches_and_sums) {
  const auto is_odd = [](U lane) { return lane % 2 == 1; };
  check_warp_of<bool, U>("vote.sync.ballot.b32 r, a, -1;", +is_odd, [](U) { return 0xaaaaaaaau; });
  check_warp_of<bool, bool>("vote.sync.any.pred r, a, -1;", +is_odd, [](U) { return true; });
  check_warp_of<bool, bool>("vote.sync.all.pred r, a, -1;", +is_odd, [](U) { return false; });
  check_warp_of<bool, bool>("vote.sync.uni.pred r, a, -1;", +is_odd, [](U) { return false; });
  check_warp_of<bool, bool>(
      "vote.sync.uni.pred r, a, -1;", +[](U) { return false; }, [](U) { return true; });
  check_warp_of<bool, bool>(
      "vote.sync.any.pred r, a, -1;", +[](U) { return false; }, [](U) { return false; });
  check_warp_of<bool, bool>(
      "vote.sync.all.pred r, a, -1;", +[](U) { return true; }, [](U) { return true; });
  const auto third = [](U lane) { return lane % 3; };
  const auto same = [](U lane) {
    U mask = 0;
    for (U other = lane % 3; other < 32; other += 3)
      mask |= U{1} << other;
    return mask;
  };
  check_warp("match.any.sync.b32 r, a, -1;", third, same);
  check_warp("match.all.sync.b32 r|p, a, -1;", third, [](U) { return 0u; });
  check_warp("match.all.sync.b32 r|p, 5, -1;\n@!p mov.b32 r, 7;", third, [](U) { return ~0u; });
  check_warp_of<std::uint64_t, U>(
      "match.any.sync.b64 r, a, -1;", +[](U lane) { return std::uint64_t{lane % 3} << 40; }, same);
  check_warp_of<std::uint64_t, U>(
      "match.all.sync.b64 r|p, a, -1;", +[](U) { return std::uint64_t{5} << 40; }, [](U) { return ~0u; });
  const auto fold = [](auto f, auto value) {
    auto result = value(0);
    for (U lane = 1; lane < 32; ++lane)
      result = f(result, value(lane));
    return [result](U) { return static_cast<U>(result); };
  };
  const auto mixed = [](U lane) { return (lane * 2654435761u) ^ 0x80000000u; };
  const auto mixed_signed = [=](U lane) { return static_cast<std::int32_t>(mixed(lane)); };
  for (const char* type : {"u32", "s32"})
    check_warp(std::string("redux.sync.add.") + type + " r, a, -1;", +mixed, fold(std::plus<U>(), mixed));
  check_warp("redux.sync.min.u32 r, a, -1;", +mixed, fold([](U a, U b) { return std::min(a, b); }, mixed));
  check_warp("redux.sync.max.u32 r, a, -1;", +mixed, fold([](U a, U b) { return std::max(a, b); }, mixed));
  check_warp("redux.sync.min.s32 r, a, -1;", +mixed,
             fold([](std::int32_t a, std::int32_t b) { return std::min(a, b); }, mixed_signed));
  check_warp("redux.sync.max.s32 r, a, -1;", +mixed,
             fold([](std::int32_t a, std::int32_t b) { return std::max(a, b); }, mixed_signed));
  check_warp("redux.sync.and.b32 r, a, -1;", +mixed, fold(std::bit_and<U>(), mixed));
  check_warp("redux.sync.or.b32 r, a, -1;", +mixed, fold(std::bit_or<U>(), mixed));
  check_warp("redux.sync.xor.b32 r, a, -1;", +mixed, fold(std::bit_xor<U>(), mixed));
}

BOOST_AUTO_TEST_CASE(halves_of_a_warp_go_apart_and_meet) {
  const std::string body =
      "and.b32 r, a, 1;\nsetp.eq.u32 p, r, 0;\n@p bra EVEN;\n"
      "activemask.b32 r;\nshfl.sync.bfly.b32 r, r, 2, 31, 0xaaaaaaaa;\nadd.u32 r, r, a;\nbra MEET;\n"
      "EVEN:\nvote.sync.ballot.b32 r, p, 0x55555555;\n"
      "MEET:\nbar.warp.sync -1;\nshfl.sync.bfly.b32 r, r, 1, 31, -1;";
  check_warp(body, itself, [](U lane) { return lane % 2 == 0 ? 0xaaaaaaaau + (lane ^ 1) : 0x55555555u; });
}

BOOST_AUTO_TEST_CASE(lanes_wait_for_members_that_come_later) {
  // The upper half loops before it comes to the shuffle.
  const std::string body =
      ".reg .b32 n;\nmov.b32 r, a;\nmov.b32 n, 0;\nsetp.lt.u32 p, a, 16;\n@p bra SHUFFLE;\n"
      "LOOP:\nadd.u32 r, r, 1;\nadd.u32 n, n, 1;\nsetp.lt.u32 p, n, a;\n@p bra LOOP;\n"
      "SHUFFLE:\nshfl.sync.bfly.b32 r, r, 16, 31, -1;";
  check_warp(body, itself, [](U lane) { return lane < 16 ? 2 * (lane + 16) : lane - 16; });
}

BOOST_AUTO_TEST_CASE(loops_with_counts_of_their_own) {
  const std::string body =
      ".reg .b32 n;\nmov.b32 r, 0;\nmov.b32 n, 0;\n"
      "AGAIN:\nsetp.ge.u32 p, n, a;\n@p bra DONE;\nadd.u32 r, r, n;\nadd.u32 n, n, 1;\nbra.uni AGAIN;\nDONE:";
  check_warp(body, itself, [](U lane) { return lane == 0 ? 0 : lane * (lane - 1) / 2; });
}

BOOST_AUTO_TEST_CASE(labels_and_registers_belong_to_their_braces) {
  const std::string braces =
      "{\n.reg .b32 t;\n.reg .pred odd;\nand.b32 t, a, 1;\nsetp.ne.u32 odd, t, 0;\n@odd bra L;\nadd.u32 r, r, "
      "10;\nL:\n}\n";
  check_warp("mov.b32 r, a;\n" + braces + braces, itself, [](U lane) { return lane + (lane % 2 == 0 ? 20 : 0); });
}

BOOST_AUTO_TEST_CASE(branches_by_a_table) {
  for (const char* opcode : {"brx.idx", "brx.idx.uni"}) {
    const std::string body = "and.b32 r, a, 3;\nTABLE: .branchtargets A, B, C, B;\n" + std::string(opcode) +
                             " r, TABLE;\nA:\nmov.b32 r, 100;\nbra D;\nB:\nmov.b32 r, 200;\nbra D;\n"
                             "C:\nmov.b32 r, 300;\nD:";
    check_warp(body, itself, [](U lane) { return lane % 4 == 0 ? 100u : lane % 4 == 2 ? 300u : 200u; });
    opcodes_used().insert(opcode);
  }
}

/// Functions before a kernel that calls them on a, %t, to give r.
void check_call(const std::string& functions, const std::string& body, U (*expected)(U)) {
  const std::string text = ".reg .b64 %out;\n.reg .b32 %t, r;\n.reg .pred p;\nmov.u32 %t, %tid.x;\n" + body +
                           "\nld.param.u64 %out, [p0];\nmad.wide.u32 %out, %t, 4, %out;\nst.global.u32 [%out], r;\n";
  const auto module = kernel(1, text, functions);
  const DeviceValues<U> out(64);
  run_kernel(*module, {out.address()}, {64});
  const std::vector<U> results = out.host();
  for (U thread = 0; thread < 64; ++thread)
    BOOST_TEST(results[thread] == expected(thread), "thread " << thread);
}

const char* const kFunctions = R"(
.func (.param .b32 result) triple(.param .b32 x)
{
  .reg .b32 %v;
  ld.param.b32 %v, [x];
  mul.lo.u32 %v, %v, 3;
  st.param.b32 [result], %v;
  ret;
}
.func (.param .align 8 .b8 result[16]) sums(.param .b32 n, .param .align 4 .b8 start[8])
{
  .reg .b32 %n, %k, %sum, %product;
  .reg .pred %done;
  ld.param.b32 %n, [n];
  ld.param.b32 %sum, [start];
  ld.param.b32 %product, [start+4];
  mov.b32 %k, 0;
LOOP:
  setp.ge.u32 %done, %k, %n;
  @%done bra END;
  { // callseq
  .param .b32 param0;
  st.param.b32 [param0+0], %k;
  .param .b32 retval0;
  call.uni (retval0),
  triple,
  (
  param0
  );
  .reg .b32 %t;
  ld.param.b32 %t, [retval0+0];
  add.u32 %sum, %sum, %t;
  }
  add.u32 %product, %product, %product;
  add.u32 %k, %k, 1;
  bra LOOP;
END:
  st.param.b32 [result+0], %sum;
  st.param.b32 [result+8], %product;
  ret.uni;
}
)";

BOOST_AUTO_TEST_CASE(functions_call_functions) {
  const std::string body =
      "{\n.param .b32 param0;\nst.param.b32 [param0], %t;\n.param .align 4 .b8 param1[8];\nst.param.b32 [param1], 7;\n"
      "st.param.b32 [param1+4], 1;\n.param .align 8 .b8 retval0[16];\ncall (retval0), sums, (param0, param1);\n"
      ".reg .b32 %s, %m;\nld.param.b32 %s, [retval0];\nld.param.b32 %m, [retval0+8];\nadd.u32 r, %s, %m;\n}";
  check_call(kFunctions, body, [](U t) { return 7 + (t == 0 ? 0 : 3 * (t * (t - 1) / 2)) + (t < 32 ? U{1} << t : 0); });
}

BOOST_AUTO_TEST_CASE(lanes_call_from_different_places) {
  const std::string call =
      "{\n.param .b32 param0;\nst.param.b32 [param0], r;\n.param .b32 retval0;\ncall.uni (retval0), triple, (param0);\n"
      "ld.param.b32 r, [retval0];\n}\n";
  const std::string body = "add.u32 r, %t, 5;\nand.b32 r, r, 1;\nsetp.eq.u32 p, r, 0;\nmov.b32 r, %t;\n@p bra ELSE;\n" +
                           call + call + "bra END;\nELSE:\n" + call + "add.u32 r, r, 1;\nEND:";
  check_call(kFunctions, body, [](U t) { return t % 2 == 0 ? 9 * t : 3 * t + 1; });
}

/// Threads of several warps by way of shared memory; `barrier` waits.
void check_barrier(const std::string& barrier) {
  opcodes_used().insert(barrier);
  const std::string body =
      ".reg .b64 %out;\n.reg .b32 %t, %s, %x;\nmov.u32 %t, %tid.x;\nmov.u32 %s, table;\nmad.lo.u32 %s, %t, 4, %s;\n"
      "st.shared.u32 [%s], %t;\n" +
      barrier +
      " 0;\nmov.u32 %s, table;\nsub.u32 %x, 127, %t;\n"
      "mad.lo.u32 %s, %x, 4, %s;\nld.shared.u32 %x, [%s];\nld.param.u64 %out, [p0];\nmad.wide.u32 %out, %t, 4, %out;\n"
      "st.global.u32 [%out], %x;";
  const auto module = kernel(1, body, ".shared .align 4 .b8 table[512];");
  const DeviceValues<U> out(128);
  for (const emu::Order order : {emu::Order::ascending, emu::Order::descending, emu::Order::random}) {
    emu::options().order = order;
    run_kernel(*module, {out.address()}, {128});
    const std::vector<U> results = out.host();
    for (U thread = 0; thread < 128; ++thread)
      BOOST_TEST(results[thread] == 127 - thread, barrier);
  }
  emu::options().order = emu::Order::ascending;
}

BOOST_AUTO_TEST_CASE(barriers_order_a_block) {
  for (const char* barrier :
       {"bar.sync", "barrier.sync", "barrier.sync.aligned", "barrier.cta.sync", "barrier.cta.sync.aligned"})
    check_barrier(barrier);
}

BOOST_AUTO_TEST_CASE(barriers_count_and_vote) {
  for (const std::string kind : {"bar.red", "barrier.red", "barrier.cta.red"}) {
    for (const std::string aligned : {"", ".aligned"}) {
      const std::string popc = kind + ".popc" + aligned + ".u32", all = kind + ".and" + aligned + ".pred",
                        any = kind + ".or" + aligned + ".pred";
      opcodes_used().insert({popc, all, any});
      const std::string body =
          ".reg .b64 %out;\n.reg .b32 %t, %x;\n.reg .pred p, q, s;\nmov.u32 %t, %tid.x;\nsetp.lt.u32 p, %t, 40;\n" +
          popc + " %x, 0, p;\n" + all + " q, 0, p;\n" + any +
          " s, 0, p;\n@q add.u32 %x, %x, 1000;\n@s add.u32 %x, %x, 2000;\n" + "setp.lt.u32 p, %t, 4000;\n" + all +
          " q, 0, p;\n@q add.u32 %x, %x, 4000;\n" +
          "ld.param.u64 %out, [p0];\nmad.wide.u32 %out, %t, 4, %out;\nst.global.u32 [%out], %x;";
      const auto module = kernel(1, body);
      const DeviceValues<U> out(80);
      run_kernel(*module, {out.address()}, {80});
      BOOST_TEST(out.host() == std::vector<U>(80, 6040), boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(special_registers_tell_where_a_thread_is) {
  const std::string registers[] = {"%tid.x",       "%tid.y",       "%tid.z",      "%ntid.x",      "%ntid.y",
                                   "%ntid.z",      "%ctaid.x",     "%ctaid.y",    "%ctaid.z",     "%nctaid.x",
                                   "%nctaid.y",    "%nctaid.z",    "%laneid",     "%lanemask_eq", "%lanemask_lt",
                                   "%lanemask_le", "%lanemask_gt", "%lanemask_ge"};
  std::string body =
      ".reg .b64 %out;\n.reg .b32 %n, %x, %y;\n"
      "mov.u32 %n, %ctaid.z;\nmov.u32 %x, %nctaid.y;\nmov.u32 %y, %ctaid.y;\nmad.lo.u32 %n, %n, %x, %y;\n"
      "mov.u32 %x, %nctaid.x;\nmov.u32 %y, %ctaid.x;\nmad.lo.u32 %n, %n, %x, %y;\n"
      "mov.u32 %x, %ntid.z;\nmov.u32 %y, %tid.z;\nmad.lo.u32 %n, %n, %x, %y;\n"
      "mov.u32 %x, %ntid.y;\nmov.u32 %y, %tid.y;\nmad.lo.u32 %n, %n, %x, %y;\n"
      "mov.u32 %x, %ntid.x;\nmov.u32 %y, %tid.x;\nmad.lo.u32 %n, %n, %x, %y;\n"
      "ld.param.u64 %out, [p0];\nmad.wide.u32 %out, %n, 72, %out;\n";
  for (unsigned k = 0; k < 18; ++k)
    body += "mov.u32 %x, " + registers[k] + ";\nst.global.u32 [%out+" + std::to_string(4 * k) + "], %x;\n";
  const auto module = kernel(1, body);
  constexpr unsigned kThreads = 5 * 4 * 3, kBlocks = 2 * 3 * 4;
  const DeviceValues<U> out(18 * kThreads * kBlocks);
  run_kernel(*module, {out.address()}, {5, 4, 3}, {2, 3, 4});
  const std::vector<U> results = out.host();
  for (U n = 0; n < kThreads * kBlocks; ++n) {
    const U t = n % kThreads, b = n / kThreads, lane = t % 32;
    const std::vector<U> expected = {t % 5,
                                     t / 5 % 4,
                                     t / 20,
                                     5,
                                     4,
                                     3,
                                     b % 2,
                                     b / 2 % 3,
                                     b / 6,
                                     2,
                                     3,
                                     4,
                                     lane,
                                     1u << lane,
                                     (1u << lane) - 1,
                                     (2u << lane) - 1,
                                     ~((2u << lane) - 1),
                                     ~((1u << lane) - 1)};
    const std::vector<U> found(results.begin() + 18 * n, results.begin() + 18 * (n + 1));
    BOOST_TEST(found == expected, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(threads_end_where_they_like) {
  for (const char* end : {"ret", "ret.uni", "exit"}) {
    const std::string body =
        ".reg .b64 %out;\n.reg .b32 %t;\n.reg .pred p;\nmov.u32 %t, %tid.x;\nld.param.u64 %out, [p0];\n"
        "mad.wide.u32 %out, %t, 4, %out;\nsetp.gt.u32 p, %t, 9;\n@p " +
        std::string(end) + ";\nst.global.u32 [%out], 1;";
    opcodes_used().insert(end);
    const auto module = kernel(1, body);
    const DeviceValues<U> out(std::vector<U>(64, 0));
    run_kernel(*module, {out.address()}, {64});
    const std::vector<U> results = out.host();
    BOOST_TEST(std::accumulate(results.begin(), results.end(), 0u) == 10u);
  }
}

BOOST_AUTO_TEST_CASE(a_trap_is_reported) {
  ockham::emutest::KeptReports reports;
  const auto module = kernel(0, "trap;");
  opcodes_used().insert("trap");
  run_kernel(*module, {}, {1});
  BOOST_TEST(reports.are("trap", "the kernel gives up"));
}

BOOST_AUTO_TEST_CASE(all_opcodes_of_warps_and_control_are_tested) {
  check_all_used(add_collective_opcodes);
  check_all_used(add_control_opcodes);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ptx_test
