#include "apps/cli/text/format.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace ockham::apps {
namespace {

template <class... Arguments>
std::string print(const char* format, Arguments... arguments) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, arguments...);
  return buffer.data();
}

template <class Number>
std::optional<Number> parse_whole_text(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// Bytes in one unit, 0 for an unknown one.
double unit_bytes(std::string_view unit) {
  static constexpr std::string_view kPrefixes = "KMGTP";
  if (unit.empty() || unit == "B")
    return 1;
  const std::size_t power = kPrefixes.find(unit.front() == 'k' ? 'K' : unit.front());
  if (power == std::string_view::npos)
    return 0;
  const std::string_view rest = unit.substr(1);
  if (rest.empty() || rest == "i" || rest == "iB")
    return std::pow(1024.0, static_cast<double>(power + 1));
  return rest == "B" ? std::pow(1000.0, static_cast<double>(power + 1)) : 0;
}

}  // namespace

std::string format_bytes(std::uint64_t bytes) {
  static constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1023.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  const int decimals = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return print("%.*f %s", decimals, value, kUnits[unit]);
}

std::string format_duration(double seconds) {
  if (!(seconds >= 0) || seconds > 1e12)
    return "?";
  if (seconds < 9.995)
    return print("%.2f s", seconds);
  const long long whole = std::llround(seconds);
  if (whole < 60)
    return print("%lld s", whole);
  if (whole < 3600)
    return print("%lld min %02lld s", whole / 60, whole % 60);
  const long long minutes = whole / 60;
  if (minutes < 24 * 60)
    return print("%lld h %02lld min", minutes / 60, minutes % 60);
  return print("%lld d %02lld h", minutes / (24 * 60), minutes / 60 % 24);
}

std::string format_count(std::int64_t count) {
  std::string text = std::to_string(count);
  const std::ptrdiff_t first_digit = count < 0 ? 1 : 0;
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > first_digit; at -= 3)
    text.insert(static_cast<std::size_t>(at), 1, ',');
  return text;
}

std::string format_real(double value) {
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

std::string format_fixed(double value, int digits) {
  return print("%.*f", digits, value);
}

std::string format_percent(double share) {
  return format_real(std::round(share * 1e4) / 1e2);
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

std::string shell_quoted(const std::string& text) {
  const auto is_plain = [](unsigned char c) { return std::isalnum(c) || std::strchr("/._-+=:,@", c) != nullptr; };
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain))
    return text;
  std::string result = "'";
  for (char c : text)
    result += c == '\'' ? "'\\''" : std::string(1, c);
  return result + "'";
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  std::string_view unit = text.substr(digits);
  unit.remove_prefix(unit.starts_with(' ') ? 1 : 0);
  const std::optional<double> number = parse_real(text.substr(0, digits));
  const double bytes = number.value_or(-1) * unit_bytes(unit);
  const bool is_size = number && unit_bytes(unit) > 0 && bytes < 0x1p63;
  return is_size ? std::optional(static_cast<std::uint64_t>(bytes)) : std::nullopt;
}

std::optional<std::int64_t> parse_count(std::string_view text) {
  return parse_whole_text<std::int64_t>(text);
}

std::optional<double> parse_real(std::string_view text) {
  const std::optional<double> value = parse_whole_text<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::vector<std::string> split_list(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos)
      return parts;
    text.remove_prefix(end + 1);
  }
}

}  // namespace ockham::apps
