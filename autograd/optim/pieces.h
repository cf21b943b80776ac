#pragma once
// One parallel loop over the elements of all parameters: most are small, and a loop for each would cost more than its
// work.
#include <vector>

#include "autograd/parameter.h"
#include "engine/parallel.h"

namespace ockham {

/// Elements [begin, end) of a parameter, by its index in the list that was cut.
struct Piece {
  std::size_t parameter;
  std::int64_t begin;
  std::int64_t end;
};

/// Elements of a piece where an optimiser steps.
inline constexpr std::int64_t kStepPiece = 1 << 14;

/// Cuts each parameter that has a grad into pieces of `grain` elements (the last may be shorter), in order.
std::vector<Piece> pieces_of(const std::vector<Parameter*>& parameters, std::int64_t grain);

/// Calls body(piece, its index) for every piece, on several threads.
template <class Body>
void for_each_piece(const std::vector<Piece>& pieces, Body&& body) {
  parallel_for(std::ssize(pieces), 1, [&](std::int64_t i, std::int64_t) {
    const auto index = static_cast<std::size_t>(i);
    body(pieces[index], index);
  });
}

}  // namespace ockham
