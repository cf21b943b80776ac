#include "tests/cudaemu/ptx/decode.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "tests/cudaemu/ptx/layout.h"
#include "tests/cudaemu/ptx/opcodes.h"

namespace emu::ptx {

namespace {

const std::map<std::string_view, Operand> kSpecials = {{"%tid.x", kTidX},
                                                       {"%tid.y", kTidY},
                                                       {"%tid.z", kTidZ},
                                                       {"%ntid.x", kNtidX},
                                                       {"%ntid.y", kNtidY},
                                                       {"%ntid.z", kNtidZ},
                                                       {"%ctaid.x", kCtaidX},
                                                       {"%ctaid.y", kCtaidY},
                                                       {"%ctaid.z", kCtaidZ},
                                                       {"%nctaid.x", kNctaidX},
                                                       {"%nctaid.y", kNctaidY},
                                                       {"%nctaid.z", kNctaidZ},
                                                       {"%laneid", kLaneId},
                                                       {"%lanemask_eq", kLanemaskEq},
                                                       {"%lanemask_lt", kLanemaskLt},
                                                       {"%lanemask_le", kLanemaskLe},
                                                       {"%lanemask_gt", kLanemaskGt},
                                                       {"%lanemask_ge", kLanemaskGe}};

/// Declared together: %r<5> has five registers.
struct Registers {
  Operand first = 0, stride = 0;
  std::uint32_t bytes = 0;  ///< 0 for predicates
  std::uint32_t count = 1;
};
struct Register {
  Operand operand = 0;
  std::uint32_t bytes = 0;
};

/// Where a label is used: by an instruction, or an entry of a table of branches.
struct LabelUse {
  std::string_view label;
  int line;
  std::size_t instruction, table, entry;
  bool is_in_table;
};

/// What braces enclose: names and labels are known within.
struct Scope {
  std::map<std::string, Registers, std::less<>> registers, ranges;
  std::map<std::string, std::uint64_t, std::less<>> addresses;
  std::map<std::string, Variable, std::less<>> variables;
  std::map<std::string_view, std::uint32_t> labels, tables;
  std::vector<LabelUse> uses;
};

class FunctionDecoder {
 public:
  FunctionDecoder(Layout& layout, const std::string& name, const Module::Function& function);
  Called decode();

 private:
  [[noreturn]] void fail(const std::string& message) const { reader_.fail(message); }
  void statement();
  void declare_registers();
  void declare_variable(VariableSpace space);
  void branch_targets(std::string_view label);
  void open_scope() { scopes_.emplace_back(); }
  void close_scope();
  void use(const LabelUse& use);

  void instruction();
  void call(Instruction& begun);
  void move_vector(Instruction& begun, const std::string& opcode);
  void emit(Instruction& instruction, const char* pseudo_opcode);
  /// Reads the operand that a letter of Opcode::operands stands for, into the next slot.
  void operand(Instruction& to, char letter, bool is_written, const Opcode& opcode);
  void memory_operand(Instruction& to);
  Operand written(std::uint32_t bytes);
  Operand value(std::uint32_t bytes);
  Operand predicate();
  Register flexible(bool is_written, std::uint32_t least);
  std::uint64_t number(std::uint32_t bytes);
  std::optional<Register> find_register(std::string_view name) const;
  std::optional<std::uint64_t> find_address(std::string_view name);
  const Variable& parameter_of_call(std::string_view name) const;
  std::uint32_t local_offset(std::string_view name);

  Layout& layout_;
  Program& program_;
  const Module::Function& function_;
  Reader reader_;
  Called result_;
  std::vector<Instruction> code_;
  std::vector<Scope> scopes_;
  std::vector<LabelUse> resolved_;
  std::size_t slot_ = 0;  ///< of the next operand
};

FunctionDecoder::FunctionDecoder(Layout& layout, const std::string& name, const Module::Function& function)
    : layout_(layout),
      program_(layout.program()),
      function_(function),
      reader_(layout.module().file(), function.body.text, function.body.line) {
  if (!layout.in_progress.insert(name).second)
    fail("recursion: " + name + " calls itself");
  open_scope();
  for (const Variable& result : function.results) {
    scopes_[0].variables[result.name] = result;
    scopes_[0].addresses[result.name] = layout_.place(result);
    result_.results.push_back(local_offset(result.name));
  }
  for (const Variable& parameter : function.parameters) {
    scopes_[0].variables[parameter.name] = parameter;
    if (function.is_entry) {
      const std::uint32_t offset =
          (program_.parameter_bytes + parameter.alignment - 1) / parameter.alignment * parameter.alignment;
      program_.parameters.push_back({offset, parameter.bytes});
      program_.parameter_bytes = offset + parameter.bytes;
      scopes_[0].addresses[parameter.name] = offset;
    } else {
      scopes_[0].addresses[parameter.name] = layout_.place(parameter);
      result_.parameters.push_back(local_offset(parameter.name));
    }
  }
  if (!function.is_entry)
    result_.return_places = layout_.add_register(sizeof(std::uint32_t));
}

Called FunctionDecoder::decode() {
  while (!reader_.at_end())
    statement();
  Instruction end;
  end.line = reader_.peek().line;
  end.operand[0] = result_.return_places;
  emit(end, function_.is_entry ? "ret" : "(return)");
  close_scope();
  result_.entry = static_cast<std::uint32_t>(program_.code.size());
  for (const LabelUse& use : resolved_) {
    if (use.is_in_table)
      program_.tables[use.table][use.entry] += result_.entry;
    else
      code_[use.instruction].target += result_.entry;
  }
  program_.code.insert(program_.code.end(), code_.begin(), code_.end());
  return result_;
}

void FunctionDecoder::statement() {
  const Token& next = reader_.peek();
  if (reader_.take_if("{")) {
    open_scope();
  } else if (reader_.take_if("}")) {
    close_scope();
  } else if (reader_.take_if(";")) {
    // An empty statement ends the braces of inline assembly.
  } else if (reader_.take_if(".reg")) {
    declare_registers();
  } else if (next == ".local" || next == ".shared" || next == ".param") {
    const Token space = reader_.take();
    declare_variable(space == ".local"    ? VariableSpace::kLocal
                     : space == ".shared" ? VariableSpace::kShared
                                          : VariableSpace::kParam);
  } else if (reader_.take_if(".pragma")) {
    reader_.skip_past(";");
  } else if (next == ".loc") {
    reader_.skip_line();
  } else {
    instruction();
  }
}

void FunctionDecoder::declare_registers() {
  const Token type = reader_.take();
  const std::uint32_t bytes = bytes_of_type(type.text);
  if (bytes < 2 && !(type == ".pred"))
    fail("registers of type " + std::string(type.text));
  do {
    const std::string name(reader_.take().text);
    Registers registers{.bytes = type == ".pred" ? 0 : bytes};
    const bool is_range = reader_.take_if("<");
    if (is_range) {
      registers.count = static_cast<std::uint32_t>(number(4));
      reader_.expect(">");
    }
    for (std::uint32_t k = 0; k < registers.count; ++k) {
      const Operand operand = layout_.add_register(registers.bytes);
      if (k == 0)
        registers.first = operand;
      registers.stride = k == 1 ? operand - registers.first : registers.stride;
    }
    Scope& scope = scopes_.back();
    (is_range ? scope.ranges : scope.registers)[name] = registers;
  } while (reader_.take_if(","));
  reader_.expect(";");
}

void FunctionDecoder::declare_variable(VariableSpace space) {
  const Variable variable = read_variable(reader_, space);
  scopes_.back().variables[variable.name] = variable;
  scopes_.back().addresses[variable.name] = layout_.place(variable);
  reader_.expect(";");
}

void FunctionDecoder::branch_targets(std::string_view label) {
  const std::size_t table = program_.tables.size();
  scopes_.back().tables[label] = static_cast<std::uint32_t>(table);
  std::vector<std::uint32_t> targets;
  do {
    const Token target = reader_.take();
    use({target.text, target.line, 0, table, targets.size(), true});
    targets.push_back(0);
  } while (reader_.take_if(","));
  reader_.expect(";");
  program_.tables.push_back(targets);
}

void FunctionDecoder::use(const LabelUse& use) {
  scopes_.back().uses.push_back(use);
}

void FunctionDecoder::close_scope() {
  const Scope closed = std::move(scopes_.back());
  scopes_.pop_back();
  for (const LabelUse& use : closed.uses) {
    const auto found = closed.labels.find(use.label);
    if (found != closed.labels.end()) {
      (use.is_in_table ? program_.tables[use.table][use.entry] : code_[use.instruction].target) = found->second;
      resolved_.push_back(use);
    } else if (scopes_.empty()) {
      ptx::fail(layout_.module().file(), use.line, "no label '" + std::string(use.label) + "'");
    } else {
      scopes_.back().uses.push_back(use);
    }
  }
}

void FunctionDecoder::emit(Instruction& instruction, const char* opcode) {
  instruction.run = opcodes().find(std::string_view(opcode))->second.run;
  code_.push_back(instruction);
}

void FunctionDecoder::instruction() {
  Instruction begun;
  begun.line = reader_.peek().line;
  begun.operand.fill(kSink);
  if (reader_.take_if("@")) {
    begun.guard_flip = reader_.take_if("!") ? kAll : 0;
    begun.guard = written(0);
  }
  const Token first = reader_.take();
  const std::string opcode(first.text);
  if (begun.guard == kNoOperand && reader_.take_if(":")) {
    const std::string_view label = first.text;
    if (reader_.take_if(".branchtargets"))
      branch_targets(label);
    else
      scopes_.back().labels[label] = static_cast<std::uint32_t>(code_.size());
    return;
  }
  slot_ = 0;
  if (opcode == "call" || opcode == "call.uni")
    return call(begun);
  const auto found = opcodes().find(opcode);
  if (found == opcodes().end())
    ptx::fail(layout_.module().file(), begun.line, "unknown opcode '" + opcode + "'");
  const bool is_move = opcode.starts_with("mov.b");
  bool is_first = true;
  for (std::size_t k = 0; k < found->second.operands.size(); ++k) {
    const std::string& letters = found->second.operands;
    if (letters[k] == '|') {
      ++k;
      begun.operand[slot_++] = reader_.take_if("|") ? written(0) : Operand{kSink};
      continue;
    }
    if (!is_first)
      reader_.expect(",");
    is_first = false;
    if (is_move && reader_.peek() == "{")
      return move_vector(begun, opcode);
    const bool is_written = letters[k] == '=';
    k += is_written ? 1 : 0;
    operand(begun, letters[k], is_written, found->second);
  }
  reader_.expect(";");
  begun.run = found->second.run;
  if (opcode.starts_with("ret") && !function_.is_entry) {
    begun.operand[0] = result_.return_places;
    emit(begun, "(return)");
    return;
  }
  code_.push_back(begun);
}

void FunctionDecoder::operand(Instruction& to, char letter, bool is_written, const Opcode& opcode) {
  switch (letter) {
    case '0':
      if (!reader_.take_if("0"))
        fail("a barrier other than 0");
      return;
    case 'm':
      return memory_operand(to);
    case 'L':
    case 'T': {
      const Token label = reader_.take();
      if (letter == 'L') {
        use({label.text, label.line, code_.size(), 0, 0, false});
        return;
      }
      for (const Scope& scope : scopes_) {
        const auto found = scope.tables.find(label.text);
        if (found != scope.tables.end()) {
          to.target = found->second;
          return;
        }
      }
      fail("no table of branches '" + std::string(label.text) + "'");
    }
    case 'p':
      to.operand[slot_++] = is_written ? written(0) : predicate();
      return;
    case '*': {
      const std::uint32_t least = is_written ? opcode.written_bytes : opcode.read_bytes;
      std::uint8_t& bytes = is_written ? to.written_bytes : to.read_bytes;
      if (opcode.vector > 1)
        reader_.expect("{");
      for (unsigned k = 0; k < opcode.vector; ++k) {
        if (k > 0)
          reader_.expect(",");
        const Register element = flexible(is_written, least);
        if (k > 0 && element.bytes != bytes)
          fail("a vector of registers of different widths");
        bytes = static_cast<std::uint8_t>(element.bytes);
        to.operand[slot_++] = element.operand;
      }
      if (opcode.vector > 1)
        reader_.expect("}");
      return;
    }
    default: {
      const std::uint32_t bytes = letter == 'b' ? 1 : letter == 'h' ? 2 : letter == 'w' ? 4 : 8;
      to.operand[slot_++] = is_written ? written(bytes) : value(bytes);
    }
  }
}

void FunctionDecoder::memory_operand(Instruction& to) {
  reader_.expect("[");
  const Token base = reader_.take();
  Operand& slot = to.operand[slot_++];
  if (const auto found = find_register(base.text)) {
    if (found->bytes < 4)
      fail("an address of " + std::to_string(found->bytes) + " bytes");
    slot = found->operand;
    to.address_bytes = static_cast<std::uint8_t>(found->bytes);
  } else if (const auto address = find_address(base.text)) {
    slot = layout_.constant(*address, 8);
  } else {
    unsigned long long value = 0;
    if (!parse_number(base.text, &value))
      fail("unknown address '" + std::string(base.text) + "'");
    slot = layout_.constant(value, 8);
  }
  if (reader_.take_if("+"))
    to.displacement = static_cast<std::int32_t>(number(4));
  else if (reader_.peek() == "-")
    to.displacement = static_cast<std::int32_t>(number(4));
  reader_.expect("]");
}

std::uint64_t FunctionDecoder::number(std::uint32_t bytes) {
  const bool is_negative = reader_.take_if("-");
  unsigned long long magnitude = 0;
  const Token token = reader_.take();
  if (!parse_number(token.text, &magnitude))
    fail("'" + std::string(token.text) + "' is no register, variable or number");
  const std::uint64_t value = is_negative ? 0 - magnitude : magnitude;
  return bytes >= 8 ? value : value & ((std::uint64_t{1} << 8 * bytes) - 1);
}

Operand FunctionDecoder::written(std::uint32_t bytes) {
  const Token name = reader_.take();
  if (name == "_")
    return kSink;
  const auto found = find_register(name.text);
  if (!found || found->bytes != bytes)
    fail("'" + std::string(name.text) + "' is no register of " + std::to_string(bytes) + " bytes (0: predicate)");
  return found->operand;
}

Operand FunctionDecoder::value(std::uint32_t bytes) {
  const std::string_view name = reader_.peek().text;
  if (const auto special = kSpecials.find(name); special != kSpecials.end() && bytes == 4) {
    reader_.take();
    return special->second;
  }
  if (find_register(name))
    return written(bytes);
  if (const auto address = find_address(name)) {
    reader_.take();
    const std::uint64_t offset = reader_.take_if("+") ? number(8) : 0;
    return layout_.constant(*address + offset, bytes);
  }
  return layout_.constant(number(bytes), bytes);
}

Operand FunctionDecoder::predicate() {
  if (reader_.take_if("!")) {
    Instruction invert;
    invert.line = reader_.peek().line;
    invert.operand[1] = written(0);
    invert.operand[0] = layout_.add_register(0);
    emit(invert, "not.pred");
    return invert.operand[0];
  }
  return find_register(reader_.peek().text) ? written(0) : layout_.constant(number(1), 0);
}

Register FunctionDecoder::flexible(bool is_written, std::uint32_t least) {
  const std::string_view name = reader_.peek().text;
  if (is_written && name == "_") {
    reader_.take();
    return {kSink, std::max(least, 2u)};
  }
  const auto found = find_register(name);
  if (found) {
    reader_.take();
    if (found->bytes < least || found->bytes == 0)
      fail("register " + std::string(name) + " is narrower than the type");
    return *found;
  }
  if (const auto special = kSpecials.find(name); special != kSpecials.end() && !is_written && least <= 4) {
    reader_.take();
    return {special->second, 4};
  }
  if (is_written)
    fail("'" + std::string(name) + "' is no register");
  const std::uint32_t bytes = std::max(least, 2u);
  return {value(bytes), bytes};
}

std::optional<Register> FunctionDecoder::find_register(std::string_view name) const {
  const std::size_t digits = name.find_last_not_of("0123456789") + 1;
  std::uint32_t index = 0;
  if (digits < name.size())
    std::from_chars(name.data() + digits, name.data() + name.size(), index);
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    if (const auto found = scope->registers.find(name); found != scope->registers.end())
      return Register{found->second.first, found->second.bytes};
    if (digits == name.size())
      continue;
    const auto range = scope->ranges.find(name.substr(0, digits));
    if (range != scope->ranges.end() && index < range->second.count)
      return Register{range->second.first + index * range->second.stride, range->second.bytes};
  }
  return {};
}

std::optional<std::uint64_t> FunctionDecoder::find_address(std::string_view name) {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    if (const auto found = scope->addresses.find(name); found != scope->addresses.end())
      return found->second;
  }
  const Variable* const variable = layout_.module().variable(name);
  if (variable == nullptr)
    return {};
  return layout_.address_of(*variable);
}

std::uint32_t FunctionDecoder::local_offset(std::string_view name) {
  const auto address = find_address(name);
  if (!address || (*address & kWindowMask) != kLocalWindow)
    fail("'" + std::string(name) + "' is no parameter of a call");
  return static_cast<std::uint32_t>(*address - kLocalWindow);
}

const Variable& FunctionDecoder::parameter_of_call(std::string_view name) const {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    if (const auto found = scope->variables.find(name); found != scope->variables.end())
      return found->second;
  }
  fail("'" + std::string(name) + "' is no parameter of a call");
}

/// call (results), name, (parameters); both lists may be left out.
void FunctionDecoder::call(Instruction& begun) {
  const auto list = [&] {
    std::vector<std::string_view> names;
    if (!reader_.take_if("("))
      return names;
    while (!reader_.take_if(")")) {
      names.push_back(reader_.take().text);
      reader_.take_if(",");
    }
    return names;
  };
  const std::vector<std::string_view> results = list();
  reader_.take_if(",");
  const std::string name(reader_.take().text);
  reader_.take_if(",");
  const std::vector<std::string_view> parameters = list();
  reader_.expect(";");
  const Module::Function* const function = layout_.module().function(name);
  if (function == nullptr || function->is_entry)
    fail("call of '" + name + "', which is no function of this file");
  if (!layout_.called.contains(name))
    layout_.called[name] = FunctionDecoder(layout_, name, *function).decode();
  const Called& called = layout_.called[name];
  if (results.size() != called.results.size() || parameters.size() != called.parameters.size())
    fail("call of '" + name + "' with another number of parameters or results");
  const auto copy = [&](std::uint32_t to, std::uint32_t from, std::uint32_t bytes) {
    begun.operand[0] = to;
    begun.operand[1] = from;
    begun.operand[2] = bytes;
    emit(begun, "(copy local)");
  };
  for (std::size_t k = 0; k < parameters.size(); ++k)
    copy(called.parameters[k], local_offset(parameters[k]), parameter_of_call(parameters[k]).bytes);
  begun.operand[0] = called.return_places;
  begun.target = called.entry;
  emit(begun, "(call)");
  for (std::size_t k = 0; k < results.size(); ++k)
    copy(local_offset(results[k]), called.results[k], parameter_of_call(results[k]).bytes);
}

/// mov.b64 {a, b}, c and mov.b64 c, {a, b}: the first element is the lowest part.
void FunctionDecoder::move_vector(Instruction& begun, const std::string& opcode) {
  const std::uint32_t bytes = opcode == "mov.b64" ? 8 : opcode == "mov.b32" ? 4 : 0;
  const bool is_unpack = slot_ == 0;
  std::vector<Register> elements;
  reader_.expect("{");
  // The width is known from registers; a number before the first of them waits for it.
  std::vector<std::uint64_t> numbers;
  std::uint32_t element_bytes = 0;
  do {
    const std::string_view name = reader_.peek().text;
    const auto found = find_register(name);
    if (found || name == "_") {
      reader_.take();
      elements.push_back(found ? *found : Register{kSink, 0});
      element_bytes = found ? found->bytes : element_bytes;
    } else {
      elements.push_back({kNoOperand, 0});
      numbers.push_back(number(8));
    }
  } while (reader_.take_if(","));
  reader_.expect("}");
  if (element_bytes == 0 || elements.size() * element_bytes != bytes)
    fail("a vector that does not fill its register");
  std::size_t next_number = 0;
  if (is_unpack)
    reader_.expect(",");
  for (const Register& element : elements) {
    if (element.bytes != 0 && element.bytes != element_bytes)
      fail("a vector of registers of different widths");
    begun.operand[slot_++] =
        element.operand == kNoOperand ? layout_.constant(numbers[next_number++], element_bytes) : element.operand;
  }
  if (is_unpack)
    begun.operand[slot_++] = value(bytes);
  reader_.expect(";");
  const std::string shape = std::to_string(elements.size()) + "x" + std::to_string(element_bytes);
  emit(begun, ((is_unpack ? "(unpack " : "(pack ") + shape + ")").c_str());
}

}  // namespace

Program decode(const Module& module, const std::string& entry) {
  const Module::Function* const function = module.function(entry);
  Program program;
  program.name = entry;
  program.file = module.file();
  program.most_threads = function->most_threads;
  Layout layout(module, program);
  program.entry = FunctionDecoder(layout, entry, *function).decode().entry;
  return program;
}

}  // namespace emu::ptx
