#pragma once
// A PTX file: its variables, and kernels that are decoded when they are first asked for.
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/cudaemu/ptx/program.h"
#include "tests/cudaemu/ptx/text.h"

namespace emu::ptx {

enum class VariableSpace : std::uint8_t { kGlobal, kShared, kExternShared, kLocal, kParam };

/// A declaration such as ".shared .align 4 .b8 name[128]".
struct Variable {
  std::string name;
  VariableSpace space = VariableSpace::kGlobal;
  std::uint32_t alignment = 1, element_bytes = 1, bytes = 0;
  std::size_t offset = 0;  ///< global: in the module's variables
};

/// Bytes of ".b32", ".f64"...; 0 for a word that is no type.
std::uint32_t bytes_of_type(std::string_view type);

/// Reads from the word after the state space on, up to what follows the name and its brackets.
Variable read_variable(Reader& reader, VariableSpace space);

class Module {
 public:
  /// Aborts where the text is not understood. `file` is for messages.
  Module(std::string file, std::string text);
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// Names of the kernels.
  std::vector<std::string> entries() const;
  /// The kernel, ready to run.
  const Program& program(const std::string& entry);

  struct Function {
    bool is_entry = false;
    std::vector<Variable> results, parameters;
    std::uint32_t most_threads = 1024;
    Reader::Body body{};
  };
  /// Null for names that the file does not define.
  const Function* function(std::string_view name) const;
  const Variable* variable(std::string_view name) const;
  const std::byte* variables() const { return variables_.data(); }
  const std::string& file() const { return file_; }

 private:
  void read_function(Reader& reader, bool is_entry);
  void read_initialiser(Reader& reader, const Variable& variable);
  /// The names of a parameter list, from '(' to ')'.
  static std::vector<Variable> read_parameters(Reader& reader);

  std::string file_, text_;
  std::map<std::string, Function, std::less<>> functions_;
  std::map<std::string, Variable, std::less<>> variable_of_;
  std::vector<std::byte> variables_;
  std::map<std::string, std::unique_ptr<Program>> programs_;
};

}  // namespace emu::ptx
