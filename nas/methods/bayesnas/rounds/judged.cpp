#include "nas/methods/bayesnas/rounds/judged.h"

#include <algorithm>

#include "autograd/optim/state.h"
#include "engine/error.h"

namespace ockham::nas {
namespace {

constexpr const char* kMoves = "bayes.rounds";  // [rounds, 6]
constexpr const char* kRound = "round";         // the scale and the loss, too
constexpr const char* kSwitches = "switches";
constexpr const char* kMatrix = "matrix";
constexpr const char* kHalves = "halves";

void append(std::vector<double>& to, const std::vector<std::vector<double>>& groups) {
  for (const std::vector<double>& copies : groups)
    to.insert(to.end(), copies.begin(), copies.end());
}

void put(const std::string& name, const std::vector<double>& numbers, std::map<std::string, Tensor>& state) {
  if (!numbers.empty())
    state.emplace(name, Tensor::from(numbers, {std::ssize(numbers)}));
}

/// Empty where there are none.
std::vector<double> numbers_at(const std::map<std::string, Tensor>& state, const std::string& name) {
  const auto found = state.find(name);
  if (found == state.end())
    return {};
  const std::span<const double> values = found->second.span<double>();
  return {values.begin(), values.end()};
}

std::vector<std::vector<double>> split(const double*& next, std::span<const SwitchGroup> groups) {
  std::vector<std::vector<double>> result;
  for (const SwitchGroup& group : groups) {
    result.emplace_back(next, next + group.w.size());
    next += group.w.size();
  }
  return result;
}

}  // namespace

CellChoices choices_of(const SearchSpace& space, const SwitchNetwork& network) {
  CellChoices result;
  result.taken = [&space](std::span<const double> numbers) { return space.indicator(space.derive(numbers)); };
  const std::vector<double> taken = result.taken(std::vector<double>(count_options(space)));
  std::size_t first = 0;
  for (const Choice& choice : space.choices()) {
    JointEvidence::Choice single;
    const std::size_t end = first + choice.options.size();
    for (std::size_t i = first; i < end; ++i) {
      if (network.groups[i].copies.empty())
        single.may_be_none = true;
      else
        single.options.push_back(i);
    }
    if (std::count(taken.begin() + static_cast<std::ptrdiff_t>(first), taken.begin() + static_cast<std::ptrdiff_t>(end),
                   1.0) == 1)
      result.single.push_back(std::move(single));
    first = end;
  }
  return result;
}

void pack(const std::vector<RoundEvidence>& moves, std::map<std::string, Tensor>& state) {
  std::vector<double> numbers;
  for (const RoundEvidence& move : moves)
    numbers.insert(numbers.end(), {static_cast<double>(move.round), move.evidence, move.per_image, move.loss,
                                   move.moved, static_cast<double>(move.pruned)});
  put(kMoves, numbers, state);
}

std::vector<RoundEvidence> unpack_moves(const std::map<std::string, Tensor>& state) {
  constexpr std::size_t kNumbers = 6;
  const std::vector<double> numbers = numbers_at(state, kMoves);
  if (numbers.size() % kNumbers != 0)
    throw CheckpointError(concat("checkpoint: ", kMoves, " has ", numbers.size(), " numbers, which are not ", kNumbers,
                                 " a round; the file is damaged."));
  std::vector<RoundEvidence> moves;
  for (std::size_t at = 0; at < numbers.size(); at += kNumbers)
    moves.push_back({.round = static_cast<int>(numbers[at]),
                     .evidence = numbers[at + 1],
                     .per_image = numbers[at + 2],
                     .loss = numbers[at + 3],
                     .moved = numbers[at + 4],
                     .pruned = static_cast<int>(numbers[at + 5])});
  return moves;
}

void pack(const Judged& judged, const std::string& prefix, std::map<std::string, Tensor>& state) {
  put(prefix + kRound, {static_cast<double>(judged.round), judged.hessian_scale, judged.curvature.loss}, state);
  std::vector<double> switches;
  append(switches, judged.curvature.w);
  append(switches, judged.curvature.gradient);
  append(switches, judged.curvature.hessian);
  put(prefix + kSwitches, switches, state);
  put(prefix + kMatrix, judged.curvature.matrix, state);
  std::vector<double> halves;
  append(halves, {judged.halves[0], judged.halves[1]});
  put(prefix + kHalves, halves, state);
}

std::optional<Judged> unpack_judged(const std::map<std::string, Tensor>& state, const std::string& prefix,
                                    std::span<const SwitchGroup> groups) {
  if (!state.contains(prefix + kRound))
    return std::nullopt;
  std::size_t K = 0;
  for (const SwitchGroup& group : groups)
    K += group.w.size();
  const auto stored = [&](const char* name) { return numbers_at(state, prefix + name); };
  const std::vector<double> round = stored(kRound), switches = stored(kSwitches);
  const std::vector<double> matrix = stored(kMatrix), halves = stored(kHalves);
  const bool fits = round.size() == 3 && switches.size() == 3 * K && (matrix.empty() || matrix.size() == K * K) &&
                    (halves.empty() || halves.size() == 2 * groups.size());
  if (!fits)
    throw CheckpointError(concat("checkpoint: what it says of judged switches (", switches.size(), " and ",
                                 matrix.size(), " numbers) is of another network than this one of ", K, " switches."));
  Judged judged{.round = static_cast<int>(round[0]), .hessian_scale = round[1]};
  judged.curvature.loss = round[2];
  const double* next = switches.data();
  judged.curvature.w = split(next, groups);
  judged.curvature.gradient = split(next, groups);
  judged.curvature.hessian = split(next, groups);
  judged.curvature.matrix = matrix;
  if (!halves.empty()) {
    const auto middle = halves.begin() + std::ssize(groups);
    judged.halves = {std::vector(halves.begin(), middle), std::vector(middle, halves.end())};
  }
  return judged;
}

}  // namespace ockham::nas
