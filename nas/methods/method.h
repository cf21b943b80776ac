#pragma once
// A search method as its driver sees it: it says which phases it has, takes batches, learns, and can name its cell at
// any time. Methods know their space by nas/spaces/space.h alone; drivers own the data, the schedule of the learning
// rate and all files.
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "nas/methods/posterior_table.h"
#include "nas/spaces/space.h"
#include "nas/train/score.h"

namespace ockham::nas {

/// A named number for the log: "entropy", "sigma_mean".
struct Figure {
  std::string name;
  double value = 0.0;
};

/// The training images are cut in two: the weights learn from one part, the architecture from images new to them.
enum class Part { kWeights, kArchitecture };

/// Epochs over batches of one kind.
struct Phase {
  std::string name = "search";
  std::int64_t epochs = 1;
  Part part = Part::kWeights;  ///< where a step's `train` comes from
  bool takes_other = true;     ///< does a step also take a batch of the other part, `valid`?
  bool has_cutout = false;
};

/// Where a step stands in the search.
struct StepPlace {
  std::size_t phase = 0;      ///< of phases()
  std::uint64_t number = 0;   ///< from 0, over all phases
  std::uint64_t total = 1;    ///< steps of the whole search
  double lr = 0.025;          ///< of the weights
  bool is_rehearsal = false;  ///< for plans of memory: on noise, which must not throw the network far
};

/// A cell that a method weighed at its end.
struct Candidate {
  std::string cell;
  double score = 0.0;      ///< larger is better
  std::int64_t times = 1;  ///< how often it was drawn
};

/// What one of several rules says of the same network.
struct Opinion {
  std::string rule;
  std::string cell;                  ///< empty: by this rule nothing would be left of one
  std::vector<double> numbers = {};  ///< of the space's choices, by which it chooses or prunes
};

/// What all of them said, somewhere in the training.
struct Look {
  std::uint64_t step = 0;  ///< steps done, of all phases
  double loss = 0.0;       ///< of the images that the rules saw
  std::vector<Opinion> opinions = {};
  /// What they judged by: "switch", "gradient", "hessian" of each of the space's choices a number a copy, "matrix" the
  /// rows of all copies' Gauss-Newton matrix, where that is small.
  std::map<std::string, std::vector<std::vector<double>>> measured = {};
};

/// Takes held-out images batch by batch to a function: the sum of its scores.
using HeldOut = std::function<Score(const std::function<Score(const Batch&)>&)>;

/// What a method may ask its driver for beside the batches of its steps: images, and the table that knows cells.
struct ImageSource {
  HeldOut held_out = {};  ///< as they are; null: there are none
  /// Training images as they are, in the weights' dtype: others with every draw.
  std::function<Batch(std::int64_t images, std::int64_t draw)> sample = {};
  std::int64_t largest_sample = std::numeric_limits<std::int64_t>::max();  ///< one of more images has as many as this
  /// The first batches of a phase, as its steps get them.
  std::function<void(std::size_t phase, std::int64_t count, const std::function<void(const Batch&)>& take)>
      first_batches = {};
  /// What a published table knows of a cell, in per cent: its validation accuracy, not that by which the cell is
  /// compared with others in the end. Null: there is no table.
  std::function<double(const std::string& cell)> known_accuracy = {};
};

/// What the end of a phase measured and pruned (nas/methods/bayesnas/rounds/round.h).
struct Round;

/// Called between the pieces of long work; may throw to end it.
using Pause = std::function<void()>;
inline const Pause kNoPause = [] {};

/// Names the numbers of a space's choices. @param columns  by name, a value for each number
PosteriorTable table_of(const SearchSpace& space, std::map<std::string, std::vector<double>> columns);

class SearchMethod {
 public:
  virtual ~SearchMethod() = default;

  /// One after another; `epochs` is what the user asked for.
  virtual std::vector<Phase> phases(std::int64_t epochs) const { return {{.epochs = epochs}}; }
  /// One step on two batches of equal size: `train` for the weights, `valid`, of other images, for the architecture
  /// (empty where the phase takes none).
  /// @return the score of `train` @throws DivergedError if a loss or gradient norm is not finite, naming the step
  virtual Score step(const Batch& train, const Batch& valid, const StepPlace& place) = 0;
  /// What a user should know before the first step.
  virtual std::vector<std::string> warnings() const { return {}; }
  /// After the last step of a phase: what a method does before the next one, or, after the last, before it names its
  /// cell. Begins anew if `pause` ended it.
  virtual void end_phase(std::size_t /*phase*/, const Pause& /*pause*/) {}
  /// Are the phases after the one that ended last not worth their while?
  virtual bool ends_early() const { return false; }
  /// What the last end_phase() measured; null where there is no such thing.
  virtual const Round* last_round() const { return nullptr; }
  /// The pass of end_phase() that needs the most memory, for plans: how many images it takes (0: there is none that
  /// needs more than a step or an evaluation), its name, and that pass on other images. After it the method is of no
  /// use.
  virtual std::int64_t finish_images() const { return 0; }
  virtual std::string finish_name() const { return "last pass"; }
  virtual void rehearse_finish(const Batch& /*images*/) {}
  /// The cell at present.
  virtual std::string derive() const = 0;
  /// The score of a batch by the search network as it is; count 0 where the method has none.
  virtual Score evaluate(const Batch& batch, const SeeLogits& see = {}) = 0;
  /// The network whose architecture Hessian warns of collapse; null where the method has none.
  virtual const SearchNetwork* relaxed() const { return nullptr; }
  /// The network of switches, pruned ones left out, whose tensors state() holds by their own names, so that others can
  /// build it again; null where the method has none.
  virtual const SearchNetwork* switched() const { return nullptr; }
  /// What there is to log after an epoch, beside scores and cell.
  virtual std::vector<Figure> figures() const = 0;
  /// What is known of the space's choices: "mean", "sigma", "probability". No rows where a method keeps nothing.
  virtual PosteriorTable posterior() const = 0;
  /// Of the cell at present, with what the method knows of it; none where it knows nothing that a picture shows.
  virtual std::vector<CellPicture> pictures() const { return {}; }
  /// The cells that it chose from, for methods that draw some.
  virtual std::vector<Candidate> candidates() const { return {}; }
  /// What several rules said of the network as it was trained, for a method that asks more than the one it goes by.
  virtual std::vector<Look> looks() const { return {}; }
  /// Images at a time in a step; 0: whole batches. @throws UsageError if the method cannot split a step
  virtual void set_micro_batch(std::int64_t images) = 0;

  /// All that a resumed search needs, networks included.
  virtual std::map<std::string, Tensor> state() const = 0;
  /// @throws CheckpointError if a tensor is missing or has another shape or dtype
  virtual void load(const std::map<std::string, Tensor>& state) = 0;
};

}  // namespace ockham::nas
