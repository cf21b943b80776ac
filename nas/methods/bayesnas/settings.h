#pragma once
// What can be chosen about BayesNAS. In spaces that keep any number of operations it has rounds after a warm-up, as
// published; in others one round (BayesNasOptions::for_single_options).
#include "nas/methods/bayesnas/bayesnas.h"
#include "nas/methods/shared_settings.h"

namespace ockham::nas {

/// As options and results name them.
inline const std::vector<Named<Rule>> kRules{
    {"entropy", Rule::kEntropy}, {"evidence", Rule::kEvidence}, {"joint-evidence", Rule::kJointEvidence}};

class BayesNasSettings : public MethodSettings {
 public:
  explicit BayesNasSettings(const SpaceEntry& space);

  void describe(SettingVisitor& visitor) override;
  void require_usable() const override;
  std::unique_ptr<SearchMethod> make(const SearchSpace& space, const SearchBasics& basics,
                                     const ImageSource& images) const override;

 private:
  BayesNasOptions options(const SearchBasics& basics) const;
  void describe_rounds(SettingVisitor& visitor);
  void describe_curvature(SettingVisitor& visitor);

  bool has_rounds_;
  WeightSettings weights_;
  BayesNasOptions options_;
  std::optional<double> lambda_origin_;
  std::string gate_;                           // empty: the space's
  std::optional<double> hessian_scale_ = 1.0;  // unset: that of calibration.h
};

}  // namespace ockham::nas
