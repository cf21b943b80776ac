// Loads, stores and atomics of PTX, each opcode in the space it is for, by the bytes.
#include <algorithm>
#include <sstream>

#include "tests/cudaemu/ptx/suite/snippet.h"

namespace ptx_test {
namespace {

constexpr unsigned kBytes = 32;  ///< of memory that each lane has

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);)
    parts.push_back(part);
  return parts;
}

/// What the name of an opcode says.
struct Access {
  std::string space = "generic";
  unsigned vector = 1, bytes = 0;
  bool is_signed = false;
  explicit Access(const std::string& opcode) {
    for (const std::string& part : split(opcode, '.')) {
      if (part == "global" || part == "shared" || part == "local" || part == "param" || part == "const")
        space = part;
      else if (part == "v2" || part == "v4")
        vector = part == "v2" ? 2 : 4;
    }
    const std::string type = split(opcode, '.').back();
    bytes = static_cast<unsigned>(std::stoul(type.substr(1)) / 8);
    is_signed = type[0] == 's';
  }
};

std::vector<std::uint8_t> pattern(std::size_t count) {
  std::vector<std::uint8_t> bytes(count);
  for (std::size_t k = 0; k < count; ++k)
    bytes[k] = static_cast<std::uint8_t>(k * 151 + 40);
  return bytes;
}

std::string number(std::size_t n) {
  return std::to_string(n);
}

/// A kernel with parameters out and in (addresses) and the 1024 bytes `block` of the pattern; registers: %in and %out
/// are this lane's 32 bytes, %a the address of its 32 bytes in the space, x0 to x3 and w0 to w3.
std::unique_ptr<Module> space_kernel(const Access& access, bool is_load, unsigned register_bytes,
                                     const std::string& body) {
  std::string declarations = ".const .align 16 .b8 table[1024] = {";
  for (const std::uint8_t byte : pattern(1024))
    declarations += number(byte) + ", ";
  declarations.resize(declarations.size() - 2);
  declarations += "};\n.shared .align 16 .b8 shared_bytes[1024];\n";
  std::string text = ".version 9.0\n.target sm_90\n.address_size 64\n" + declarations;
  text += ".visible .entry k(.param .u64 out, .param .u64 in, .param .align 16 .b8 block[1024])\n{\n";
  text += ".local .align 16 .b8 local_bytes[32];\n.param .align 16 .b8 of_call[32];\n";
  text += ".reg .b64 %in, %out, %a, w<4>;\n.reg .b32 %offset;\n.reg .b" + number(8 * register_bytes) + " x<4>;\n";
  text += "mov.u32 %offset, %tid.x;\nshl.b32 %offset, %offset, 5;\ncvt.u64.u32 %a, %offset;\n";
  text += "ld.param.u64 %in, [in];\nadd.u64 %in, %in, %a;\nld.param.u64 %out, [out];\nadd.u64 %out, %out, %a;\n";
  if (access.space == "shared")
    text += "mov.u64 w0, shared_bytes;\nadd.u64 %a, %a, w0;\n";
  else if (access.space == "local")
    text += "mov.u64 %a, local_bytes;\n";
  else if (access.space == "const")
    text += "mov.u64 w0, table;\nadd.u64 %a, %a, w0;\n";
  else if (access.space == "param")
    text += is_load ? "mov.u64 w0, block;\nadd.u64 %a, %a, w0;\n" : "mov.u64 %a, of_call;\n";
  else
    text += is_load ? "mov.u64 %a, %in;\n" : "mov.u64 %a, %out;\n";
  return std::make_unique<Module>("a test", text + body + "\n}\n");
}

void run_space_kernel(Module& module, const DeviceValues<std::uint8_t>& out, const DeviceValues<std::uint8_t>& in) {
  std::vector<std::byte> parameters(16 + 1024);
  const std::uint64_t addresses[2] = {out.address(), in.address()};
  std::memcpy(parameters.data(), addresses, sizeof addresses);
  const std::vector<std::uint8_t> block = pattern(1024);
  std::memcpy(parameters.data() + 16, block.data(), block.size());
  run(module.program("k"), {1}, {32}, 0, parameters.data());
}

/// {x0, x1}, or x0 alone
std::string vector_of(const std::string& name, unsigned count) {
  std::string text = name + "0";
  for (unsigned k = 1; k < count; ++k)
    text += ", " + name + number(k);
  return count == 1 ? text : "{" + text + "}";
}

std::uint64_t widened(const std::uint8_t* bytes, const Access& access) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, access.bytes);
  const unsigned unused = 64 - 8 * access.bytes;
  return access.is_signed ? static_cast<std::uint64_t>(static_cast<std::int64_t>(value << unused) >> unused) : value;
}

void check_load(const std::string& opcode, unsigned register_bytes) {
  const Access access(opcode);
  opcodes_used().insert(opcode);
  // Shared and local memory have nothing of the pattern at first.
  std::string body;
  if (access.space == "shared" || access.space == "local") {
    for (unsigned k = 0; k < kBytes; k += 8)
      body += "ld.global.b64 w1, [%in+" + number(k) + "];\nst." + access.space + ".b64 [%a+" + number(k) + "], w1;\n";
  }
  body += opcode + " " + vector_of("x", access.vector) + ", [%a+16];\n";
  for (unsigned k = 0; k < access.vector; ++k) {
    const std::string x = "x" + number(k), w = "w" + number(k);
    body +=
        (register_bytes == 8 ? "mov.b64 " + w : "cvt.u64.u" + number(8 * register_bytes) + " " + w) + ", " + x + ";\n";
  }
  for (unsigned k = 0; k < 4; ++k)
    body += "st.global.b64 [%out+" + number(8 * k) + "], " + (k < access.vector ? "w" + number(k) : "0") + ";\n";
  const auto module = space_kernel(access, true, register_bytes, body);
  const std::vector<std::uint8_t> bytes = pattern(32 * kBytes);
  const DeviceValues<std::uint8_t> in(bytes), out(bytes.size());
  run_space_kernel(*module, out, in);
  std::vector<std::uint8_t> expected(bytes.size());
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned k = 0; k < access.vector; ++k) {
      std::uint64_t value = widened(&bytes[lane * kBytes + 16 + k * access.bytes], access);
      if (register_bytes < 8)
        value &= (std::uint64_t{1} << 8 * register_bytes) - 1;
      std::memcpy(&expected[lane * kBytes + 8 * k], &value, sizeof value);
    }
  }
  BOOST_TEST((out.host() == expected), opcode << " into registers of " << register_bytes << " bytes");
}

void check_store(const std::string& opcode, unsigned register_bytes) {
  const Access access(opcode);
  opcodes_used().insert(opcode);
  const bool is_apart = access.space == "shared" || access.space == "local" || access.space == "param";
  std::string body;
  for (unsigned k = 0; k < kBytes && is_apart; k += 8)
    body += "st." + access.space + ".b64 [%a+" + number(k) + "], 0;\n";
  for (unsigned k = 0; k < access.vector; ++k)
    body += "ld.global.b" + number(8 * register_bytes) + " x" + number(k) + ", [%in+" + number(8 * k) + "];\n";
  body += opcode + " [%a+16], " + vector_of("x", access.vector) + ";\n";
  for (unsigned k = 0; k < kBytes && is_apart; k += 8)
    body += "ld." + access.space + ".b64 w0, [%a+" + number(k) + "];\nst.global.b64 [%out+" + number(k) + "], w0;\n";
  const auto module = space_kernel(access, false, register_bytes, body);
  const std::vector<std::uint8_t> bytes = pattern(32 * kBytes);
  const DeviceValues<std::uint8_t> in(bytes), out(std::vector<std::uint8_t>(bytes.size(), 0));
  run_space_kernel(*module, out, in);
  std::vector<std::uint8_t> expected(bytes.size());
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned k = 0; k < access.vector; ++k)
      std::memcpy(&expected[lane * kBytes + 16 + k * access.bytes], &bytes[lane * kBytes + 8 * k], access.bytes);
  }
  BOOST_TEST((out.host() == expected), opcode << " from registers of " << register_bytes << " bytes");
}

template <class T>
T plus(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  else
    return a + b;
}

/// What memory holds after an atomic operation, as the CUDA programming guide says.
template <class T>
T after(const std::string& operation, T old, T a, T b) {
  if (operation == "add")
    return plus(old, a);
  if (operation == "min")
    return std::min(old, a);
  if (operation == "max")
    return std::max(old, a);
  if (operation == "exch")
    return a;
  if (operation == "cas")
    return old == a ? b : old;
  if constexpr (std::is_integral_v<T>) {
    if (operation == "inc")
      return old >= a ? T(0) : T(old + 1);
    if (operation == "dec")
      return old == 0 || old > a ? a : T(old - 1);
    if (operation == "and")
      return T(old & a);
    if (operation == "or")
      return T(old | a);
    if (operation == "xor")
      return T(old ^ a);
  }
  BOOST_ERROR("what is " << operation << "?");
  return old;
}

template <class T>
void check_atomic(const std::string& opcode, const std::string& operation, const std::string& space) {
  opcodes_used().insert(opcode);
  const std::string b = ".b" + number(8 * sizeof(T)), size = number(sizeof(T));
  const bool is_reduction = opcode.starts_with("red");
  std::vector<T> a(32), c(32);
  for (unsigned lane = 0; lane < 32; ++lane) {
    a[lane] = static_cast<T>(operation == "cas" ? lane * lane % 7 : (lane * 37) % 11);
    c[lane] = static_cast<T>((lane * lane + 2 * lane + 1) % 7);
  }
  std::string text = ".reg .b64 %p<4>, %m;\n.reg .b32 %t;\n.reg .pred %first;\n.reg " + b + " v, w, old;\n";
  text += "mov.u32 %t, %tid.x;\nsetp.eq.u32 %first, %t, 0;\n";
  for (int k = 0; k < 4; ++k)
    text += "ld.param.u64 %p" + number(static_cast<unsigned>(k)) + ", [p" + number(static_cast<unsigned>(k)) + "];\n";
  for (const char* p : {"%p1", "%p2", "%p3"})
    text += std::string("mad.wide.u32 ") + p + ", %t, " + size + ", " + p + ";\n";
  text += "ld.global" + b + " v, [%p1];\nld.global" + b + " w, [%p2];\nmov" + b + " old, v;\n";
  text += space == "shared" ? "mov.u64 %m, cell;\n@%first ld.global" + b + " old, [%p0];\n@%first st.shared" + b +
                                  " [%m], old;\nbar.sync 0;\n"
                            : "mov.u64 %m, %p0;\n";
  text += opcode + (is_reduction ? " [%m], v" : " old, [%m], v") + (operation == "cas" ? ", w;\n" : ";\n");
  text += "st.global" + b + " [%p3], old;\n";
  if (space == "shared")
    text += "bar.sync 0;\n@%first ld.shared" + b + " old, [%m];\n@%first st.global" + b + " [%p0], old;\n";
  const auto module = kernel(4, text, ".shared .align 8 .b8 cell[8];");
  const DeviceValues<T> cell(std::vector<T>{T(3)}), da(a), dc(c), olds(32);
  run_kernel(*module, {cell.address(), da.address(), dc.address(), olds.address()});
  T value = T(3);
  std::vector<T> expected;
  for (unsigned lane = 0; lane < 32; ++lane) {
    expected.push_back(value);
    value = after(operation, value, a[lane], c[lane]);
  }
  BOOST_TEST(cell.host()[0] == value, opcode);
  BOOST_TEST((is_reduction || olds.host() == expected), opcode << " gives what was there");
}

BOOST_AUTO_TEST_SUITE(ptx_memory)

BOOST_AUTO_TEST_CASE(loads_and_stores_of_every_kind) {
  OpcodeTable table;
  add_memory_opcodes(table);
  for (const auto& [name, opcode] : table) {
    if (!name.starts_with("ld") && !name.starts_with("st"))
      continue;
    const unsigned natural = std::max(2u, Access(name).bytes);
    for (const unsigned register_bytes : {natural, 8u}) {
      if (name.starts_with("ld"))
        check_load(name, register_bytes);
      else
        check_store(name, register_bytes);
      if (natural == 8)
        break;
    }
  }
}

BOOST_AUTO_TEST_CASE(atomics_of_every_kind) {
  OpcodeTable table;
  add_atomic_opcodes(table);
  for (const auto& [name, opcode] : table) {
    const std::vector<std::string> parts = split(name, '.');
    const std::string type = parts.back(), operation = parts[parts.size() - 2];
    const std::string space = name.find(".shared") != std::string::npos ? "shared" : "global";
    if (type == "f32")
      check_atomic<float>(name, operation, space);
    else if (type == "f64")
      check_atomic<double>(name, operation, space);
    else if (type == "s32")
      check_atomic<std::int32_t>(name, operation, space);
    else if (type == "s64")
      check_atomic<std::int64_t>(name, operation, space);
    else if (type == "u32" || type == "b32")
      check_atomic<std::uint32_t>(name, operation, space);
    else
      check_atomic<std::uint64_t>(name, operation, space);
  }
  check_all_used(add_atomic_opcodes);
}

/// Generic addresses of a variable of a space: to there and back, and what it is not.
void check_generic(const std::string& space, const std::string& variable, const std::string& declarations) {
  const std::string local = space == "local" ? ".local .align 8 .b64 v;\n" : "";
  const std::vector<std::string> others = {"shared", "local", "param", "global"};
  for (const std::string& other : others) {
    const bool is_same_space = space == other || (space == "const" && other == "global");
    const std::string body = local + ".reg .b64 %a, %g, %back;\n.reg .b64 %sum;\n.reg .pred %is;\nmov.u64 %a, " +
                             variable + ";\ncvta." + space + ".u64 %g, %a;\ncvta.to." + space +
                             ".u64 %back, %g;\nsub.u64 %sum, %a, %back;\nisspacep." + other +
                             " %is, %g;\n@%is add.u64 %sum, %sum, 1;\n.reg .b64 %out;\nld.param.u64 %out, [p0];\n"
                             "st.global.u64 [%out], %sum;\n";
    note_opcodes("cvta." + space + ".u64 r;cvta.to." + space + ".u64 r;isspacep." + other + " r;isspacep.const r;");
    const auto module = kernel(1, body, declarations);
    const DeviceValues<std::uint64_t> out(1);
    run_kernel(*module, {out.address()}, {1});
    BOOST_TEST(out.host()[0] == (is_same_space ? 1u : 0u), space << " as " << other);
  }
}

BOOST_AUTO_TEST_CASE(generic_addresses) {
  check_generic("shared", "s", ".shared .align 4 .b8 s[8];");
  check_generic("global", "g", ".global .align 4 .b32 g = 5;");
  check_generic("const", "c", ".const .align 4 .b32 c = 5;");
  check_generic("param", "p0", "");
  check_generic("local", "v", "");
}

/// A load by a generic address gives what the space holds.
BOOST_AUTO_TEST_CASE(generic_loads_find_every_space) {
  const std::string body =
      ".local .align 8 .b64 v;\n.reg .b64 %a, %x, %sum, %out;\nmov.u64 %sum, 0;\n"
      "mov.u64 %a, v;\nst.local.u64 [%a], 1;\ncvta.local.u64 %a, %a;\nld.u64 %x, [%a];\nadd.u64 %sum, %sum, %x;\n"
      "mov.u64 %a, s;\nst.shared.u64 [%a], 10;\ncvta.shared.u64 %a, %a;\nld.u64 %x, [%a];\nadd.u64 %sum, %sum, %x;\n"
      "mov.u64 %a, g;\ncvta.global.u64 %a, %a;\nld.u64 %x, [%a];\nadd.u64 %sum, %sum, %x;\n"
      "mov.u64 %a, c;\ncvta.const.u64 %a, %a;\nld.u64 %x, [%a+8];\nadd.u64 %sum, %sum, %x;\n"
      "mov.u64 %a, p1;\ncvta.param.u64 %a, %a;\nld.u64 %x, [%a];\nadd.u64 %sum, %sum, %x;\n"
      "ld.param.u64 %out, [p0];\nst.u64 [%out], %sum;\n";
  const auto module = kernel(2, body,
                             ".shared .align 8 .u64 s;\n.global .align 8 .u64 g = 100;\n"
                             ".const .align 8 .u64 c[2] = {7, 1000};");
  const DeviceValues<std::uint64_t> out(1);
  run_kernel(*module, {out.address(), 10000}, {1});
  BOOST_TEST(out.host()[0] == 11111u);
}

BOOST_AUTO_TEST_CASE(variables_have_their_initial_values) {
  const std::string declarations =
      ".global .align 4 .b8 bytes[8] = {1, 2, 3};\n.global .align 4 .f32 f = 0f40490FDB;\n"
      ".visible .global .align 2 .u16 h[2] = {65535, 7};\n.global .align 8 .u64 where[2] = {f, generic(bytes)};\n"
      ".global .align 4 .s32 negative = -5;";
  const std::string body =
      ".reg .b64 %out, %a;\n.reg .b32 %x;\nld.param.u64 %out, [p0];\n"
      "ld.global.u32 %x, [bytes];\nst.global.u32 [%out], %x;\nld.global.u32 %x, [bytes+4];\nst.global.u32 [%out+4], "
      "%x;\n"
      "ld.global.u32 %x, [f];\nst.global.u32 [%out+8], %x;\nld.global.u32 %x, [h];\nst.global.u32 [%out+12], %x;\n"
      "ld.global.u64 %a, [where];\nld.u32 %x, [%a];\nst.global.u32 [%out+16], %x;\n"
      "ld.global.u64 %a, [where+8];\nld.u32 %x, [%a];\nst.global.u32 [%out+20], %x;\n"
      "ld.global.u32 %x, [negative];\nst.global.u32 [%out+24], %x;\n";
  const auto module = kernel(1, body, declarations);
  const DeviceValues<std::uint32_t> out(7);
  run_kernel(*module, {out.address()}, {1});
  const std::vector<std::uint32_t> expected = {0x030201, 0, 0x40490fdb, 0x7ffff, 0x40490fdb, 0x030201, 0xfffffffb};
  BOOST_TEST(out.host() == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(dynamic_shared_memory_lies_behind_the_static) {
  const std::string body =
      ".shared .align 4 .b32 fixed;\n.reg .b64 %out;\n.reg .b32 %t, %x, %s;\nmov.u32 %t, %tid.x;\nst.shared.u32 "
      "[fixed], 5;\nmov.u32 %s, dynamic;\nmad.lo.u32 %s, %t, 4, %s;\nst.shared.u32 [%s], %t;\nld.shared.u32 %x, [%s];\n"
      "ld.shared.u32 %s, [fixed];\nadd.u32 %x, %x, %s;\nld.param.u64 %out, [p0];\nmad.wide.u32 %out, %t, 4, %out;\n"
      "st.global.u32 [%out], %x;\n";
  const auto module = kernel(1, body, ".extern .shared .align 16 .b8 dynamic[];");
  const DeviceValues<std::uint32_t> out(1);
  run_kernel(*module, {out.address()}, {1}, {1}, 128);
  BOOST_TEST(out.host()[0] == 5u);
}

BOOST_AUTO_TEST_CASE(fences_are_kept_by_running_in_order) {
  for (const char* fence : {"membar.cta", "membar.gl", "membar.sys", "fence.acq_rel.cta", "fence.acq_rel.gpu",
                            "fence.acq_rel.sys", "fence.sc.cta", "fence.sc.gpu", "fence.sc.sys"})
    check_snippet(std::string("mov.b32 r, a;\n") + fence + ";", [](std::uint32_t a) { return a; });
}

BOOST_AUTO_TEST_CASE(all_memory_opcodes_are_tested) {
  check_all_used(add_memory_opcodes);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ptx_test
