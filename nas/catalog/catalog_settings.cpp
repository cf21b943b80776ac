#include "nas/catalog/catalog_settings.h"

namespace ockham::nas {
namespace {

std::size_t number_of(const SpaceEntry& space) {
  return static_cast<std::size_t>(&space - spaces().data());
}

}  // namespace

CatalogSettings::CatalogSettings() {
  for (const SpaceEntry& space : spaces())
    spaces_.push_back(space.settings());
  for (const MethodEntry& method : methods()) {
    for (const SpaceEntry& space : spaces())
      methods_.push_back(method.settings(space));
  }
}

const SpaceSettings& CatalogSettings::of(std::string_view space) const {
  return *spaces_.at(number_of(find_space(space)));
}

const MethodSettings& CatalogSettings::of(std::string_view method, std::string_view space) const {
  const auto number = static_cast<std::size_t>(&find_method(method) - methods().data());
  return *methods_.at(number * spaces_.size() + number_of(find_space(space)));
}

void describe(CatalogSettings& settings, SettingVisitor& visitor) {
  for (const auto& space : settings.spaces_)
    space->describe(visitor);
  for (const auto& method : settings.methods_)
    method->describe(visitor);
}

}  // namespace ockham::nas
