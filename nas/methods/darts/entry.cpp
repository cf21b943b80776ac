#include "nas/methods/darts/darts.h"
#include "nas/methods/shared_settings.h"

namespace ockham::nas {
namespace {

class DartsSettings : public MethodSettings {
 public:
  void describe(SettingVisitor& visitor) override {
    relaxed_.describe(visitor);
    visitor.real("arch-weight-decay", options_.adam.weight_decay, "weight decay of the logits (darts)");
    visitor.choice("darts-order", options_.is_second_order, {{"1", false}, {"2", true}},
                   "architecture gradient at the weights as they are, or unrolled");
  }
  std::unique_ptr<SearchMethod> make(const SearchSpace& space, const SearchBasics& basics,
                                     const ImageSource&) const override {
    DartsOptions options = options_;
    options.relaxed = relaxed_.options(basics);
    return std::make_unique<Darts>(space, options);
  }

 private:
  RelaxedSettings relaxed_;
  DartsOptions options_;
};

}  // namespace

std::vector<MethodEntry> darts_methods() {
  return {{.name = "darts",
           .summary = "Adam on softmax logits",
           .settings = default_settings<DartsSettings>,
           .has_logits = true}};
}

}  // namespace ockham::nas
