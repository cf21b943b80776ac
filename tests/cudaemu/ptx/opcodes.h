#pragma once
// The table of all that the interpreter can do. An instruction is known only if its opcode with all modifiers stands
// here.
#include <map>
#include <string>
#include <string_view>
#include <type_traits>

#include "tests/cudaemu/ptx/warp.h"

namespace emu::ptx {

struct Opcode {
  Handler run;
  /// What operands it takes, in order: p a predicate, b h w d a value of 1, 2, 4, 8 bytes, "=" before one that is
  /// written, "|" before a second one that may be left out; * a register of any width, or of a vector of them; m
  /// memory; L a label; T a table of labels.
  std::string operands;
  std::uint8_t vector = 1;                         ///< registers that * stands for
  std::uint8_t written_bytes = 0, read_bytes = 0;  ///< that a register for "=*" or "*" has at least
};

/// By opcode with modifiers.
using OpcodeTable = std::map<std::string, Opcode, std::less<>>;
const OpcodeTable& opcodes();

void add_integer_opcodes(OpcodeTable& table);
void add_bit_opcodes(OpcodeTable& table);
void add_float_opcodes(OpcodeTable& table);
void add_rounded_opcodes(OpcodeTable& table);
void add_predicate_opcodes(OpcodeTable& table);
void add_conversion_opcodes(OpcodeTable& table);
void add_memory_opcodes(OpcodeTable& table);
void add_atomic_opcodes(OpcodeTable& table);
void add_collective_opcodes(OpcodeTable& table);
void add_control_opcodes(OpcodeTable& table);

template <class T>
constexpr std::string_view type_name() {
  using Names = std::array<std::string_view, 4>;
  constexpr unsigned k = std::countr_zero(sizeof(T));
  if (std::is_floating_point_v<T>)
    return Names{"", "", "f32", "f64"}[k];
  return std::is_signed_v<T> ? Names{"s8", "s16", "s32", "s64"}[k] : Names{"u8", "u16", "u32", "u64"}[k];
}

template <class T>
constexpr char operand_letter() {
  return "bhwd"[std::countr_zero(sizeof(T))];
}

template <class D, class... S>
std::string operand_letters() {
  return {'=', operand_letter<D>(), operand_letter<S>()...};
}

template <class... T>
struct Types {};
using Integers16To64 = Types<std::int16_t, std::uint16_t, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t>;
using Signed16To64 = Types<std::int16_t, std::int32_t, std::int64_t>;
using Floats = Types<float, double>;

/// A row whose first operand is F of the others.
template <class F, class D, class... S>
void add_map(OpcodeTable& table, const std::string& name) {
  table[name] = {map<F, D, S...>, operand_letters<D, S...>()};
}

/// f.operator()<T>(name of T) for each type.
template <class... T, class Function>
void for_types(Types<T...>, Function f) {
  (f.template operator()<T>(std::string(type_name<T>())), ...);
}

}  // namespace emu::ptx
