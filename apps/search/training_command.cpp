#include "apps/search/training_command.h"

#include "apps/cli/text/format.h"
#include "engine/error.h"

namespace ockham::apps {

std::string training_command(const Options& options, const std::filesystem::path& folder) {
  const std::string& preset = options.text("preset");
  std::string command =
      concat("apps/run train --genotype ", shell_quoted((folder / "genotype.json").string()), " --preset ",
             preset == "nasbench201" ? "quick" : preset, " --dataset ", options.text("dataset"));
  if (options.is_set("data"))
    command += " --data " + shell_quoted(options.text("data"));
  if (options.count("image-size") > 0)
    command += concat(" --image-size ", options.count("image-size"));
  return command;
}

}  // namespace ockham::apps
