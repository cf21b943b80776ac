#include "nas/nasbench1shot1/switch_supernet.h"

namespace ockham::nas::nasbench1shot1 {

class SwitchSupernet::Switches : public Mixing {
 public:
  explicit Switches(Parameter& values) : values_(values) {}
  Variable sum(const Context& context, std::span<const Deferred> maps, std::size_t first) const override {
    return mixed_from(context, context.use(values_), maps, first);
  }

 private:
  Parameter& values_;
};

SwitchSupernet::SwitchSupernet(Space space, const NetworkSpec& spec, Initial& initial)
    : skeleton_(&add("", std::make_unique<Skeleton>(space, spec, initial, [&](std::int64_t in, std::int64_t channels) {
                       const auto count = static_cast<std::int64_t>(number_count(space));
                       Parameter& values = add_parameter(concat("switches.", switches_.size()),
                                                         initial.constant({count}, 1.0), ParameterKind::kSwitch);
                       switches_.push_back(&values);
                       mixings_.push_back(std::make_unique<Switches>(values));
                       return std::make_unique<MixedCell>(*mixings_.back(), space, in, channels, initial);
                     }))) {}

SwitchSupernet::~SwitchSupernet() = default;

}  // namespace ockham::nas::nasbench1shot1
