#include "tests/cudaemu/ptx/layout.h"

#include <algorithm>
#include <cstring>

namespace emu::ptx {

namespace {

std::uint32_t round_up(std::uint32_t n, std::uint32_t to) {
  return (n + to - 1) / to * to;
}

}  // namespace

Operand Layout::add_register(std::uint32_t bytes) {
  const Operand place = program_.register_bytes;
  program_.register_bytes = round_up(place + std::max(bytes * kLanes, 4u), 64);
  return place;
}

Operand Layout::constant(std::uint64_t value, std::uint32_t bytes) {
  const auto [found, is_new] = constants_.try_emplace({value, bytes});
  if (is_new) {
    std::vector<std::byte>& all = program_.constants;
    const std::size_t begin = all.size();
    found->second = static_cast<Operand>(begin) | kConstant;
    all.resize(begin + round_up(std::max(bytes * kLanes, 4u), 64));
    if (bytes == 0) {
      const Mask mask = value != 0 ? kAll : 0;
      std::memcpy(all.data() + begin, &mask, sizeof mask);
    }
    for (std::size_t lane = 0; lane < kLanes && bytes > 0; ++lane)
      std::memcpy(all.data() + begin + lane * bytes, &value, bytes);
  }
  return found->second;
}

std::uint64_t Layout::place(const Variable& variable) {
  if (variable.space == VariableSpace::kShared) {
    program_.shared_bytes = round_up(program_.shared_bytes, variable.alignment) + variable.bytes;
    return program_.shared_bytes - variable.bytes;
  }
  program_.local_bytes = round_up(program_.local_bytes, std::max(variable.alignment, 8u)) + variable.bytes;
  const std::uint64_t offset = program_.local_bytes - variable.bytes;
  return variable.space == VariableSpace::kParam ? kLocalWindow + offset : offset;
}

std::uint64_t Layout::address_of(const Variable& variable) {
  if (variable.space == VariableSpace::kGlobal)
    return reinterpret_cast<std::uintptr_t>(module_.variables() + variable.offset);
  if (variable.space == VariableSpace::kExternShared)
    return kDynamicShared;
  const auto [found, is_new] = shared_.try_emplace(variable.name);
  if (is_new)
    found->second = place(variable);
  return found->second;
}

}  // namespace emu::ptx
