#include "nas/spaces/nasbench201/cell.h"

#include <algorithm>

#include "engine/error.h"

namespace ockham::nas::nasbench201 {
namespace {

constexpr std::array<std::string_view, kOperations> kNames{"none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3",
                                                           "avg_pool_3x3"};

std::int64_t count(const Cell& cell, Operation operation) {
  return std::ranges::count(cell.edges, operation);
}

[[noreturn]] void fail(std::size_t at, const std::string& message) {
  throw UsageError(concat("cell: column ", at + 1, ": ", message));
}

/// Reads a cell string from left to right.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  void expect(char wanted) {
    if (at_ == text_.size() || text_[at_] != wanted)
      fail(at_, concat("expected '", wanted, "', found ", found(), "."));
    ++at_;
  }
  Operation operation() {
    const std::size_t end = std::min(text_.find('~', at_), text_.size());
    const std::string_view name = text_.substr(at_, end - at_);
    const auto it = std::ranges::find(kNames, name);
    if (it == kNames.end())
      fail(at_, concat("'", name.substr(0, 40),
                       "' is none of none, skip_connect, nor_conv_1x1, nor_conv_3x3, avg_pool_3x3."));
    at_ = end;
    return static_cast<Operation>(it - kNames.begin());
  }
  void expect_end() {
    if (at_ != text_.size())
      fail(at_, concat("the cell is complete, found ", found(), "."));
  }

 private:
  std::string found() const { return at_ == text_.size() ? "the end" : concat("'", text_[at_], "'"); }

  std::string_view text_;
  std::size_t at_ = 0;
};

Cell parse_code(std::string_view text) {
  Cell cell;
  for (std::size_t e = 0; e < text.size(); ++e) {
    if (text[e] < '0' || text[e] > '4')
      fail(e, concat("'", text[e], "' is no operation's digit. ", meaning_of_digits(), "."));
    if (e == cell.edges.size())
      fail(e, concat("a cell has six digits. ", meaning_of_digits(), "."));
    cell.edges[e] = static_cast<Operation>(text[e] - '0');
  }
  if (text.size() < cell.edges.size())
    fail(text.size(), concat("the code ends after ", text.size(), " of six digits. ", meaning_of_digits(), "."));
  return cell;
}

}  // namespace

std::string_view name_of(Operation operation) {
  return kNames[static_cast<std::size_t>(operation)];
}

Cell parse_cell(std::string_view text) {
  if (!text.empty() && text[0] >= '0' && text[0] <= '9')
    return parse_code(text);
  if (text.starts_with('(') || text.starts_with('['))
    fail(0,
         concat("a list of numbers is another library's. Write the cell's string, or six digits without signs between "
                "them. ",
                meaning_of_digits(), "."));
  Reader reader(text);
  Cell cell;
  for (std::size_t e = 0; e < cell.edges.size(); ++e) {
    const auto [from, to] = kEdgeEnds[e];
    if (from == 0) {
      if (to > 1)
        reader.expect('+');
      reader.expect('|');
    }
    cell.edges[e] = reader.operation();
    reader.expect('~');
    reader.expect(static_cast<char>('0' + from));
    reader.expect('|');
  }
  reader.expect_end();
  return cell;
}

std::string to_string(const Cell& cell) {
  std::string text;
  for (std::size_t e = 0; e < cell.edges.size(); ++e) {
    const auto [from, to] = kEdgeEnds[e];
    if (from == 0)
      text += to > 1 ? "+|" : "|";
    text += concat(name_of(cell.edges[e]), '~', from, '|');
  }
  return text;
}

std::string code(const Cell& cell) {
  std::string digits;
  for (const Operation operation : cell.edges)
    digits += static_cast<char>('0' + static_cast<int>(operation));
  return digits;
}

std::string meaning_of_digits() {
  std::string edges, operations;
  for (const auto& [from, to] : kEdgeEnds)
    edges += concat(edges.empty() ? "" : ", ", to, "<-", from);
  for (std::size_t o = 0; o < kNames.size(); ++o)
    operations += concat(o == 0 ? "" : ", ", o, " ", kNames[o]);
  return concat("Digits are of the edges ", edges, " in this order and mean ", operations,
                "; other libraries, NASLib among them, number operations and edges otherwise");
}

std::int64_t number_of(const Cell& cell) {
  std::int64_t number = 0;
  for (const Operation operation : cell.edges)
    number = number * kOperations + static_cast<std::int64_t>(operation);
  return number;
}

Cell cell_of(std::int64_t number) {
  if (number < 0 || number >= kCells)
    throw UsageError(concat("cell: number ", number, " is outside 0 to ", kCells - 1, "."));
  Cell cell;
  for (std::size_t e = cell.edges.size(); e-- > 0; number /= kOperations)
    cell.edges[e] = static_cast<Operation>(number % kOperations);
  return cell;
}

Cell largest(std::span<const double> alpha) {
  Cell cell;
  for (std::size_t e = 0; e < cell.edges.size(); ++e) {
    const auto of_edge = alpha.subspan(e * kOperations, kOperations);
    cell.edges[e] = static_cast<Operation>(std::ranges::max_element(of_edge) - of_edge.begin());
  }
  return cell;
}

bool is_connected(const Cell& cell) {
  std::array<bool, 4> is_reached{true, false, false, false};
  for (std::size_t e = 0; e < cell.edges.size(); ++e) {
    const auto [from, to] = kEdgeEnds[e];
    if (cell.edges[e] != Operation::kNone && is_reached[static_cast<std::size_t>(from)])
      is_reached[static_cast<std::size_t>(to)] = true;
  }
  return is_reached.back();
}

// A 1x1 convolution with its norm on C channels has C^2 + 2 C parameters, five times at C = 16, 32 and 64: 28,000; at
// 32x32, 16x16, 8x8 pixels 5 * 3 * 2^18 multiply-accumulates. A 3x3 one: 9 C^2 + 2 C and nine times as many.
std::int64_t parameter_count(const Cell& cell, std::int64_t classes) {
  constexpr std::int64_t kStem = 464, kReductions = 14464 + 57600, kLastNorm = 128;
  return kStem + kReductions + kLastNorm + 65 * classes + 28000 * count(cell, Operation::kConv1) +
         243040 * count(cell, Operation::kConv3);
}

std::int64_t mac_count(const Cell& cell, std::int64_t classes) {
  constexpr std::int64_t kFrame = 7783040 - 640;
  return kFrame + 64 * classes + 3932160 * (count(cell, Operation::kConv1) + 9 * count(cell, Operation::kConv3));
}

}  // namespace ockham::nas::nasbench201
