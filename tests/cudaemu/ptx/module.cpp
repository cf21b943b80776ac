#include "tests/cudaemu/ptx/module.h"

#include <algorithm>
#include <cstring>

#include "tests/cudaemu/launch_hook.h"
#include "tests/cudaemu/ptx/decode.h"

namespace emu::ptx {

std::uint32_t bytes_of_type(std::string_view type) {
  static const std::map<std::string_view, std::uint32_t> kBytes = {
      {".b8", 1},  {".u8", 1},  {".s8", 1},  {".b16", 2}, {".u16", 2}, {".s16", 2}, {".f16", 2}, {".b32", 4},
      {".u32", 4}, {".s32", 4}, {".f32", 4}, {".b64", 8}, {".u64", 8}, {".s64", 8}, {".f64", 8}};
  const auto found = kBytes.find(type);
  return found == kBytes.end() ? 0 : found->second;
}

Variable read_variable(Reader& reader, VariableSpace space) {
  Variable variable;
  variable.space = space;
  const auto number = [&] {
    unsigned long long value = 0;
    const Token token = reader.take();
    if (!parse_number(token.text, &value) || value > UINT32_MAX)
      reader.fail("a number expected, '" + std::string(token.text) + "' found");
    return static_cast<std::uint32_t>(value);
  };
  std::uint32_t alignment = 0;
  for (bool is_type = false; !is_type;) {
    const Token token = reader.take();
    const std::uint32_t bytes = bytes_of_type(token.text);
    if (token == ".align")
      alignment = number();
    else if (bytes > 0)
      variable.element_bytes = bytes, is_type = true;
    else
      reader.fail("unknown word '" + std::string(token.text) + "' in a declaration");
  }
  // What a pointer parameter points to, for the optimiser.
  if (reader.take_if(".ptr")) {
    while (reader.peek().text.starts_with(".")) {
      if (reader.take() == ".align")
        number();
    }
  }
  variable.alignment = std::max(alignment, variable.element_bytes);
  variable.name = reader.take().text;
  variable.bytes = variable.element_bytes;
  if (reader.take_if("[")) {
    variable.bytes = reader.peek() == "]" ? 0 : number() * variable.element_bytes;
    reader.expect("]");
  }
  return variable;
}

Module::Module(std::string file, std::string text) : file_(std::move(file)), text_(std::move(text)) {
  Reader reader(file_, text_);
  // Addresses of variables are known once there is room for all: a second reading fills them.
  struct Initialiser {
    Variable variable;
    Reader reader;
  };
  std::vector<Initialiser> initialisers;
  bool is_extern = false;
  while (!reader.at_end()) {
    const Token token = reader.take();
    if (token == ".version" || token == ".target" || token == ".address_size" || token == ".file") {
      reader.skip_line();
    } else if (token == ".visible" || token == ".weak" || token == ".common" || token == ".extern") {
      is_extern = token == ".extern";
    } else if (token == ".entry" || token == ".func") {
      read_function(reader, token == ".entry");
      is_extern = false;
    } else if (token == ".global" || token == ".const" || token == ".shared") {
      const bool is_shared = token == ".shared";
      if (is_extern && !is_shared)
        reader.fail("a variable of another file");
      Variable variable = read_variable(reader, is_extern   ? VariableSpace::kExternShared
                                                : is_shared ? VariableSpace::kShared
                                                            : VariableSpace::kGlobal);
      if (variable.space == VariableSpace::kGlobal) {
        const std::size_t alignment = std::max(variable.alignment, 8u);
        variable.offset = (variables_.size() + alignment - 1) / alignment * alignment;
        variables_.resize(variable.offset + variable.bytes);
        if (reader.peek() == "=")
          initialisers.push_back({variable, reader});
      }
      variable_of_[variable.name] = variable;
      reader.skip_past(";");
      is_extern = false;
    } else {
      reader.fail("unknown word '" + std::string(token.text) + "'");
    }
  }
  for (Initialiser& initialiser : initialisers)
    read_initialiser(initialiser.reader, initialiser.variable);
}

void Module::read_initialiser(Reader& reader, const Variable& variable) {
  reader.expect("=");
  std::byte* to = variables_.data() + variable.offset;
  const std::byte* const end = to + variable.bytes;
  const bool is_list = reader.take_if("{");
  do {
    const bool is_negative = reader.take_if("-");
    const bool is_generic = reader.take_if("generic");
    if (is_generic)
      reader.expect("(");
    const Token token = reader.take();
    unsigned long long value = 0;
    const Variable* const other = this->variable(token.text);
    if (other != nullptr && other->space == VariableSpace::kGlobal)
      value = reinterpret_cast<std::uintptr_t>(variables_.data() + other->offset);
    else if (!parse_number(token.text, &value))
      reader.fail("initialiser '" + std::string(token.text) + "'");
    if (is_generic)
      reader.expect(")");
    if (is_negative)
      value = 0 - value;
    if (to == end)
      reader.fail("more initialisers than elements");
    std::memcpy(to, &value, variable.element_bytes);  // little-endian, as the device
    to += variable.element_bytes;
  } while (is_list && reader.take_if(","));
  if (is_list)
    reader.expect("}");
  reader.expect(";");
}

std::vector<Variable> Module::read_parameters(Reader& reader) {
  std::vector<Variable> parameters;
  reader.expect("(");
  while (!reader.take_if(")")) {
    reader.expect(".param");
    parameters.push_back(read_variable(reader, VariableSpace::kParam));
    if (!(reader.peek() == ")"))
      reader.expect(",");
  }
  return parameters;
}

void Module::read_function(Reader& reader, bool is_entry) {
  Function function;
  function.is_entry = is_entry;
  if (reader.peek() == "(")
    function.results = read_parameters(reader);
  const std::string name(reader.take().text);
  if (reader.peek() == "(")
    function.parameters = read_parameters(reader);
  while (!(reader.peek() == "{")) {
    const Token token = reader.take();
    if (token == ";")
      return;  // defined further down
    if (token == ".maxntid" || token == ".reqntid") {
      function.most_threads = 1;
      do {
        unsigned long long n = 0;
        if (!parse_number(reader.take().text, &n))
          reader.fail("a number expected");
        function.most_threads *= static_cast<std::uint32_t>(n);
      } while (reader.take_if(","));
    } else if (token == ".minnctapersm" || token == ".maxnreg" || token == ".maxnctapersm") {
      reader.take();
    } else if (!(token == ".noreturn")) {
      reader.fail("unknown word '" + std::string(token.text) + "' before a function's body");
    }
  }
  function.body = reader.take_braces();
  functions_[name] = std::move(function);
}

std::vector<std::string> Module::entries() const {
  std::vector<std::string> names;
  for (const auto& [name, function] : functions_) {
    if (function.is_entry)
      names.push_back(name);
  }
  return names;
}

const Module::Function* Module::function(std::string_view name) const {
  const auto found = functions_.find(name);
  return found == functions_.end() ? nullptr : &found->second;
}

const Variable* Module::variable(std::string_view name) const {
  const auto found = variable_of_.find(name);
  return found == variable_of_.end() ? nullptr : &found->second;
}

const Program& Module::program(const std::string& entry) {
  std::unique_ptr<Program>& program = programs_[entry];
  if (program == nullptr) {
    program = std::make_unique<Program>(decode(*this, entry));
    program->signature = signature_of(entry.c_str());
    program->variables = variables_.data();
    program->variables_end = variables_.data() + variables_.size();
  }
  return *program;
}

}  // namespace emu::ptx
