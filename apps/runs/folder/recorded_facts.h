#pragma once
// What a run records of its data in run.json, and that a resumed run goes on with these data or not at all.
#include <nlohmann/json.hpp>

#include "apps/runs/settings.h"
#include "data/subset.h"

namespace ockham::apps {

/// Name, classes, image shape, normalisation, and of each part that is there size and digest, how much was left out,
/// for "data" in run.json. Costs a pass over the pixels.
nlohmann::ordered_json data_facts(const data::Splits& splits);

/// Mean and deviation for "normalisation" in the facts of data and in a checkpoint's network: as many numbers as there
/// are channels, each as people write it (0.498).
nlohmann::ordered_json facts_of(const data::Normalisation& normalisation, std::int64_t channels);

/// "normalisation" in `holder`; nothing where there is none.
/// @throws CheckpointError naming `where` where it is not of so many channels, or impossible
std::optional<data::Normalisation> recorded_normalisation(const nlohmann::ordered_json& holder, std::int64_t channels,
                                                          const std::string& where);

/// As the data in run.json were normalised: as they say, else by the constants of their name; nothing for null.
/// @throws CheckpointError if the record is damaged
std::optional<data::Normalisation> normalisation_of_run(const nlohmann::ordered_json& data);

/// The data of a run: open_splits(), which in a resumed run must be what it recorded (if it came so far).
/// @throws as open_splits(), data::DataError for other images, naming what differs and both digests, CheckpointError if
/// the record is damaged
data::Splits open_recorded_splits(const DataSettings& data, const RunSettings& run);

/// How one part of the data differs: "test data: recorded are ...; found are ..."; empty if it does not.
/// @param recorded, found as data_facts() gives them @param part "train", "valid" or "test"
/// @throws CheckpointError if `recorded` is damaged
std::string difference_of(const std::string& part, const nlohmann::ordered_json& recorded,
                          const nlohmann::ordered_json& found);

}  // namespace ockham::apps
