#pragma once
// Inside nas/genotype only: a position in a text, for the reader of DARTS genotypes. It knows tokens, not genotypes,
// and turns a position into the line and column of a message.
#include <algorithm>
#include <string>
#include <string_view>

#include "engine/error.h"

namespace ockham::nas {

class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  [[noreturn]] void fail(std::size_t at, const std::string& message) const {
    const std::string_view before = text_.substr(0, at);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t column = line == 1 ? at + 1 : at - before.rfind('\n');
    const bool one_line = text_.find('\n') == std::string_view::npos;
    throw UsageError(one_line ? concat("genotype: column ", column, ": ", message)
                              : concat("genotype: line ", line, ", column ", column, ": ", message));
  }
  /// Of the next token: blanks are skipped, and comments from '#' to the end of the line.
  std::size_t position() {
    while (at_ < text_.size() && (is_blank(text_[at_]) || text_[at_] == '#'))
      at_ = text_[at_] == '#' ? std::min(text_.find('\n', at_), text_.size()) : at_ + 1;
    return at_;
  }
  /// Moves to the call `name(` where this line has one.
  void skip_to_call(std::string_view name) {
    const std::size_t start = position();
    const std::size_t end = std::min(text_.find('\n', start), text_.size());
    for (std::size_t at = text_.find(name, start); at < end; at = text_.find(name, at + 1)) {
      std::size_t after = at + name.size();
      while (after < text_.size() && is_blank(text_[after]))
        ++after;
      if ((at == start || !is_word(text_[at - 1])) && after < text_.size() && text_[after] == '(') {
        at_ = at;
        return;
      }
    }
  }
  char peek() { return position() < text_.size() ? text_[at_] : '\0'; }
  bool at_end() { return position() == text_.size(); }
  bool take(char c) {
    if (at_end() || text_[at_] != c)
      return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c))
      fail(position(), concat("expected '", c, "', found ", found()));
  }
  /// Takes '[' or '(' and returns the bracket that closes it.
  char open(const char* what) {
    if (take('['))
      return ']';
    if (take('('))
      return ')';
    fail(position(), concat("expected the bracket that opens ", what, ", found ", found()));
  }
  /// After an element: takes a comma and/or the closing bracket; true if the list is over.
  bool closes(char bracket) {
    const bool comma = take(',');
    if (take(bracket))
      return true;
    if (!comma)
      fail(position(), concat("expected ',' or '", bracket, "', found ", found()));
    return false;
  }
  std::string_view word() {
    const std::size_t start = position();
    while (at_ < text_.size() && is_word(text_[at_]))
      ++at_;
    if (at_ == start)
      fail(start, "expected a name, found " + found());
    return text_.substr(start, at_ - start);
  }
  void expect_word(std::string_view expected) {
    const std::size_t at = position();
    if (peek() == '\0' || word() != expected)
      fail(at, concat("expected ", expected));
  }
  std::string_view quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"')
      fail(position(), "expected a quoted operation, found " + found());
    const std::size_t start = at_ + 1;
    const std::size_t end = text_.find(quote, start);
    if (end == std::string_view::npos)
      fail(at_, "the quote is never closed");
    at_ = end + 1;
    return text_.substr(start, end - start);
  }
  int integer() {
    const std::size_t start = position();
    int value = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      if (at_ - start == kMaxDigits)
        fail(start, concat("the number has more than ", kMaxDigits, " digits"));
      value = 10 * value + (text_[at_++] - '0');
    }
    if (at_ == start)
      fail(start, "expected a number (0 or more), found " + found());
    return value;
  }
  void skip_number() {
    const std::size_t start = position();
    while (at_ < text_.size() && std::string_view("0123456789+-.eE").find(text_[at_]) != std::string_view::npos)
      ++at_;
    if (at_ == start)
      fail(start, "expected a weight, found " + found());
  }

 private:
  static constexpr std::size_t kMaxDigits = 6;
  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
  static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  }
  std::string found() { return at_end() ? "the end of the text" : concat("'", text_[at_], "'"); }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace ockham::nas
