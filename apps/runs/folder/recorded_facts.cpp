#include "apps/runs/folder/recorded_facts.h"

#include "apps/runs/inputs/datasets.h"
#include "data/error.h"
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

}  // namespace

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
  const auto refuse = [&](const std::string& why) {
    throw data::DataError(concat("--resume ", run, ": the data are not those of the run: ", why,
                                 "; restore them or name their folder with --data, or start a new run."));
  };
  try {
    const data::Splits splits = open_splits(data, seed);
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
