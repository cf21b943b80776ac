#pragma once
// A search method as its driver sees it: it takes batches, learns, and can name its cell at any time. Methods know
// their space by search_space.h alone; drivers own the data, the schedule of the learning rate and all files.
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "nas/spaces/space.h"
#include "nas/train/score.h"

namespace ockham::nas {

/// A named number for the log: "entropy", "sigma_mean".
struct Figure {
  std::string name;
  double value = 0.0;
};

/// Where a step stands in the search.
struct StepPlace {
  std::uint64_t number = 0;  ///< from 0
  std::uint64_t total = 1;   ///< steps of the whole search
  double lr = 0.025;         ///< of the weights
};

/// A cell that a method weighed at its end.
struct Candidate {
  std::string cell;
  double score = 0.0;      ///< larger is better
  std::int64_t times = 1;  ///< how often it was drawn
};

/// Takes held-out images batch by batch to a function: the sum of its scores.
using HeldOut = std::function<Score(const std::function<Score(const Batch&)>&)>;

/// Called between the pieces of long work; may throw to end it.
using Pause = std::function<void()>;
inline const Pause kNoPause = [] {};

class SearchMethod {
 public:
  virtual ~SearchMethod() = default;

  /// One step on two batches of equal size: `train` for the weights, `valid`, of other images, for the architecture.
  /// @return the score of `train` @throws DivergedError if a loss or gradient norm is not finite, naming the step
  virtual Score step(const Batch& train, const Batch& valid, const StepPlace& place) = 0;
  /// After the last step: what a method still does before it names its cell. Begins anew if `pause` ended it.
  virtual void finish(const Pause& /*pause*/) {}
  /// The pass of finish() that needs the most memory, for plans: how many images it takes (0: there is none that needs
  /// more than a step or an evaluation), and that pass on other images. After it the method is of no use.
  virtual std::int64_t finish_images() const { return 0; }
  virtual void rehearse_finish(const Batch& /*images*/) {}
  /// The cell at present.
  virtual std::string derive() const = 0;
  /// The score of a batch by the search network as it is; count 0 where the method has none.
  virtual Score evaluate(const Batch& batch) = 0;
  /// The network whose architecture Hessian warns of collapse; null where the method has none.
  virtual const SearchNetwork* relaxed() const { return nullptr; }
  /// What there is to log after an epoch, beside scores and cell.
  virtual std::vector<Figure> figures() const = 0;
  /// For each number of the space's choices what is known of it, as columns: "mean", "sigma", "probability".
  virtual std::map<std::string, std::vector<double>> posterior() const = 0;
  /// The cells that it chose from, for methods that draw some.
  virtual std::vector<Candidate> candidates() const { return {}; }
  /// Images at a time in a step; 0: whole batches. @throws UsageError if the method cannot split a step
  virtual void set_micro_batch(std::int64_t images) = 0;

  /// All that a resumed search needs, networks included.
  virtual std::map<std::string, Tensor> state() const = 0;
  /// @throws CheckpointError if a tensor is missing or has another shape or dtype
  virtual void load(const std::map<std::string, Tensor>& state) = 0;
};

}  // namespace ockham::nas
