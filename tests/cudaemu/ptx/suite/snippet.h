#pragma once
// PTX written by hand, run on all combinations of telling values and compared with C++. It needs no nvcc.
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "tests/cudaemu/ptx/launch.h"
#include "tests/cudaemu/ptx/opcodes.h"
#include "tests/cudaemu/runtime/heap.h"
#include "tests/support.h"

namespace ptx_test {

using namespace emu::ptx;

/// Opcodes that texts of this program have used so far.
inline std::set<std::string>& opcodes_used() {
  static std::set<std::string> used;
  return used;
}

inline void note_opcodes(const std::string& body) {
  const std::string file = "a test";
  Reader reader(file, body);
  while (!reader.at_end()) {
    if (reader.take_if("@")) {
      reader.take_if("!");
      reader.take();
    }
    const Token word = reader.take();
    opcodes_used().emplace(word.text);
    if (!(word == "{" || word == "}" || word == ";") && !reader.take_if(":"))
      reader.skip_past(";");
  }
}

/// Every row that a family adds must have been used, but for what the decoder makes by itself.
inline void check_all_used(void (*add_family)(OpcodeTable&)) {
  OpcodeTable family;
  add_family(family);
  BOOST_TEST(family.size() > 0u);
  for (const auto& [name, opcode] : family) {
    if (!name.starts_with("("))
      BOOST_TEST(opcodes_used().contains(name), name << " is in no test");
  }
}

/// An array in device memory.
template <class T>
class DeviceValues {
 public:
  explicit DeviceValues(std::size_t count) : count_(count) {
    emu::track_bytes();
    data_ = static_cast<T*>(emu::allocate_device(count * sizeof(T)));
  }
  explicit DeviceValues(const std::vector<T>& values) : DeviceValues(values.size()) {
    std::memcpy(data_, values.data(), values.size() * sizeof(T));
    emu::check_range(data_, values.size() * sizeof(T), true, "a test");
  }
  ~DeviceValues() { emu::free_device(data_); }
  DeviceValues(const DeviceValues&) = delete;
  DeviceValues& operator=(const DeviceValues&) = delete;
  std::vector<T> host() const {
    emu::check_range(data_, count_ * sizeof(T), false, "a test");
    std::vector<T> values(count_);
    std::memcpy(values.data(), data_, count_ * sizeof(T));
    return values;
  }
  std::uint64_t address() const { return reinterpret_cast<std::uintptr_t>(data_); }

 private:
  T* data_;
  std::size_t count_;
};

/// A kernel "k" whose parameters are 64-bit addresses p0, p1, ... `declarations` stand before it.
inline std::unique_ptr<Module> kernel(int parameters, const std::string& body, const std::string& declarations = "") {
  std::string text = ".version 9.0\n.target sm_90\n.address_size 64\n" + declarations + "\n.visible .entry k(";
  for (int k = 0; k < parameters; ++k)
    text += (k == 0 ? ".param .u64 p" : ", .param .u64 p") + std::to_string(k);
  return std::make_unique<Module>("a test", text + ")\n{\n" + body + "\n}\n");
}

inline void run_kernel(Module& module, const std::vector<std::uint64_t>& parameters, Shape block = {32},
                       Shape grid = {1}, std::size_t dynamic_bytes = 0) {
  run(module.program("k"), grid, block, dynamic_bytes, reinterpret_cast<const std::byte*>(parameters.data()));
}

/// Values at which arithmetic of a type may go wrong.
template <class T>
std::vector<T> telling_values() {
  using Limits = std::numeric_limits<T>;
  if constexpr (std::is_same_v<T, bool>) {
    return {false, true};
  } else if constexpr (std::is_integral_v<T>) {
    std::vector<T> values{0, 1, 2, 3, 5, 7, 31, 32, 33, 63, 64, 100, Limits::max(), Limits::min(), T(~T{0})};
    values.insert(values.end(), {T(Limits::max() - 1), T(Limits::max() / 3), T(0x12345678abcdef01u), T(0x8081f2f3u)});
    return values;
  } else {
    const T tiny = Limits::denorm_min(), least = Limits::min(), most = Limits::max(), inf = Limits::infinity();
    std::vector<T> values{0,       T(-0.0), 1,      -1,      T(0.5),  T(1.5),      T(2.5),
                          T(-2.5), 3,       T(0.1), T(-0.7), T(1e-3), T(12345.678)};
    values.insert(values.end(), {T(2147483648.0), T(-3e9), T(1.9e19), T(1 + Limits::epsilon()), tiny, -tiny, least});
    values.insert(values.end(), {T(least / 3), most, -most, inf, -inf, Limits::quiet_NaN()});
    return values;
  }
}

template <class T>
bool is_same(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return (std::isnan(a) && std::isnan(b)) || std::memcmp(&a, &b, sizeof a) == 0;
  else
    return a == b;
}

/// The register and memory types for a value. A bool is a predicate, and a word in memory.
template <class T>
std::string register_type() {
  return std::is_same_v<T, bool> ? ".pred" : ".b" + std::to_string(8 * sizeof(T));
}
template <class T>
using InMemory = std::conditional_t<std::is_same_v<T, bool>, std::uint32_t, T>;

template <class T>
std::string load_text(const std::string& name, int parameter) {
  const std::string size = std::to_string(sizeof(InMemory<T>)), bits = std::to_string(8 * sizeof(InMemory<T>));
  std::string text = "ld.param.u64 %address, [p" + std::to_string(parameter) + "];\nmad.wide.u32 %address, %thread, " +
                     size + ", %address;\n";
  if (std::is_same_v<T, bool>)
    return text + "ld.global.b32 %word, [%address];\nsetp.ne.b32 " + name + ", %word, 0;\n";
  return text + "ld.global.b" + bits + " " + name + ", [%address];\n";
}

/// Runs a body that computes r from a, b, c, e (predicates where the type is bool), on these values.
template <class D, class... S>
std::vector<D> evaluate(const std::string& body, const std::vector<std::tuple<S...>>& inputs) {
  note_opcodes(body);
  std::string text =
      ".reg .b64 %address;\n.reg .b32 %thread, %block, %word;\n.reg .pred p, q;\n.reg " + register_type<D>() + " r;\n";
  const char* const names[] = {"a", "b", "c", "e"};
  int k = 0;
  ((text += ".reg " + register_type<S>() + " " + names[k++] + ";\n"), ...);
  text += "mov.u32 %thread, %tid.x;\nmov.u32 %block, %ctaid.x;\nmad.lo.u32 %thread, %block, 32, %thread;\n";
  k = 0;
  ((text += load_text<S>(names[k], k + 1), ++k), ...);
  text += body + "\nld.param.u64 %address, [p0];\nmad.wide.u32 %address, %thread, " +
          std::to_string(sizeof(InMemory<D>)) + ", %address;\n";
  if (std::is_same_v<D, bool>)
    text += "selp.b32 %word, 1, 0, r;\nst.global.b32 [%address], %word;\n";
  else
    text += "st.global" + register_type<D>() + " [%address], r;\n";
  const std::size_t blocks = (inputs.size() + 31) / 32, padded = blocks * 32;
  DeviceValues<InMemory<D>> result(padded);
  const auto column = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    using T = std::tuple_element_t<I, std::tuple<S...>>;
    std::vector<InMemory<T>> values(padded);
    for (std::size_t i = 0; i < padded; ++i)
      values[i] = std::get<I>(inputs[std::min(i, inputs.size() - 1)]);
    return std::make_unique<DeviceValues<InMemory<T>>>(values);
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto columns = std::make_tuple(column(std::integral_constant<std::size_t, I>{})...);
    const auto module = kernel(sizeof...(S) + 1, text);
    run_kernel(*module, {result.address(), std::get<I>(columns)->address()...}, {32}, {static_cast<unsigned>(blocks)});
  }
  (std::index_sequence_for<S...>{});
  const std::vector<InMemory<D>> all = result.host();
  return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(inputs.size())};
}

template <class... S>
std::vector<std::tuple<S...>> combinations() {
  std::vector<std::tuple<S...>> all;
  const std::tuple<std::vector<S>...> values{telling_values<S>()...};
  std::size_t count = 1;
  std::apply([&](const auto&... v) { ((count *= v.size()), ...); }, values);
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t rest = i;
    const auto next = [&rest](const auto& v) {
      const std::size_t k = rest % v.size();
      rest /= v.size();
      return v[k];
    };
    all.push_back(std::apply([&](const auto&... v) { return std::tuple<S...>{next(v)...}; }, values));
  }
  return all;
}

template <class T>
std::string shown(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    char text[64];
    std::snprintf(text, sizeof text, "%a", static_cast<double>(value));
    return text;
  } else {
    return std::to_string(value);
  }
}

template <class D, class... S, class F>
void check_types(const std::string& body, F reference) {
  const std::vector<std::tuple<S...>> inputs = combinations<S...>();
  const std::vector<D> results = evaluate<D, S...>(body, inputs);
  int failures = 0;
  for (std::size_t i = 0; i < inputs.size() && failures < 3; ++i) {
    const D expected = std::apply(reference, inputs[i]);
    if (is_same(expected, results[i]))
      continue;
    ++failures;
    std::string values;
    std::apply([&](auto... v) { ((values += " " + shown(v)), ...); }, inputs[i]);
    BOOST_ERROR(body << " of" << values << " is " << shown(results[i]) << ", not " << shown(expected));
  }
  BOOST_TEST(failures == 0, body);
}

/// Does the body give what the function gives, for all combinations of telling values? The function's types are those
/// of r and of a, b, c, e.
template <class F>
void check_snippet(const std::string& body, F reference) {
  const auto with_types = [&]<class D, class... S>(D (F::*)(S...) const) { check_types<D, S...>(body, reference); };
  with_types(&F::operator());
}

/// "add.s32" -> "add.s32 r, a, b;"
template <class F>
void check_opcode(const std::string& opcode, F reference) {
  const auto operands = [&]<class D, class... S>(D (F::*)(S...) const) {
    const std::string all = ", a, b, c, e";
    return opcode + " r" + all.substr(0, 3 * sizeof...(S)) + ";";
  };
  check_snippet(operands(&F::operator()), reference);
}

}  // namespace ptx_test
