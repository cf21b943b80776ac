#pragma once
// What a comparison of methods can be told (method_comparison.h).
#include <string>
#include <vector>

#include "engine/settings.h"

namespace ockham::apps {

struct ComparisonSettings {
  std::string methods;  ///< "NAME,NAME,..."; empty: no comparison
  std::string seeds;    ///< "N,N,..."
  std::string method_settings;
};
void describe(ComparisonSettings& settings, SettingVisitor& visitor);

/// An entry of --method-settings METHOD.OPTION=VALUE;...
struct MethodSetting {
  std::string method;
  std::string option;
  std::string argument;  ///< "--name=value"
};
std::vector<MethodSetting> method_settings_of(const ComparisonSettings& settings);

}  // namespace ockham::apps
