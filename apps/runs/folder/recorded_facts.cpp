#include "apps/runs/folder/recorded_facts.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "apps/runs/inputs/datasets.h"
#include "data/error.h"
#include "data/normalisation.h"
#include "engine/json_file.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kName = "run.json: data";

std::string described(const Json& facts, const std::string& part) {
  const auto of_part = value_of<Json>(facts, part, kName, nullptr);
  if (of_part.is_null())
    return "none";
  return concat(value_of<std::int64_t>(of_part, "images", kName), " images of ",
                value_of<std::string>(facts, "name", kName), ", ", value_of<Json>(facts, "shape", kName).dump(), ", ",
                value_of<std::int64_t>(facts, "classes", kName), " classes, SHA-256 ",
                value_of<std::string>(of_part, "digest", kName));
}

/// "data" in the run.json of the run to resume; null in a new run, and where it was stopped before it had opened them.
Json recorded_data(const std::string& run) {
  const std::filesystem::path path = std::filesystem::path(run) / "run.json";
  return run.empty() || !std::filesystem::exists(path)
             ? Json(nullptr)
             : value_of<Json>(read_json(path), "data", path.string(), nullptr);
}

/// The number that people write for a float: 0.498, not 0.49799999594688416.
double shortest(float value) {
  std::array<char, 32> text{};
  const char* end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  double result = 0.0;
  std::from_chars(text.data(), end, result);
  return result;
}

}  // namespace

Json facts_of(const data::Normalisation& normalisation, std::int64_t channels) {
  Json facts{{"mean", Json::array()}, {"std", Json::array()}};
  for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
    facts["mean"].push_back(shortest(normalisation.mean.at(c)));
    facts["std"].push_back(shortest(normalisation.std.at(c)));
  }
  return facts;
}

std::optional<data::Normalisation> recorded_normalisation(const Json& holder, std::int64_t channels,
                                                          const std::string& where) {
  const auto facts = value_of<Json>(holder, "normalisation", where, nullptr);
  if (facts.is_null())
    return std::nullopt;
  const std::string name = where + ": normalisation";
  const auto means = value_of<std::vector<double>>(facts, "mean", name);
  const auto stds = value_of<std::vector<double>>(facts, "std", name);
  data::Normalisation result;
  if (means.size() > result.mean.size() || std::ssize(means) != channels || std::ssize(stds) != channels)
    throw CheckpointError(
        concat(name, " has ", means.size(), " means and ", stds.size(), " deviations for ", channels,
               " channels; there is one of each a channel, and 3 channels at most. The file is damaged."));
  for (std::size_t c = 0; c < means.size(); ++c) {
    if (!(std::abs(means[c]) <= 1.0 && stds[c] > 1e-6 && stds[c] <= 1.0))
      throw CheckpointError(concat(name, " of channel ", c, " has mean ", means[c], " and deviation ", stds[c],
                                   "; both are within 1, the latter above 0. The file is damaged."));
    result.mean[c] = static_cast<float>(means[c]);
    result.std[c] = static_cast<float>(stds[c]);
  }
  return result;
}

std::optional<data::Normalisation> normalisation_of_run(const Json& data) {
  if (data.is_null())
    return std::nullopt;
  const auto shape = value_of<std::array<std::int64_t, 3>>(data, "shape", kName);
  if (const auto recorded = recorded_normalisation(data, shape[0], kName))
    return recorded;
  const auto name = value_of<std::string>(data, "name", kName);
  if (std::ranges::count(data::kDatasetNames, name) == 0)
    throw CheckpointError(concat(kName, " names the data set '", name.substr(0, 40),
                                 "', but there is none of that name. The file is damaged."));
  return data::normalisation_of(name);
}

Json data_facts(const data::Splits& splits) {
  Json facts = Json::object();
  for (const auto& [part, dataset] :
       {std::pair{"train", splits.train}, {"valid", splits.valid}, {"test", splits.test}}) {
    if (!dataset)
      continue;
    const data::ImageShape& shape = dataset->shape();
    facts.update({{"name", dataset->name()},
                  {"classes", dataset->classes()},
                  {"shape", {shape.channels, shape.height, shape.width}},
                  {"normalisation", facts_of(dataset->normalisation(), shape.channels)},
                  {part, {{"images", dataset->size()}, {"digest", dataset->digest()}}}});
  }
  const data::LeftOut& left_out = splits.left_out;
  if (!left_out.files.empty() || !left_out.bad_images.empty())
    facts["left_out"] = {{"files", left_out.files.size()}, {"bad_images", left_out.bad_images.size()}};
  return facts;
}

std::string difference_of(const std::string& part, const Json& recorded, const Json& found) {
  const std::string then = described(recorded, part);
  const std::string now = described(found, part);
  return then == now ? "" : concat(part, " data: recorded are ", then, "; found are ", now);
}

data::Splits open_recorded_splits(const DataSettings& data, const RunSettings& settings) {
  const std::string& run = settings.folder.resume;
  const auto seed = static_cast<std::uint64_t>(settings.compute.seed);
  const Json recorded = recorded_data(run);
  if (recorded.is_null())
    return open_splits(data, seed);
  const std::optional<data::Normalisation> normalisation = normalisation_of_run(recorded);
  const auto refuse = [&](const std::string& why) {
    throw data::DataError(concat("--resume ", run, ": the data are not those of the run: ", why,
                                 "; restore them or name their folder with --data, or start a new run."));
  };
  try {
    const data::Splits splits = open_splits(data, seed, normalisation);
    const Json found = data_facts(splits);
    for (const char* part : {"train", "valid", "test"}) {
      if (const std::string difference = difference_of(part, recorded, found); !difference.empty())
        refuse(difference);
    }
    return splits;
  } catch (const UsageError& e) {  // the options are those of the run: there are fewer images than there were
    refuse(concat("recorded are ", described(recorded, "train"), "; but ", e.what()));
    throw;
  }
}

}  // namespace ockham::apps
