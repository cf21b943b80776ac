#include "nas/spaces/nasbench1shot1/switch_supernet.h"

namespace ockham::nas::nasbench1shot1 {

class SwitchSupernet::Switches : public Mixing {
 public:
  /// @param values  by their first number
  explicit Switches(std::map<std::size_t, Parameter*> values) : values_(std::move(values)) {}
  Variable sum(const Context& context, std::span<const Deferred> maps, std::size_t first) const override {
    return mixed_from(context, context.use(*values_.at(first)), maps, 0);
  }

 private:
  std::map<std::size_t, Parameter*> values_;
};

SwitchSupernet::SwitchSupernet(Space space, const NetworkSpec& spec, Initial& initial)
    : skeleton_(&add("", std::make_unique<Skeleton>(space, spec, initial, [&](std::int64_t in, std::int64_t channels) {
                       mixings_.push_back(std::make_unique<Switches>(add_switches(space, initial)));
                       return std::make_unique<MixedCell>(*mixings_.back(), space, in, channels, initial);
                     }))) {}

std::map<std::size_t, Parameter*> SwitchSupernet::add_switches(Space space, const Initial& initial) {
  std::map<std::size_t, Parameter*> values;
  const auto add_at = [&](std::size_t first, std::size_t count) {
    values[first] = &add_parameter(concat("switches.", mixings_.size(), '.', first),
                                   initial.constant({static_cast<std::int64_t>(count)}, 1.0), ParameterKind::kSwitch);
  };
  const std::size_t output = nodes_of(space) + 1;
  for (std::size_t v = 1; v < output; ++v) {
    add_at(operation_numbers(v), kOperations);
    if (const std::optional<std::size_t> parents = parent_numbers(space, v))
      add_at(*parents, v);
  }
  for (std::size_t part = 0; part < output; ++part)
    add_at(*parent_numbers(space, output) + part, 1);
  for (const auto& [first, parameter] : values)
    switches_.push_back(parameter);
  return values;
}

SwitchSupernet::~SwitchSupernet() = default;

}  // namespace ockham::nas::nasbench1shot1
