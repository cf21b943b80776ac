#pragma once
// A kernel in the form that is run. Everything is looked up when PTX is decoded; running it meets numbers only.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace emu::ptx {

constexpr int kLanes = 32;
using Mask = std::uint32_t;  ///< one bit a lane
constexpr Mask kAll = ~Mask{0};

struct Warp;
struct Instruction;
/// Does one instruction for the lanes of a mask that is never empty.
using Handler = void (*)(Warp&, const Instruction&, Mask);

/// Where the values of an operand lie, one a lane (a predicate: one Mask): the offset in the registers of the warp or,
/// with the lowest bit set, in the constants of the program. Offsets are even.
using Operand = std::uint32_t;
constexpr Operand kConstant = 1;
constexpr Operand kNoOperand = ~Operand{0};

struct Instruction {
  Handler run = nullptr;
  std::array<Operand, 7> operand{};
  Operand guard = kNoOperand;      ///< predicate of "@p"
  Mask guard_flip = 0;             ///< all ones for "@!p"
  std::int32_t displacement = 0;   ///< of a memory operand
  std::uint32_t target = 0;        ///< of a branch or call; index in Program::tables of an indexed branch
  std::int32_t line = 0;           ///< in the PTX file
  std::uint8_t vector = 1;         ///< elements of a vector access
  std::uint8_t address_bytes = 8;  ///< of the register that holds an address
  /// Bytes of the registers of the operands that may be wider than the instruction's type says.
  std::uint8_t written_bytes = 0, read_bytes = 0;
};

/// Registers that every warp has, at the same offsets in all programs.
enum Special : Operand {
  kSink = 0,  ///< what is written to "_"
  kTidX = 256,
  kTidY = kTidX + 128,
  kTidZ = kTidY + 128,
  kLaneId = kTidZ + 128,
  kLanemaskEq = kLaneId + 128,
  kLanemaskLt = kLanemaskEq + 128,
  kLanemaskLe = kLanemaskLt + 128,
  kLanemaskGt = kLanemaskLe + 128,
  kLanemaskGe = kLanemaskGt + 128,
  kNtidX = kLanemaskGe + 128,
  kNtidY = kNtidX + 128,
  kNtidZ = kNtidY + 128,
  kNctaidX = kNtidZ + 128,
  kNctaidY = kNctaidX + 128,
  kNctaidZ = kNctaidY + 128,
  kCtaidX = kNctaidZ + 128,
  kCtaidY = kCtaidX + 128,
  kCtaidZ = kCtaidY + 128,
  kSpecialEnd = kCtaidZ + 128,
};

// Addresses. Global and constant memory: those of the host. The others count from 0 in their own space; generic
// addresses of them have the space in the highest byte.
constexpr std::uint64_t kSharedWindow = std::uint64_t{1} << 56;
constexpr std::uint64_t kLocalWindow = std::uint64_t{2} << 56;
constexpr std::uint64_t kParamWindow = std::uint64_t{3} << 56;
constexpr std::uint64_t kWindowMask = std::uint64_t{0xff} << 56;
/// Dynamic shared memory begins here; the static part lies below.
constexpr std::uint32_t kDynamicShared = 1 << 16;
constexpr std::uint32_t kMostShared = kDynamicShared + 232448;

struct Program {
  struct Parameter {
    std::uint32_t offset, bytes;
  };
  std::string name, signature, file;  ///< as linkers and as readers write the kernel; of the PTX
  std::vector<Instruction> code;  ///< called functions first: lanes within a call run before those that wait behind it
  std::uint32_t entry = 0;
  std::vector<std::vector<std::uint32_t>> tables;  ///< targets of indexed branches
  std::vector<std::byte> constants;
  std::uint32_t register_bytes = kSpecialEnd;  ///< of a warp
  std::uint32_t local_bytes = 0;               ///< of a thread
  std::uint32_t shared_bytes = 0;              ///< of a block, without the dynamic part
  std::vector<Parameter> parameters;
  std::uint32_t parameter_bytes = 0;
  std::uint32_t most_threads = 1024;
  const std::byte *variables = nullptr, *variables_end = nullptr;  ///< global and constant variables of the file
};

}  // namespace emu::ptx
