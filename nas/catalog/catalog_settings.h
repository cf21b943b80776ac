#pragma once
// What all methods and spaces of the catalogue can be told, as one struct of settings (engine/settings.h).
#include "nas/catalog/catalog.h"

namespace ockham::nas {

class CatalogSettings {
 public:
  CatalogSettings();

  const SpaceSettings& of(std::string_view space) const;
  const MethodSettings& of(std::string_view method, std::string_view space) const;
  friend void describe(CatalogSettings& settings, SettingVisitor& visitor);

 private:
  std::vector<std::shared_ptr<SpaceSettings>> spaces_;
  std::vector<std::shared_ptr<MethodSettings>> methods_;  ///< all spaces of the first method, then of the next
};

}  // namespace ockham::nas
