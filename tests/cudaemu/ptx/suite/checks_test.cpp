// What is wrong with a kernel is reported, and PTX that is not understood is refused.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/ptx/suite/snippet.h"
#include "tests/cudaemu/suite/reports.h"

namespace ptx_test {
namespace {

using ockham::emutest::KeptReports;

/// %t is the thread, %out the parameter, %at the address of the thread's word behind it.
const std::string kBegin =
    ".reg .b64 %out, %at, %a;\n.reg .b32 %t, %x, %s;\n.reg .pred p;\nmov.u32 %t, %tid.x;\nld.param.u64 %out, [p0];\n"
    "mad.wide.u32 %at, %t, 4, %out;\nmov.u32 %s, table;\nmad.lo.u32 %s, %t, 4, %s;\n";
const std::string kTable = ".shared .align 16 .b8 table[256];";

/// Runs a body on threads that have a word each of device memory, and says whether there is such a report.
bool reports(const std::string& body, const std::string& kind, const std::string& part, unsigned threads = 64) {
  KeptReports kept;
  const auto module = kernel(1, kBegin + body, kTable);
  const DeviceValues<std::uint32_t> words(std::vector<std::uint32_t>(threads, 1));
  run_kernel(*module, {words.address()}, {threads});
  return kept.are(kind, part);
}

bool is_clean(const std::string& body, unsigned threads = 64) {
  return reports(body, "", "", threads);
}

BOOST_AUTO_TEST_SUITE(ptx_checks)

BOOST_AUTO_TEST_CASE(clean_kernels_give_no_report) {
  BOOST_TEST(is_clean("ld.global.u32 %x, [%at];\nst.global.u32 [%at], %x;"));
  BOOST_TEST(
      is_clean("st.shared.u32 [%s], %t;\nbar.sync 0;\nld.shared.u32 %x, [table+252];\nbar.sync 0;\n"
               "st.shared.u32 [%s], %x;"));
  BOOST_TEST(is_clean("st.shared.u32 [%s], %t;\nbar.warp.sync -1;\nxor.b32 %s, %s, 4;\nld.shared.u32 %x, [%s];"));
  BOOST_TEST(is_clean("st.shared.u32 [table], 0;", 1));
  BOOST_TEST(
      is_clean("mov.u32 %s, table;\nsetp.eq.u32 p, %t, 0;\n@p st.shared.u32 [%s], 0;\nbar.sync 0;\n"
               "red.shared.add.u32 [%s], 1;"));
}

BOOST_AUTO_TEST_CASE(device_memory) {
  BOOST_TEST(reports("ld.global.u32 %x, [%at+4];", "memcheck", "0 bytes past the end"));
  BOOST_TEST(reports("st.global.u32 [%at+-8], %x;", "memcheck", "write of 4 bytes"));
  BOOST_TEST(reports("ld.global.u32 %x, [%out+2];", "memcheck", "misaligned 4-byte read"));
  BOOST_TEST(reports("ld.global.v2.u32 {%x, %s}, [%at];", "memcheck", "misaligned 8-byte read"));
  BOOST_TEST(reports("mov.u64 %a, 4096;\nst.global.u32 [%a], 0;", "memcheck", "no device memory"));
  BOOST_TEST(reports("red.global.add.u32 [%at+1024], 1;", "memcheck", "atomic operation of 4 bytes"));
}

BOOST_AUTO_TEST_CASE(memory_that_was_never_written) {
  KeptReports kept;
  const auto module = kernel(1, kBegin + "ld.global.u32 %x, [%at];", kTable);
  const DeviceValues<std::uint32_t> fresh(32);
  run_kernel(*module, {fresh.address()});
  BOOST_TEST(kept.are("initcheck", "uninitialised device memory"));
  BOOST_TEST(reports("ld.shared.u32 %x, [%s];", "initcheck", "uninitialised shared memory"));
  BOOST_TEST(reports("st.shared.u16 [%s], 0;\nld.shared.u32 %x, [%s];", "initcheck", "uninitialised shared memory"));
}

BOOST_AUTO_TEST_CASE(freed_memory) {
  KeptReports kept;
  const auto module = kernel(1, kBegin + "st.global.u32 [%at], %x;", kTable);
  std::uint64_t address;
  {
    const DeviceValues<std::uint32_t> words(32);
    address = words.address();
  }
  run_kernel(*module, {address});
  BOOST_TEST(kept.are("memcheck", "write of 4 bytes"));
}

BOOST_AUTO_TEST_CASE(shared_memory_of_an_earlier_block_is_not_initialised) {
  KeptReports kept;
  const std::string body =
      "mov.u32 %x, %ctaid.x;\nsetp.eq.u32 p, %x, 0;\n@p st.shared.u32 [%s], 1;\nld.shared.u32 %x, [%s];";
  const auto module = kernel(1, kBegin + body, kTable);
  const DeviceValues<std::uint32_t> words(1);
  run_kernel(*module, {words.address()}, {32}, {2});
  BOOST_TEST(kept.are("initcheck", "uninitialised shared memory"));
}

BOOST_AUTO_TEST_CASE(bounds_of_the_other_spaces) {
  BOOST_TEST(reports("st.shared.u32 [%s+4], %t;", "memcheck", "shared memory: write of 4 bytes at offset 256"));
  BOOST_TEST(reports("st.shared.u32 [table+6], %t;", "memcheck", "misaligned 4-byte write", 1));
  BOOST_TEST(reports("st.shared.u32 [table+4], %t;\nst.shared.u32 [table+8], %t;\nld.shared.u64 %a, [table+4];",
                     "memcheck", "misaligned 8-byte read", 1));
  BOOST_TEST(reports(".local .align 4 .b8 v[8];\nmov.u64 %a, v;\nst.local.u32 [%a+8], %t;", "memcheck",
                     "local memory: write of 4 bytes at offset 8 of 8"));
  BOOST_TEST(reports("mov.u64 %a, table;\nld.shared.u32 %x, [%a+-4];", "memcheck",
                     "shared memory: read of 4 bytes at offset -4 of 256"));
  BOOST_TEST(reports(".local .align 4 .b8 v[8];\nmov.u64 %a, v;\nst.local.u32 [%a+-4], %t;", "memcheck",
                     "local memory: write of 4 bytes at offset -4 of 8"));
  BOOST_TEST(reports("mov.u64 %a, p0;\nld.param.u32 %x, [%a+8];", "memcheck", "parameter memory"));
  BOOST_TEST(
      reports("mov.u64 %a, p0;\ncvta.param.u64 %a, %a;\nst.u32 [%a], %x;", "memcheck", "write of kernel parameters"));
  BOOST_TEST(reports("TABLE: .branchtargets A, A;\nbrx.idx %t, TABLE;\nA:", "memcheck", "index 2 of a table of 2"));
}

BOOST_AUTO_TEST_CASE(races_in_shared_memory) {
  BOOST_TEST(reports("st.shared.u32 [%s], %t;\nsub.u32 %s, 252, %s;\nld.shared.u32 %x, [%s];", "", "", 1) == false);
  BOOST_TEST(reports("st.shared.u32 [table], %t;", "racecheck", "write races with a write"));
  BOOST_TEST(reports("st.shared.u32 [%s], %t;\nld.shared.u32 %x, [table];", "racecheck", "read races with a write"));
  BOOST_TEST(reports("st.shared.u32 [%s], %t;\nbar.sync 0;\nld.shared.u32 %x, [table+252];\nst.shared.u32 [%s], %x;",
                     "racecheck", "write races with a read"));
  BOOST_TEST(reports("st.shared.u32 [%s], %t;\nbar.warp.sync -1;\nld.shared.u32 %x, [table];", "racecheck",
                     "read races with a write"));
  BOOST_TEST(reports("mov.u32 %s, table;\nred.shared.add.u32 [%s], 1;", "initcheck", ""));
}

BOOST_AUTO_TEST_CASE(barriers_that_not_all_reach) {
  BOOST_TEST(reports("setp.lt.u32 p, %t, 40;\n@p bar.sync 0;", "synccheck", "24 threads of the block have exited"));
  BOOST_TEST(reports("setp.lt.u32 p, %t, 40;\n@!p ret;\nbar.sync 0;", "synccheck", "have exited before this barrier"));
  BOOST_TEST(reports("setp.lt.u32 p, %t, 40;\n@p bra A;\nbar.sync 0;\nbra B;\nA:\nbar.sync 0;\nB:", "synccheck",
                     "divergent barriers"));
}

BOOST_AUTO_TEST_CASE(members_of_warps_that_are_missing) {
  BOOST_TEST(reports("setp.lt.u32 p, %t, 8;\n@p ret;\nshfl.sync.bfly.b32 %x, %t, 1, 31, -1;", "synccheck",
                     "names lanes 000000ff, which have exited"));
  BOOST_TEST(reports("shfl.sync.bfly.b32 %x, %t, 1, 31, 0x0000ffff;", "synccheck", "lacks the calling lane"));
  BOOST_TEST(reports("setp.lt.u32 p, %t, 16;\n@p shfl.sync.idx.b32 %x, %t, 20, 31, 0x0000ffff;", "synccheck",
                     "shuffle reads lane 20, which takes no part"));
  BOOST_TEST(reports("setp.lt.u32 p, %t, 16;\n@p bra A;\nbar.sync 0;\nA:\nbar.warp.sync -1;", "deadlock",
                     "other members of their warp never come", 32));
  BOOST_TEST(is_clean("vote.sync.ballot.b32 %x, 1, -1;", 40), "lanes beyond the block are no members");
}

BOOST_AUTO_TEST_CASE(blocks_larger_than_compiled_for) {
  KeptReports kept;
  Module module("a test", ".visible .entry k()\n.maxntid 32, 1, 1\n{\nret;\n}\n");
  run_kernel(module, {}, {33});
  BOOST_TEST(kept.are("launch", "33 threads a block"));
}

BOOST_AUTO_TEST_CASE(reports_name_thread_and_line) {
  KeptReports kept;
  const auto module = kernel(1,
                             "\n.reg .b64 %a;\n.reg .b32 %t;\nmov.u32 %t, %tid.y;\nmul.wide.u32 %a, %t, 4096;\n"
                             "st.global.u32 [%a], 0;");
  run_kernel(*module, {0}, {8, 4, 1}, {1, 3, 1});
  const std::vector<emu::Report> found = emu::take_reports();
  BOOST_REQUIRE(!found.empty());
  BOOST_TEST(found[0].message.find("(a test, line 12)") != std::string::npos, found[0].message);
  BOOST_TEST(found[9].place == "kernel k block (0,0,0) thread (1,1,0)", found[9].place);
}

/// Ends a child process that decodes the text; what it said to stderr, if it aborted.
std::string last_words(const std::string& body, const std::string& declarations = "") {
  int ends[2];
  BOOST_REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 2);
    std::signal(SIGABRT, SIG_DFL);
    kernel(1, ".reg .b32 %r<4>;\n.reg .b64 %rd<4>;\n.reg .f32 %f<4>;\n.reg .pred %p<4>;\n" + body, declarations)
        ->program("k");
    _exit(0);
  }
  close(ends[1]);
  std::string said;
  char buffer[512];
  for (ssize_t n = read(ends[0], buffer, sizeof buffer); n > 0; n = read(ends[0], buffer, sizeof buffer))
    said.append(buffer, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? said : "it did not abort";
}

/// Is this refused, with these words?
void check_refused(const std::string& body, const std::string& words, const std::string& declarations = "") {
  const std::string said = last_words(body, declarations);
  BOOST_TEST(said.find(words) != std::string::npos, body << ": " << said);
}

BOOST_AUTO_TEST_CASE(what_is_not_understood_is_refused) {
  check_refused("add.s32 %r1, %r2, %r3;\nfoo.bar %r1, %r2;", "ptx a test:12: unknown opcode 'foo.bar'");
  check_refused("add.ftz.f64 %rd1, %rd2, %rd3;", "unknown opcode 'add.ftz.f64'");
  check_refused("add.s32.hi %r1, %r2, %r3;", "unknown opcode");
  check_refused("add.s32 %r1, %r2, %r9;", "'%r9' is no register, variable or number");
  check_refused("add.s32 %r1, %r2, %rd1;", "'%rd1' is no register of 4 bytes");
  check_refused("add.s32 %rd1, %r2, %r3;", "'%rd1' is no register of 4 bytes");
  check_refused("add.s32 %r1, %r2;", "',' expected");
  check_refused("add.s32 %r1, %r2, %r3, %r1;", "';' expected");
  check_refused("ld.global.u64 %r1, [%rd1];", "narrower than the type");
  check_refused("ld.global.u32 %r1, [nothing];", "unknown address 'nothing'");
  check_refused("ld.global.v2.u32 {%r1, %rd1}, [%rd1];", "different widths");
  check_refused("mov.b64 %rd1, {%r1, %r2, %r3};", "does not fill its register");
  check_refused("bra NOWHERE;", "no label 'NOWHERE'");
  check_refused("bar.sync 1;", "a barrier other than 0");
  check_refused("bar.sync 0, 64;", "';' expected");
  check_refused("@%r1 ret;", "'%r1' is no register of 0 bytes");
  check_refused("mov.u32 %r1, %clock;", "'%clock' is no register");
  check_refused("call.uni nothing, ();", "which is no function of this file");
  check_refused("{\nadd.s32 %r1, %r2, %r3;", "'{' without '}'");
  check_refused("call.uni f, ();", "recursion: f calls itself", ".func f()\n{\ncall.uni f, ();\nret;\n}");
  check_refused("ret;", "a variable of another file", ".extern .global .align 4 .u32 elsewhere;");
  check_refused("ret;", "unknown word '.texref'", ".texref t;");
  check_refused("ret;", "initialiser 'nonsense'", ".global .align 4 .u32 g = nonsense;");
  check_refused("ret;", "more initialisers than elements", ".global .align 4 .b8 g[2] = {1, 2, 3};");
  check_refused(".reg .b128 %q;", "registers of type .b128");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ptx_test
