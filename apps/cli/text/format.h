#pragma once
// Numbers as people read them, for progress lines and plans, and the sizes people write, such as 2GiB.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ockham::apps {

/// "512 B", "1.50 KiB", "2.00 GiB": three significant digits, powers of 1024.
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

/// "0.42 s", "12 s", "3 min 05 s", "2 h 07 min", "3 d 04 h". Unknown (negative or not finite) is "?".
[[nodiscard]] std::string format_duration(double seconds);

/// 26910838 as "26,910,838".
[[nodiscard]] std::string format_count(std::int64_t count);

/// The shortest decimal text that reads back as the same double; "nan", "inf" and "-inf" otherwise.
[[nodiscard]] std::string format_real(double value);

/// With so many digits after the point: (93.456, 2) is "93.46".
[[nodiscard]] std::string format_fixed(double value, int digits);

/// A share as a percentage of two decimals at most: 0.93456 is "93.46".
[[nodiscard]] std::string format_percent(double share);

/// Filled with blanks on the right, up to the width.
[[nodiscard]] std::string padded(std::string text, std::size_t width);

/// A word of a shell command: in quotes where that is needed.
[[nodiscard]] std::string shell_quoted(const std::string& text);

/// Bytes of "1024", "512MB" (powers of 1000), "1.5GiB" or "2G" (powers of 1024). Empty if it is no size or overflows.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

/// A whole decimal number, or empty: no sign but '-', no spaces, no overflow.
[[nodiscard]] std::optional<std::int64_t> parse_count(std::string_view text);

/// A finite decimal number such as "0.025" or "3e-4", or empty.
[[nodiscard]] std::optional<double> parse_real(std::string_view text);

/// What stands between the commas of "a,b,c", or other separators, empty parts included.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text, char separator = ',');

}  // namespace ockham::apps
