// Arithmetic rounded toward zero (rz), down (rm) or up (rp), by the rounding mode of the processor. This file is
// compiled with -frounding-math, so that no operation moves out of the lines that set the mode.
#include <cfenv>
#include <cmath>

#include "tests/cudaemu/ptx/arithmetic.h"
#include "tests/cudaemu/ptx/opcodes.h"

namespace emu::ptx {

namespace {

template <int mode, class F, class D, class... S>
void rounded(Warp& warp, const Instruction& i, Mask lanes) {
  std::fesetround(mode);
  map<F, D, S...>(warp, i, lanes);
  std::fesetround(FE_TONEAREST);
}

template <int mode, class T>
void add_rounded(OpcodeTable& table, const std::string& end) {
  table["add" + end] = {rounded<mode, Add, T, T, T>, operand_letters<T, T, T>()};
  table["sub" + end] = {rounded<mode, Sub, T, T, T>, operand_letters<T, T, T>()};
  table["mul" + end] = {rounded<mode, Mul, T, T, T>, operand_letters<T, T, T>()};
  table["div" + end] = {rounded<mode, Div, T, T, T>, operand_letters<T, T, T>()};
  table["fma" + end] = {rounded<mode, Fma, T, T, T, T>, operand_letters<T, T, T, T>()};
  table["rcp" + end] = {rounded<mode, Reciprocal, T, T>, operand_letters<T, T>()};
  table["sqrt" + end] = {rounded<mode, Sqrt, T, T>, operand_letters<T, T>()};
}

}  // namespace

void add_rounded_opcodes(OpcodeTable& table) {
  for_types(Floats{}, [&]<class T>(const std::string& type) {
    add_rounded<FE_TOWARDZERO, T>(table, ".rz." + type);
    add_rounded<FE_DOWNWARD, T>(table, ".rm." + type);
    add_rounded<FE_UPWARD, T>(table, ".rp." + type);
  });
}

}  // namespace emu::ptx
