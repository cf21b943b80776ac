#include "nas/methods/budget/budget.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "nas/cost.h"

namespace ockham::nas {
namespace {

constexpr const char* kPath = "bayes.path";
constexpr std::size_t kNumbers = 8;  // of a point
constexpr double kUnknown = -1.0;    // evidence and latency are not negative

/// A strictness that was tried; no point where no network was left.
struct Trial {
  double strictness;
  std::optional<PathPoint> point;

  bool is_too_large() const { return point && !point->fits(); }
};

double share(double value, const auto& limit) {
  return limit ? value / static_cast<double>(*limit) : 0.0;
}

/// The largest share of a limit on size; where there is none, multiply-accumulates: times are too noisy to go by.
double size_of(const NetworkCost& cost, const Budget& budget) {
  const auto parameters = static_cast<double>(cost.parameters), macs = static_cast<double>(cost.macs);
  const bool has_limit = budget.sizes.parameters || budget.sizes.macs;
  return has_limit ? std::max(share(parameters, budget.sizes.parameters), share(macs, budget.sizes.macs)) : macs;
}

/// Of those that fit the largest, of equal ones the first; nothing where none fits.
std::optional<std::size_t> best_of(const std::vector<Trial>& trials, const Budget& budget) {
  std::optional<std::size_t> best;
  double largest = -1.0;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const std::optional<PathPoint>& point = trials[i].point;
    if (!point || !point->fits() || size_of(point->cost, budget) <= largest)
      continue;
    best = i;
    largest = size_of(point->cost, budget);
  }
  return best;
}

std::vector<Trial> walk(const PointAt& at, const Pause& pause) {
  std::vector<Trial> trials;
  int too_large = 0;
  for (int k = kDecades * kPointsPerDecade; k >= -kDecades * kPointsPerDecade && too_large < kPointsPerDecade; --k) {
    pause();
    const double strictness = std::pow(10.0, k / static_cast<double>(kPointsPerDecade));
    trials.push_back({strictness, at(strictness)});
    too_large = trials.back().is_too_large() ? too_large + 1 : 0;
  }
  return trials;
}

/// Adds trials between the best and the next denser one, if that is too large; where none fits, between nothing and the
/// first network.
void refine(std::vector<Trial>& trials, const Budget& budget, const PointAt& at, const Pause& pause) {
  const std::optional<std::size_t> best = best_of(trials, budget);
  const auto first = std::ranges::find_if(trials, [](const Trial& trial) { return trial.point.has_value(); });
  const auto next = best ? trials.begin() + static_cast<std::ptrdiff_t>(*best) + 1 : first;
  if (next == trials.begin() || next == trials.end() || !next->is_too_large())
    return;
  double strict = std::prev(next)->strictness, dense = next->strictness;
  for (int i = 0; i < kHalvings; ++i) {
    pause();
    const double middle = std::sqrt(strict * dense);
    trials.push_back({middle, at(middle)});
    (trials.back().is_too_large() ? dense : strict) = middle;
  }
  std::ranges::sort(trials, std::greater{}, &Trial::strictness);
}

std::vector<PathPoint> points_of(const std::vector<Trial>& trials) {
  std::vector<PathPoint> points;
  for (const Trial& trial : trials) {
    if (trial.point)
      points.push_back(*trial.point);
  }
  return points;
}

/// " --max-params 1000 --max-macs 20000", with the numbers of `cost` for those that the budget limits.
std::string options_of(const Budget& budget, const NetworkCost& cost) {
  return concat(budget.sizes.parameters ? concat(" --max-params ", cost.parameters) : std::string(),
                budget.sizes.macs ? concat(" --max-macs ", cost.macs) : std::string(),
                budget.latency ? concat(" --max-latency ", cost.latency.value_or(0.0)) : std::string());
}

NetworkCost limits_of(const Budget& budget) {
  return {.parameters = budget.sizes.parameters.value_or(0),
          .macs = budget.sizes.macs.value_or(0),
          .latency = budget.latency};
}

[[noreturn]] void refuse(const std::string& knob, const Budget& budget, const std::vector<PathPoint>& points) {
  const std::string asked = options_of(budget, limits_of(budget));
  if (points.empty())
    throw UsageError(concat("bayesnas:", asked, ": at no ", knob, " within ", kDecades,
                            " decades of the run's is a connected cell left to count. Search again with another ",
                            "--lambda or more training."));
  const PathPoint& least = *std::ranges::min_element(points, {}, &PathPoint::fill);
  throw UsageError(concat("bayesnas:", asked, ": none of ", points.size(), " networks fits; the smallest, at ", knob,
                          " ", least.knob, ", has ", least.cost.parameters, " parameters and ", least.cost.macs,
                          " multiply-accumulates an image",
                          least.cost.latency ? concat(" and takes ", *least.cost.latency, " ms") : std::string(),
                          ". Go on with --resume DIR and", options_of(budget, least.cost), " or more."));
}

}  // namespace

void Budget::describe(SettingVisitor& visitor) {
  sizes.describe(visitor);
  visitor.role(SettingRole::kChangeable);
  visitor.real("max-latency", latency,
               "most milliseconds of a pass of it over --latency-batch images, median of several on this machine: two "
               "runs differ, and may find different networks (bayesnas) [no limit]",
               kPositive);
  visitor.count("latency-batch", latency_batch, "images in that pass [1]", {.min = 1, .max = 100000});
  visitor.role(SettingRole::kWork);
}

double fill_of(const NetworkCost& cost, const Budget& budget) {
  return std::max({share(static_cast<double>(cost.parameters), budget.sizes.parameters),
                   share(static_cast<double>(cost.macs), budget.sizes.macs),
                   share(cost.latency.value_or(0.0), budget.latency)});
}

SparsityPath find_strictness(const std::string& knob, const Budget& budget, const PointAt& at, const Pause& pause) {
  std::vector<Trial> trials = walk(at, pause);
  refine(trials, budget, at, pause);
  SparsityPath path{.knob = knob, .budget = budget, .points = points_of(trials)};
  const std::optional<std::size_t> best = best_of(trials, budget);
  if (!best)
    refuse(knob, budget, path.points);
  path.chosen = static_cast<std::size_t>(
      std::ranges::find(path.points, trials[*best].strictness, &PathPoint::strictness) - path.points.begin());
  return path;
}

std::optional<NetworkCost> NetworkCosts::of(const std::string& cell) {
  if (const auto found = known_.find(cell); found != known_.end())
    return found->second;
  const CellFacts facts = space_.facts(cell);
  std::optional<NetworkCost>& cost = known_[cell];
  if (!facts.is_connected)
    return cost;
  cost = {.parameters = facts.parameters, .macs = facts.macs};
  if (budget_.latency)
    cost->latency = latency_of(cell, budget_.latency_images());
  return cost;
}

double NetworkCosts::latency_of(const std::string& cell, std::int64_t images) const {
  Initial initial{.device = device_};
  const TrainedNetwork trained = space_.make_trained(cell, initial);
  return latency_ms(trained.owned.network.forward,
                    Tensor::zeros({images, trained.image_channels, trained.image_size, trained.image_size},
                                  DType::kFloat32, device_));
}

std::string knob_of(Rule rule) {
  return rule == Rule::kEntropy ? "variance" : "lambda";
}

void require_shrinkable(const SearchSpace& space, const SwitchNetwork& network) {
  if (network.derive_kept)
    return;
  std::size_t end = 0;
  for (const Choice& choice : space.choices()) {
    const auto first = network.groups.begin() + static_cast<std::ptrdiff_t>(end);
    end += choice.options.size();
    if (std::all_of(first, first + std::ssize(choice.options), [](const auto& group) { return !group.copies.empty(); }))
      throw UsageError(concat("bayesnas: a cell of space ", space.name(), " takes one of the ", choice.options.size(),
                              " options of ", choice.name, " whatever is pruned, so that no strictness fits it to a ",
                              "budget; use --method largest, or a space with none, such as nasbench201."));
  }
}

void pack(const SparsityPath& path, std::map<std::string, Tensor>& state) {
  std::vector<double> numbers{static_cast<double>(path.chosen), static_cast<double>(path.latencies.size())};
  for (const auto& [images, latency] : path.latencies)
    numbers.insert(numbers.end(), {static_cast<double>(images), latency});
  for (const PathPoint& point : path.points)
    numbers.insert(numbers.end(),
                   {point.strictness, point.knob, static_cast<double>(point.kept), point.evidence.value_or(kUnknown),
                    static_cast<double>(point.cost.parameters), static_cast<double>(point.cost.macs),
                    point.cost.latency.value_or(kUnknown), point.fill});
  state.emplace(kPath, Tensor::from(numbers, {std::ssize(numbers)}));
}

std::optional<SparsityPath> unpack_path(const std::map<std::string, Tensor>& state, const std::string& knob,
                                        const Budget& budget) {
  const auto found = state.find(kPath);
  if (found == state.end())
    return std::nullopt;
  const std::span<const double> numbers = found->second.span<double>();
  const auto count = static_cast<double>(numbers.size());
  const bool has_head = count >= 2.0 && numbers[0] >= 0.0 && numbers[1] >= 0.0 && 2.0 + 2.0 * numbers[1] <= count;
  const std::size_t begin = has_head ? 2 + 2 * static_cast<std::size_t>(numbers[1]) : numbers.size();
  const std::size_t points = (numbers.size() - begin) / kNumbers;
  if (points == 0 || begin + points * kNumbers != numbers.size() || numbers[0] >= static_cast<double>(points))
    throw CheckpointError(concat("checkpoint: its path of sparsity has ", numbers.size(),
                                 " numbers, which are no whole points; the file is damaged."));
  SparsityPath path{.knob = knob, .budget = budget, .chosen = static_cast<std::size_t>(numbers[0])};
  for (std::size_t i = 2; i < begin; i += 2)
    path.latencies[static_cast<std::int64_t>(numbers[i])] = numbers[i + 1];
  const auto known = [](double value) { return value == kUnknown ? std::nullopt : std::optional(value); };
  for (const double* at = &numbers[begin]; path.points.size() < points; at += kNumbers)
    path.points.push_back({.strictness = at[0],
                           .knob = at[1],
                           .kept = static_cast<int>(at[2]),
                           .evidence = known(at[3]),
                           .cost = {.parameters = static_cast<std::int64_t>(at[4]),
                                    .macs = static_cast<std::int64_t>(at[5]),
                                    .latency = known(at[6])},
                           .fill = at[7]});
  return path;
}

}  // namespace ockham::nas
