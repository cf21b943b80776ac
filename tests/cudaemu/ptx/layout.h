#pragma once
// Where the parts of a program lie: registers, constants, memory, and functions that are called.
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/cudaemu/ptx/module.h"

namespace emu::ptx {

/// A function within a program.
struct Called {
  std::uint32_t entry = 0;
  Operand return_places = 0;                       ///< a register of program counters
  std::vector<std::uint32_t> parameters, results;  ///< offsets in local memory
};

class Layout {
 public:
  Layout(const Module& module, Program& program) : module_(module), program_(program) {}

  const Module& module() const { return module_; }
  Program& program() { return program_; }
  /// A register of so many bytes a lane; 0 for a predicate.
  Operand add_register(std::uint32_t bytes);
  /// A value that every lane has; 0 bytes for a predicate.
  Operand constant(std::uint64_t value, std::uint32_t bytes);
  /// @return the address in its own space; parameters and results of calls lie in local memory
  std::uint64_t place(const Variable& variable);
  /// Of a variable of the file.
  std::uint64_t address_of(const Variable& variable);

  std::map<std::string, Called, std::less<>> called;
  std::set<std::string, std::less<>> in_progress;  ///< functions whose decoding has begun

 private:
  const Module& module_;
  Program& program_;
  std::map<std::pair<std::uint64_t, std::uint32_t>, Operand> constants_;
  std::map<std::string, std::uint64_t> shared_;
};

}  // namespace emu::ptx
