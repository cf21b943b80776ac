#pragma once
// PTX text, cut into words and punctuation marks.
#include <string>
#include <string_view>

namespace emu::ptx {

/// Prints "ptx FILE:LINE: MESSAGE" and aborts: PTX that is not understood whole is never run.
[[noreturn]] void fail(const std::string& file, int line, const std::string& message);

struct Token {
  std::string_view text;  ///< empty at the end of the text
  int line = 0;
  bool operator==(std::string_view other) const { return text == other; }
};

/// Reads tokens one after another. A word is an opcode with its modifiers, a directive, a name or a number without its
/// sign; every other character is a token of its own. Comments are passed over.
class Reader {
 public:
  Reader(const std::string& file, std::string_view text, int line = 1);

  const Token& peek() const { return next_; }
  Token take();
  bool take_if(std::string_view text);
  void expect(std::string_view text);
  bool at_end() const { return next_.text.empty(); }
  /// Passes over tokens up to and including this one.
  void skip_past(std::string_view text);
  /// Passes over the rest of the line that the next token stands on.
  void skip_line();
  /// The text within the braces of which the opening one comes next; passes over both, without cutting it into tokens.
  struct Body {
    std::string_view text;
    int line;
  };
  Body take_braces();
  [[noreturn]] void fail(const std::string& message) const;

 private:
  void skip_blanks();
  void advance();

  const std::string* file_;
  std::string_view text_;
  std::size_t at_ = 0;
  int line_;
  Token next_;
};

/// A number as PTX writes it: decimal, 0x hexadecimal, 0f and 0d bits of floating-point values. False where it is none.
bool parse_number(std::string_view word, unsigned long long* value);

}  // namespace emu::ptx
