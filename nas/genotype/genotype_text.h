#pragma once
// Inside nas/genotype only: what the readers of genotype text share.
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "nas/cell/primitive.h"
#include "nas/genotype/genotype.h"
#include "nas/genotype/text_cursor.h"

namespace ockham::nas {

/// Longest genotype text that is read; a real one has a few kB.
inline constexpr std::size_t kMaxGenotypeText = std::size_t{1} << 20;

/// "max_pool_3x3, avg_pool_3x3, ...": for messages.
std::string known_primitives();

/// A quoted name. @throws UsageError with the column, also for 'none'
Primitive read_operation(Cursor& in);
/// Nothing for 'none'.
std::optional<Primitive> read_operation_or_none(Cursor& in);
/// `range(first, last + 1)` or a list of DARTS's ids, as nodes counted from 0.
std::vector<int> read_concat(Cursor& in);
/// The first word is the call of `name`, behind whatever a log writes before it on its line; takes its bracket too.
void read_call(Cursor& in, std::string_view name);

/// "[2, 3, 5]" of nodes 0, 1, 3.
std::string list_of_ids(const std::vector<int>& nodes);

/// Why an edge, or a node that nothing enters, keeps a cell from being written as pairs of one operation and a node;
/// empty if nothing does.
std::string hindrance_to_pairs(const CellGenotype& cell);

}  // namespace ockham::nas
