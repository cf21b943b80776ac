#include "nas/spaces/nasbench1shot1/cell.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <numeric>
#include <optional>
#include <tuple>
#include <vector>

#include "engine/error.h"
#include "engine/random.h"

namespace ockham::nas::nasbench1shot1 {
namespace {

constexpr std::array<std::string_view, kOperations> kNames{"maxpool3x3", "conv3x3-bn-relu", "conv1x1-bn-relu"};
constexpr std::string_view kOutput = "output";

std::size_t size_of(std::uint32_t set) {
  return static_cast<std::size_t>(std::popcount(set));
}

/// The set with every vertex under its new name.
std::uint32_t renamed(std::uint32_t set, const std::array<std::size_t, kMostVertices>& names) {
  std::uint32_t result = 0;
  for (std::size_t v = 0; v < kMostVertices; ++v)
    result |= (set >> v & 1u) << names[v];
  return result;
}

/// Reads a cell string from left to right.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Cell cell() {
    Cell cell;
    while (!take(kOutput)) {
      if (cell.nodes == kMostNodes)
        fail(concat("a cell has at most ", kMostNodes, " nodes; expected output:PARENTS, found ", found(), "."));
      cell.operations[++cell.nodes] = operation();
      cell.parents[cell.nodes] = parents(cell.nodes);
      if (!take("+"))
        fail(concat("expected ',' and a further parent or '+' and the next node, found ", found(),
                    "; a cell ends with +output:PARENTS."));
    }
    cell.parents[cell.output()] = parents(cell.output());
    if (at_ != text_.size())
      fail(concat("expected the end, found ", found(), "; the output comes last."));
    return cell;
  }

 private:
  bool take(std::string_view token) {
    if (!text_.substr(at_).starts_with(token))
      return false;
    at_ += token.size();
    return true;
  }
  Operation operation() {
    const std::string_view name = text_.substr(at_, text_.find_first_of(":+", at_) - at_);
    const auto it = std::ranges::find(kNames, name);
    if (it == kNames.end())
      fail(concat("expected maxpool3x3, conv3x3-bn-relu, conv1x1-bn-relu or output, found ",
                  name.empty() ? found() : concat('\'', name.substr(0, 40), '\''), "."));
    at_ += name.size();
    return static_cast<Operation>(it - kNames.begin());
  }
  std::uint32_t parents(std::size_t vertex) {
    if (!take(":"))
      fail(concat("expected ':' and the parents, as in output:1,2, found ", found(), "."));
    std::uint32_t set = 0;
    do {
      const char digit = at_ < text_.size() ? text_[at_] : '\0';
      if (digit < '0' || digit >= static_cast<char>('0' + vertex))
        fail(concat("expected a vertex before this one, 0 (the input) to ", vertex - 1, ", found ", found(), "."));
      const std::uint32_t parent = 1u << (digit - '0');
      if (set >= parent)
        fail(concat("'", digit,
                    "' does not come after the parent before it; list parents in ascending order, each once."));
      if (++edges_ > kMostEdges)
        fail(concat("this is edge ", edges_, "; a cell has at most ", kMostEdges, ", leave some out."));
      set |= parent;
      ++at_;
    } while (take(","));
    return set;
  }
  std::string found() const { return at_ < text_.size() ? concat("'", text_[at_], "'") : "the end"; }
  [[noreturn]] void fail(const std::string& message) const {
    throw UsageError(concat("cell: column ", at_ + 1, ": ", message));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t edges_ = 0;
};

/// Tries the orders of a cell's nodes that keep edges upwards, always taking a node of the least (parents, operation)
/// next; where several nodes tie, each of them.
class Orders {
 public:
  explicit Orders(const Cell& cell) : cell_(cell) { extend({}, 1u, {.nodes = cell.nodes}); }
  const Cell& least() const { return *least_; }

 private:
  void extend(std::array<std::size_t, kMostVertices> names, std::uint32_t placed, Cell ordered) {
    const std::size_t next = size_of(placed);
    if (next == cell_.output()) {
      ordered.parents[next] = renamed(cell_.parents[next], names);
      least_ = least_ ? std::min(*least_, ordered) : ordered;
      return;
    }
    const auto key = [&](std::size_t v) { return std::pair(renamed(cell_.parents[v], names), cell_.operations[v]); };
    const auto is_free = [&](std::size_t v) { return (placed >> v & 1u) == 0 && (cell_.parents[v] & ~placed) == 0; };
    std::optional<std::size_t> best;
    for (std::size_t v = 1; v <= cell_.nodes; ++v) {
      if (is_free(v) && (!best || key(v) < key(*best)))
        best = v;
    }
    std::tie(ordered.parents[next], ordered.operations[next]) = key(*best);
    for (std::size_t v = *best; v <= cell_.nodes; ++v) {
      if (!is_free(v) || key(v) != key(*best))
        continue;
      std::array<std::size_t, kMostVertices> with_v = names;
      with_v[v] = next;
      extend(with_v, placed | 1u << v, ordered);
    }
  }

  const Cell& cell_;
  std::optional<Cell> least_;
};

std::int64_t choose(std::size_t n, std::size_t k) {
  std::int64_t result = 1;
  for (std::size_t i = 1; i <= k; ++i)
    result = result * static_cast<std::int64_t>(n - k + i) / static_cast<std::int64_t>(i);
  return result;
}

/// Number `index` of the sets of k vertices below n.
std::uint32_t subset(std::size_t n, std::size_t k, std::int64_t index) {
  for (std::uint32_t set = 0; set < 1u << n; ++set) {
    if (size_of(set) == k && index-- == 0)
      return set;
  }
  throw Error(concat("cell: no set ", index, " of ", k, " of ", n, " vertices."));
}

}  // namespace

std::string_view name_of(Operation operation) {
  return kNames[static_cast<std::size_t>(operation)];
}

Cell parse_cell(std::string_view text) {
  return Reader(text).cell();
}

std::string to_string(const Cell& cell) {
  std::string text;
  for (std::size_t v = 1; v <= cell.output(); ++v) {
    text += v == cell.output() ? kOutput : name_of(cell.operations[v]);
    char separator = ':';
    for (std::size_t from = 0; from < v; ++from) {
      if (!cell.has_edge(from, v))
        continue;
      text += concat(separator, from);
      separator = ',';
    }
    text += v == cell.output() ? "" : "+";
  }
  return text;
}

Matrix matrix_of(const Cell& cell) {
  Matrix matrix;
  matrix.labels.fill(name_of(Operation::kConv1));
  matrix.labels.front() = "input";
  matrix.labels.back() = kOutput;
  for (std::size_t v = 1; v <= cell.output(); ++v) {
    const std::size_t to = v == cell.output() ? kMostVertices - 1 : v;
    if (v != cell.output())
      matrix.labels[v] = name_of(cell.operations[v]);
    for (std::size_t from = 0; from < v; ++from)
      matrix.edges[from][to] = cell.has_edge(from, v) ? 1 : 0;
  }
  return matrix;
}

Cell pruned(const Cell& cell) {
  std::uint32_t leads = 1u << cell.output();
  for (std::size_t v = cell.output(); v > 0; --v)
    leads |= (leads >> v & 1u) != 0 ? cell.parents[v] : 0u;
  Cell result;
  std::array<std::size_t, kMostVertices> names{};
  for (std::size_t v = 1; v <= cell.output(); ++v) {
    if ((leads >> v & 1u) == 0)
      continue;
    result.nodes += v == cell.output() ? 0 : 1;
    names[v] = v == cell.output() ? result.output() : result.nodes;
    result.operations[names[v]] = cell.operations[v];
    result.parents[names[v]] = renamed(cell.parents[v], names);
  }
  return result;
}

Cell canonical(const Cell& cell) {
  return Orders(pruned(cell)).least();
}

std::array<std::int64_t, kMostVertices> vertex_channels(const Cell& cell, std::int64_t channels) {
  std::array<std::int64_t, kMostVertices> result{};
  result[cell.output()] = channels;
  const auto joined = static_cast<std::int64_t>(size_of(cell.parents[cell.output()] & ~1u));
  if (joined > channels)
    throw UsageError(concat("cell: its output joins ", joined, " nodes but has ", channels,
                            " channels; use at least one channel a node."));
  std::int64_t remainder = joined > 0 ? channels % joined : 0;
  for (std::size_t v = 1; v <= cell.nodes; ++v) {
    if (cell.has_edge(v, cell.output()))
      result[v] = channels / joined + (remainder-- > 0 ? 1 : 0);
  }
  for (std::size_t v = cell.nodes; v > 0; --v) {
    for (std::size_t to = v + 1; to <= cell.nodes && !cell.has_edge(v, cell.output()); ++to) {
      if (cell.has_edge(v, to))
        result[v] = std::max(result[v], result[to]);
    }
    if (result[v] == 0)
      throw UsageError(concat("cell: node ", v, " does not lead to the output; prune the cell first."));
  }
  return result;
}

Space space_of(std::int64_t number) {
  if (number < 1 || number > 3)
    throw UsageError(concat("NAS-Bench-1Shot1 has no space ", number, "; choose 1, 2 or 3."));
  return static_cast<Space>(number);
}

std::span<const std::size_t> parent_counts(Space space) {
  static constexpr std::array<std::size_t, 5> kFirst{1, 2, 2, 2, 2}, kSecond{1, 1, 2, 2, 3};
  static constexpr std::array<std::size_t, 6> kThird{1, 1, 1, 2, 2, 2};
  if (space == Space::k3)
    return kThird;
  return space == Space::k1 ? kFirst : kSecond;
}

std::size_t nodes_of(Space space) {
  return parent_counts(space).size() - 1;
}

std::int64_t pattern_count(Space space) {
  std::int64_t count = 1;
  for (std::size_t v = 1; const std::size_t parents : parent_counts(space))
    count *= choose(v++, parents);
  return count;
}

std::int64_t cell_count(Space space) {
  std::int64_t count = pattern_count(space);
  for (std::size_t v = 0; v < nodes_of(space); ++v)
    count *= static_cast<std::int64_t>(kOperations);
  return count;
}

Cell cell_of(Space space, std::int64_t number) {
  if (number < 0 || number >= cell_count(space))
    throw UsageError(concat("cell: number ", number, " is outside 0 to ", cell_count(space) - 1, " of space ",
                            static_cast<int>(space), "."));
  const auto take = [&](std::int64_t choices) {
    const std::int64_t digit = number % choices;
    number /= choices;
    return digit;
  };
  Cell cell{.nodes = nodes_of(space)};
  for (std::size_t v = 1; v <= cell.output(); ++v) {
    const std::size_t parents = parent_counts(space)[v - 1];
    cell.parents[v] = subset(v, parents, take(choose(v, parents)));
    if (v != cell.output())
      cell.operations[v] = static_cast<Operation>(take(kOperations));
  }
  return cell;
}

namespace {

/// A choice of parents is one only where not all vertices before are taken.
bool has_choice(Space space, std::size_t vertex) {
  return parent_counts(space)[vertex - 1] < vertex;
}

/// The k vertices of the largest numbers, the first of equals, as bits.
std::uint32_t largest_vertices(std::span<const double> numbers, std::size_t k) {
  std::vector<std::size_t> order(numbers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t v) { return numbers[v]; });
  std::uint32_t set = 0;
  for (std::size_t i = 0; i < k; ++i)
    set |= 1u << order[i];
  return set;
}

}  // namespace

std::size_t number_count(Space space) {
  const std::size_t nodes = nodes_of(space);
  std::size_t count = nodes * kOperations + nodes + 1;
  for (std::size_t v = 1; v <= nodes; ++v)
    count += has_choice(space, v) ? v : 0;
  return count;
}

std::size_t operation_numbers(std::size_t node) {
  return (node - 1) * kOperations;
}

std::optional<std::size_t> parent_numbers(Space space, std::size_t vertex) {
  if (!has_choice(space, vertex))
    return std::nullopt;
  const std::size_t output = nodes_of(space) + 1;
  std::size_t first = operation_numbers(output);
  if (vertex == output)
    return first;
  first += output;
  for (std::size_t v = 1; v < vertex; ++v)
    first += has_choice(space, v) ? v : 0;
  return first;
}

Cell largest(Space space, std::span<const double> numbers) {
  Cell cell{.nodes = nodes_of(space)};
  for (std::size_t v = 1; v <= cell.nodes; ++v)
    cell.operations[v] = static_cast<Operation>(
        std::countr_zero(largest_vertices(numbers.subspan(operation_numbers(v), kOperations), 1)));
  for (std::size_t v = 1; v <= cell.output(); ++v) {
    const std::optional<std::size_t> first = parent_numbers(space, v);
    cell.parents[v] =
        first ? largest_vertices(numbers.subspan(*first, v), parent_counts(space)[v - 1]) : (1u << v) - 1u;
  }
  return cell;
}

Cell random_cell(Space space, std::uint64_t seed, std::uint64_t index) {
  const RandomKey key{.seed = seed, .purpose = Purpose::kArchitecture, .step = static_cast<std::uint64_t>(space)};
  return cell_of(space,
                 static_cast<std::int64_t>(random_below(key, index, static_cast<std::uint64_t>(cell_count(space)))));
}

}  // namespace ockham::nas::nasbench1shot1
