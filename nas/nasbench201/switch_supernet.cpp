#include "nas/nasbench201/switch_supernet.h"

namespace ockham::nas::nasbench201 {

class SwitchSupernet::Switches : public Mixing {
 public:
  explicit Switches(Parameter& values) : values_(values) {}
  Variable node(const Context& context, std::span<const Deferred> maps,
                const std::vector<Branch>& branches) const override {
    return mixed(context, context.use(values_), maps, branches);
  }

 private:
  Parameter& values_;
};

SwitchSupernet::SwitchSupernet(const NetworkSpec& spec, Initial& initial)
    : skeleton_(&add(
          "", std::make_unique<Skeleton>(spec, initial, [&](std::int64_t channels) {
            Parameter& values = add_parameter(concat("switches.", switches_.size()),
                                              Tensor::full({kAlphas}, 1.0, initial.dtype), ParameterKind::kSwitch);
            switches_.push_back(&values);
            mixings_.push_back(std::make_unique<Switches>(values));
            return std::make_unique<MixedCell>(
                *mixings_.back(),
                MixedCellOptions{.channels = channels, .is_affine = spec.is_affine, .normalises_all = true}, initial);
          }))) {}

SwitchSupernet::~SwitchSupernet() = default;

}  // namespace ockham::nas::nasbench201
