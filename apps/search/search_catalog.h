#pragma once
// The spaces and methods that ockham-search knows by name. A new one gets a row here and a folder or file in nas/.
#include "apps/cli/options.h"
#include "nas/methods/method.h"
#include "nas/network/frame.h"
#include "nas/spaces/nasbench201/table.h"

namespace ockham::apps {

struct SpaceEntry {
  std::string name;
  std::string summary;
};
const std::vector<SpaceEntry>& spaces();

struct MethodEntry {
  std::string name;
  std::string summary;
  std::function<std::unique_ptr<nas::SearchMethod>(const nas::SearchSpace&, const Options&, const nas::ImageSource&)>
      make;
  std::int64_t batches = 2;  ///< of --batch-size images, whose images a step learns from
  std::string sees = "a batch for the weights, another for the architecture";  ///< the same for people
};
const std::vector<MethodEntry>& methods();
/// @throws UsageError naming the methods that there are
const MethodEntry& find_method(const std::string& name);
std::vector<std::string> method_names();
std::vector<std::string> space_names();

/// Is it BayesNAS in a space of its own, whose run has phases (search_run.h)?
bool has_own_run(const std::string& method, const std::string& space);
bool has_own_run(const Options& options);

/// The options of the methods that search by logits, gates or draws.
void declare_methods(OptionTable& table);

/// @throws UsageError for a --table of another space, or --rank-cells without one
void require_usable_table(const Options& options);

/// Classes, channels and size of the images as in `data`. @throws UsageError for images whose maps the space cannot
/// halve
std::unique_ptr<nas::SearchSpace> make_space(const Options& options, const nas::FrameSpec& data);

/// --lr and --weight-decay, or what the method was published with.
double search_lr_of(const Options& options);
double search_weight_decay_of(const Options& options);

}  // namespace ockham::apps
