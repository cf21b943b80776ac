#pragma once
// What ockham-train can be told, and ockham-compare for each of its trainings.
#include "apps/runs/recipe/network_settings.h"
#include "apps/runs/recipe/recipe_settings.h"
#include "apps/runs/settings.h"

namespace ockham::apps {

struct TrainSettings {
  RunSettings run{.save_every = 200};
  DataSettings data;
  NetworkSettings network;
  RecipeSettings recipe;
};
void describe(TrainSettings& settings, SettingVisitor& visitor);

/// Those and the presets.
void declare_train(OptionTable& table);

}  // namespace ockham::apps
