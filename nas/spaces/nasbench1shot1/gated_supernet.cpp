#include "nas/spaces/nasbench1shot1/gated_supernet.h"

namespace ockham::nas::nasbench1shot1 {
namespace {

std::vector<std::int64_t> choice_of_numbers(Space space) {
  std::vector<std::int64_t> result(number_count(space));
  std::int64_t choice = 0;
  const auto mark = [&](std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i)
      result[i] = choice;
    ++choice;
  };
  for (std::size_t v = 1; v <= nodes_of(space) + 1; ++v) {
    if (v <= nodes_of(space))
      mark(operation_numbers(v), kOperations);
    if (const std::optional<std::size_t> parents = parent_numbers(space, v))
      mark(*parents, v);
  }
  return result;
}

/// Of the operation with that number in all cells; a parent has none.
std::vector<Parameter*> kernels_of_number(Module& network, Space space, std::int64_t number) {
  const auto i = static_cast<std::size_t>(number);
  if (i >= nodes_of(space) * kOperations)
    return {};
  return kernels_of(network, concat(".operations.", i / kOperations + 1, '.', i % kOperations, '.'));
}

}  // namespace

class GatedSupernet::Gates : public Mixing {
 public:
  explicit Gates(const OptionGates& gates) : gates_(gates) {}
  Variable sum(const Context& context, std::span<const Deferred> maps, std::size_t first) const override {
    std::vector<Deferred> taken;
    std::vector<std::int64_t> numbers;
    for (std::size_t k = 0; k < maps.size(); ++k) {
      const auto number = static_cast<std::int64_t>(first + k);
      if (!gates_.takes(context, number))
        continue;
      taken.push_back(maps[k]);
      numbers.push_back(number);
    }
    return taken.empty() ? Variable(Tensor::zeros(maps[0].z.shape(), maps[0].z.dtype()))
                         : gates_.sum(context, taken, numbers);
  }

 private:
  const OptionGates& gates_;
};

GatedSupernet::GatedSupernet(Space space, const NetworkSpec& spec, const GateOptions& options, Initial& initial)
    : gates_(&add("", std::make_unique<OptionGates>(choice_of_numbers(space), options, true, initial))),
      mixing_(std::make_unique<Gates>(*gates_)),
      skeleton_(&add("", std::make_unique<Skeleton>(space, spec, initial,
                                                    [&](std::int64_t in, std::int64_t channels) {
                                                      return std::make_unique<MixedCell>(*mixing_, space, in, channels,
                                                                                         initial);
                                                    }))),
      groups_(gates_->groups([&](std::int64_t number) { return kernels_of_number(*this, space, number); }, 0.0)) {}

GatedSupernet::~GatedSupernet() = default;

}  // namespace ockham::nas::nasbench1shot1
