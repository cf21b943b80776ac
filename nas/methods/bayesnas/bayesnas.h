#pragma once
// BayesNAS on every space whose network has switches (SearchSpace::make_switches).
//   A  weights only, plain loss
//   B  weights and switches on the loss plus lambda * sum of omega * ||w_group||
//   C  second derivatives of the loss for every switch on one batch
//   D  variances of all groups, E pruning; B to E may repeat with pruned switches frozen at zero
// E goes by the published rule, or by the evidence of the groups (nas/bayes/evidence/rules.h), for which C measures the
// gradient too, and of all switches together their matrix.
//
// Zhou, Yang, Wang, Pan 2019, arXiv:1905.04919; its use on spaces whose cells take one option of each choice is ours.
#include <array>

#include "autograd/optim/sgd.h"
#include "nas/bayes/evidence/rules.h"
#include "nas/bayes/posterior.h"
#include "nas/methods/bayesnas/rounds/judged.h"
#include "nas/methods/bayesnas/rounds/round.h"
#include "nas/methods/bayesnas/rule_looks.h"
#include "nas/methods/budget/budget.h"
#include "nas/methods/weight_training.h"

namespace ockham::nas {

/// As published, for the spaces of BayesNAS and DARTS.
struct BayesNasOptions {
  WeightOptions weights{.sgd = {.momentum = 0.9, .weight_decay = 1e-4}};
  SgdOptions switch_sgd{.momentum = 0.9};
  double switch_lr = 0.1;
  bool proximal = false;  ///< shrink groups after each step, in place of adding the penalty's gradient
  /// Epochs of A, a phase of its own on the weights' part of the images; rounds of B to E on the other part follow.
  std::int64_t warmup_epochs = 1;
  /// By a rule of evidence at most, unless there is a budget: they end when Verdict::per_image of a round is not above
  /// that of the round before. All are then measured on the same images; by the entropy rule each has its own.
  std::int64_t rounds = 1;
  std::optional<std::int64_t> round_epochs = {};  ///< of B in each round after the first; unset: as in the first
  /// In place of a phase of A: rounds are on the weights' part, and this part of all steps, in the first of them, is A.
  std::optional<double> warmup_steps = {};
  /// Training moves running statistics, by which held-out images are then normalised; else batches are by their own.
  bool keeps_statistics = true;
  std::int64_t refresh_batches = 0;  ///< that move running statistics before C, after fast training
  PosteriorOptions posterior = {};
  RuleOptions rule = {};
  Budget budget = {};  ///< that the last round prunes to; earlier rounds prune by lambda or the threshold as they are
  /// Times in the training, evenly, that all rules are asked of the network, on the images of C: see looks(). Of one
  /// round. Each takes a measurement of the matrix of all switches, and changes nothing.
  std::int64_t looks = 0;
  bool calibrates = false;  ///< laplace.hessian_scale is made the one that calibration.h suggests
  std::int64_t hessian_images = 64;
  HessianOptions hessian = {};
  BatchNormMode hessian_batch_norm = BatchNormMode::kRunning;
  std::int64_t check_entries = 0;  ///< of C, compared with central differences in float64
  std::uint64_t seed = 0;
  DType dtype = DType::kFloat32;
  Device device = {};

  /// For spaces whose cells take one option of each choice: proximal steps, one phase, batches' own statistics, taken
  /// as constants in C, and the paper's gate in place of the code's, as there are no origins.
  static BayesNasOptions for_single_options();
  /// What pruning goes by at that strictness: rules of evidence at as many times the lambdas, the entropy rule at as
  /// many times its threshold.
  BayesNasOptions at(double strictness) const;
};

/// @throws UsageError for the recursion with batch statistics, for which it has no rule, for a check of what cannot be
/// checked: C not exact, or with statistics frozen, and for a rule of evidence without what it judges by: derivatives
/// of the loss, and for the joint one algorithm R and one lambda; for --latency-batch without --max-latency
void require_usable(const BayesNasOptions& options);

class BayesNas : public SearchMethod {
 public:
  /// `space` must outlive it. @throws UsageError if it has no network of switches; as require_usable; for a budget
  /// where cells always take an option of each choice, so that pruning does not make them smaller
  BayesNas(const SearchSpace& space, const BayesNasOptions& options, ImageSource images);

  std::vector<Phase> phases(std::int64_t epochs) const override;
  /// weight_step in A and in rehearsals, where a large penalty would throw the switches far; else joint_step.
  Score step(const Batch& train, const Batch& valid, const StepPlace& place) override;
  /// Of a gradient step of the penalty that is longer than the switches' own size: they would jump about zero, where
  /// the variances see them large.
  std::vector<std::string> warnings() const override;
  /// C to E, unless the phase was A.
  void end_phase(std::size_t phase, const Pause& pause) override;
  bool ends_early() const override;
  const Round* last_round() const override { return round_ ? &*round_ : nullptr; }
  std::int64_t finish_images() const override { return options_.hessian_images; }
  std::string finish_name() const override { return "Hessian pass"; }
  /// With as many directions at once as the whole pass has; where memory is limited it makes do with one.
  void rehearse_finish(const Batch& images) override;

  /// A step of A. The switches keep their bits.
  /// @throws DivergedError if the loss or a gradient norm is not finite, naming the step; weights and switches are then
  /// as before (running statistics have seen the batch)
  Score weight_step(const Batch& batch, const StepPlace& place);
  /// A step of B. @throws DivergedError as weight_step
  Score joint_step(const Batch& batch, const StepPlace& place);
  /// A forward pass that only moves the running statistics.
  void refresh_statistics(const Batch& batch);
  /// C: fills the posterior's Hessians, and what a rule of evidence will judge by.
  HessianReport measure_curvature(const Batch& batch);
  /// D and E. @return how many groups were pruned
  /// @throws UsageError "lambda is too large" if nothing would be left of a cell
  int update_and_prune(int round);
  /// Between C and D: makes D and E of this round as strict as the budget asks.
  /// @return what was tried @throws UsageError if nothing fits
  const SparsityPath& meet_budget(int round, const Pause& pause = kNoPause);

  /// The cell of what is kept, where cells take any number of operations. Else the space's cell of the groups'
  /// strengths or what discrete ascent chose (Verdict::numbers); by the entropy rule of their own variances, kept ones
  /// before none before pruned ones; before the first round ended, of the norms of switches. In a space without none a
  /// choice whose switches are all pruned is made by the largest.
  std::string derive() const override;
  Score evaluate(const Batch& batch, const SeeLogits& see = {}) override;
  /// norm_mean, norm_min: of the groups' root mean squares; zeros: groups that are exactly zero.
  std::vector<Figure> figures() const override;
  /// Of every group: norm (root mean square of its switches), hessian (mean over copies), gamma, omega, variance (gamma
  /// behind its gate), entropy of that, pruned_round (0: kept), kept; by copy switch, hessian, covariance. By a rule of
  /// evidence also evidence_variance, strength, block (of an edge's own switch: the edge's strength), uninformed, and
  /// the strengths by each half of the images; and of the joint rule how groups are correlated. With a budget, its
  /// path.
  PosteriorTable posterior() const override;
  std::vector<CellPicture> pictures() const override;
  std::vector<Look> looks() const override;
  void set_micro_batch(std::int64_t images) override { micro_batch_ = images; }
  std::map<std::string, Tensor> state() const override;
  void load(const std::map<std::string, Tensor>& state) override;

  /// lambda * sum omega ||w|| at present.
  double penalty();
  const std::vector<SwitchGroup>& groups() const { return groups_; }  ///< in the order of SwitchNetwork::groups
  /// What a rule of evidence said last; null before the first time, and for the entropy rule.
  const Verdict* verdict() const { return judged_ ? &judged_->verdict : nullptr; }
  const SwitchNetwork& network() const { return net_; }
  const SearchNetwork* switched() const override { return &net_.owned.network; }

 private:
  bool is_warmup(const StepPlace& place) const;
  Variable loss_of(const Context& context, const Batch& batch, Tensor* logits = nullptr);
  Score split_step(const Batch& batch, const StepPlace& place);
  PartLoss part_loss(Tape& tape, const Batch& part);
  void clear_all_gradients();
  void add_penalty_gradient();
  void shrink_switches();
  void freeze_pruned();
  struct Measured;
  enum class Wanted { kDiagonal, kGradient, kMatrix };  ///< each with those before
  Measured measure(const Batch& batch, Wanted wanted);
  Wanted wanted_by_rule() const;
  /// Where one of the looks is due after a step.
  void look(const StepPlace& place);
  /// Of each half of the batch alone.
  std::array<std::vector<double>, 2> strengths_of_halves(const Batch& batch, int round);
  /// By the options at the strictness that the budget asks for, else as they are.
  BayesNasOptions pruning() const;
  std::vector<double> worth_now() const;
  void note_move(const std::vector<double>& before, int round, int pruned);
  Verdict verdict_of(const SwitchCurvature& curvature, int round, double hessian_scale) const;
  HessianCheck check_curvature(const Batch& batch);
  std::vector<double> mean_hessians() const;
  /// What pruning leaves, or has left, and by which numbers.
  struct Left {
    std::span<const SwitchGroup> groups;
    const Verdict* verdict;  ///< null by the entropy rule
    Measure measure;

    std::vector<double> kept_numbers() const;
    double number_of(std::size_t group, const SwitchPlaces& places) const;
  };
  Left left() const;
  std::optional<PathPoint> left_at(double strictness, int round, NetworkCosts& costs) const;
  std::string cell_of(const Left& left) const;
  bool meets_budget(int round) const;
  void time_found();
  std::vector<bool> taken() const;

  const SearchSpace& space_;
  BayesNasOptions options_;
  ImageSource images_;
  std::int64_t micro_batch_ = 0;
  SwitchNetwork net_;
  std::vector<SwitchGroup> groups_;
  std::optional<CellChoices> choices_;  // of the joint rule, where cells take a certain number of options
  SwitchCurvature curvature_;           // of the round that ends
  std::optional<Judged> judged_;
  std::optional<SparsityPath> path_;
  std::vector<MeasuredLook> looks_;
  std::vector<RoundEvidence> moves_;  // by a rule of evidence, of each round so far
  std::vector<Parameter*> switches_;
  WeightTraining weights_;
  Sgd switch_optimizer_;
  RepeatedStep repeated_;
  std::optional<Round> round_;
};

}  // namespace ockham::nas
