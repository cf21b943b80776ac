#include "tests/cudaemu/ptx/text.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace emu::ptx {

namespace {

constexpr std::array<bool, 256> kWordCharacters = [] {
  std::array<bool, 256> is{};
  for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$%."))
    is[static_cast<unsigned char>(c)] = true;
  return is;
}();

bool is_word(char c) {
  return kWordCharacters[static_cast<unsigned char>(c)];
}

}  // namespace

void fail(const std::string& file, int line, const std::string& message) {
  std::fprintf(stderr, "ptx %s:%d: %s\n", file.c_str(), line, message.c_str());
  std::abort();
}

Reader::Reader(const std::string& file, std::string_view text, int line) : file_(&file), text_(text), line_(line) {
  advance();
}

void Reader::fail(const std::string& message) const {
  ptx::fail(*file_, next_.line, message);
}

void Reader::skip_blanks() {
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (text_.substr(at_, 2) == "//")
      at_ = std::min(text_.find('\n', at_), text_.size()) - 1;
    else if (text_.substr(at_, 2) == "/*")
      ptx::fail(*file_, line_, "a comment that may span lines");
    else if (c == '\n')
      ++line_;
    else if (c != ' ' && c != '\t' && c != '\r')
      return;
  }
}

void Reader::advance() {
  skip_blanks();
  std::size_t end = at_;
  // "::" stands within modifiers (L1::no_allocate); one colon ends a label.
  while (end < text_.size() && (is_word(text_[end]) || text_.substr(end, 2) == "::"))
    end += text_[end] == ':' ? 2 : 1;
  if (end == at_ && at_ < text_.size() && text_[at_] == '"')
    end = std::min(text_.find('"', at_ + 1), text_.size() - 1) + 1;
  else if (end == at_ && at_ < text_.size())
    ++end;
  next_ = {text_.substr(at_, end - at_), line_};
  at_ = end;
}

Token Reader::take() {
  const Token token = next_;
  if (at_end())
    fail("the text ends too early");
  advance();
  return token;
}

bool Reader::take_if(std::string_view text) {
  const bool is_next = next_ == text;
  if (is_next)
    take();
  return is_next;
}

void Reader::expect(std::string_view text) {
  if (!take_if(text))
    fail("'" + std::string(text) + "' expected, '" + std::string(next_.text) + "' found");
}

void Reader::skip_past(std::string_view text) {
  while (!(take() == text)) {
  }
}

void Reader::skip_line() {
  const int line = next_.line;
  while (!at_end() && next_.line == line)
    take();
}

Reader::Body Reader::take_braces() {
  if (!(next_ == "{"))
    fail("'{' expected");
  const std::size_t begin = at_;
  const int line = line_;
  for (int depth = 1; depth > 0; ++at_) {
    at_ = text_.find_first_of("{}/\n", at_);
    if (at_ == std::string_view::npos)
      ptx::fail(*file_, line, "'{' without '}'");
    const char c = text_[at_];
    if (text_.substr(at_, 2) == "//")
      at_ = std::min(text_.find('\n', at_), text_.size()) - 1;
    depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    line_ += c == '\n' ? 1 : 0;
  }
  const Body body{text_.substr(begin, at_ - 1 - begin), line};
  advance();
  return body;
}

bool parse_number(std::string_view word, unsigned long long* value) {
  int base = 10;
  if (word.starts_with("0x") || word.starts_with("0X"))
    base = 16;
  if (((word.starts_with("0f") || word.starts_with("0F")) && word.size() == 10) ||
      ((word.starts_with("0d") || word.starts_with("0D")) && word.size() == 18))
    base = 16;
  if (base == 16)
    word.remove_prefix(2);
  if (word.ends_with("U"))
    word.remove_suffix(1);
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), *value, base);
  return error == std::errc() && end == word.data() + word.size() && !word.empty();
}

}  // namespace emu::ptx
