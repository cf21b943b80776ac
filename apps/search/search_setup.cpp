#include "apps/search/search_setup.h"

#include "apps/search/search_catalog.h"
#include "nas/methods/bayesnas/settings.h"
#include "nas/spaces/cells/cell_settings.h"

namespace ockham::apps {

nas::SupernetSpec supernet_spec_of(const Options& options, const nas::FrameSpec& data_frame) {
  const std::unique_ptr<nas::SpaceSettings> settings = space_settings_of(options);
  return dynamic_cast<const nas::CellSettings&>(*settings).supernet(space_size_of(options, data_frame));
}

nas::BayesNasOptions bayesnas_options_of(const Options& options) {
  const std::unique_ptr<nas::MethodSettings> settings = method_settings_of(options);
  return dynamic_cast<const nas::BayesNasSettings&>(*settings).options(search_basics_of(options));
}

}  // namespace ockham::apps
