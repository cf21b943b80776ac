#include "apps/oracle_check/oracle_folder.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/json_file.h"
#include "engine/npy.h"

namespace ockham::apps {
namespace {

using json = nlohmann::ordered_json;

constexpr const char* kRoles[] = {"w", "b", "gamma", "beta", "rm", "rv"};

}  // namespace

/// Turns the manifest into a checked program. json::exception is the caller's to translate.
class OracleFolder::Reader {
 public:
  Reader(OracleFolder& folder, const json& manifest) : folder_(folder), manifest_(manifest) {}

  void read() {
    if (const auto format = manifest_.at("format").get<std::int64_t>(); format != 1)
      refuse(concat("has format ", format, ", this program reads format 1"));
    folder_.switch_names_ = manifest_.at("alpha_names").get<std::vector<std::string>>();
    folder_.shared_names_ = manifest_.at("shared_names").get<std::vector<std::string>>();
    read_share();
    for (const auto& [name, entry] : manifest_.at("files").items())
      read_file(name, entry);
    for (const json& entry : manifest_.at("program"))
      read_node(entry);
    if (folder_.program_.empty())
      refuse("has an empty program");
  }

  [[noreturn]] void refuse(const std::string& rule) const {
    throw CheckpointError(
        concat("oracle: ", (folder_.path_ / "manifest.json").string(), " ", rule, "; unpack the folder again."));
  }

 private:
  void read_share() {
    folder_.share_ = manifest_.at("share").get<std::vector<std::int64_t>>();
    if (folder_.share_.size() != folder_.switch_names_.size())
      refuse(
          concat("maps ", folder_.share_.size(), " switches to shared ones but names ", folder_.switch_names_.size()));
    for (const std::int64_t shared : folder_.share_) {
      if (shared < 0 || shared >= static_cast<std::int64_t>(folder_.shared_names_.size()))
        refuse(concat("maps a switch to shared switch ", shared, " of ", folder_.shared_names_.size()));
    }
  }

  void read_file(const std::string& name, const json& entry) {
    File file{.name = entry.at("file").get<std::string>(),
              .shape = entry.at("shape").get<std::vector<std::int64_t>>(),
              .dtype = entry.at("dtype").get<std::string>()};
    if (std::filesystem::path(file.name).filename() != file.name)
      refuse(concat("keeps array ", name, " in '", file.name, "', which is no plain file name"));
    folder_.files_.emplace(name, std::move(file));
  }

  void read_node(const json& entry) {
    OracleNode node;
    node.op = entry.at("op").get<std::string>();
    node.name = entry.at("name").get<std::string>();
    const std::size_t number = folder_.program_.size();
    if (!number_of_.emplace(entry.at("id").get<std::int64_t>(), number).second)
      refuse(concat("has two nodes of the id of ", node.name));
    for (const auto id : entry.at("in").get<std::vector<std::int64_t>>()) {
      const auto source = number_of_.find(id);
      if (source == number_of_.end() || source->second == number)
        refuse(concat("lets node ", node.name, " read node ", id, ", which does not come before it"));
      node.in.push_back(source->second);
    }
    if (node.in.empty() != (node.op == "input") || (number == 0) != (node.op == "input"))
      refuse(concat("has node ", node.name, " of op ", node.op, " with ", node.in.size(),
                    " inputs; the first node and no other is the input"));
    for (const char* role : kRoles) {
      if (entry.contains(role))
        node.parameters.emplace(role, entry.at(role).get<std::string>());
    }
    node.stride = entry.value("stride", node.stride);
    node.pad = entry.value("pad", node.pad);
    node.dilation = entry.value("dil", node.dilation);
    node.groups = entry.value("groups", node.groups);
    node.kernel = entry.value("k", node.kernel);
    node.eps = entry.value("eps", node.eps);
    if (node.op == "wsum")
      read_switches(entry, node);
    folder_.program_.push_back(std::move(node));
  }

  void read_switches(const json& entry, OracleNode& node) {
    for (const auto& name : entry.at("alphas").get<std::vector<std::string>>()) {
      const auto it = std::ranges::find(folder_.switch_names_, name);
      if (it == folder_.switch_names_.end())
        refuse(concat("uses switch ", name, " in ", node.name, " but does not name it"));
      if (!used_.insert(name).second)
        refuse(concat("uses switch ", name, " twice"));
      node.switches.push_back(it - folder_.switch_names_.begin());
    }
    if (node.switches.size() != node.in.size())
      refuse(concat("gives ", node.name, " ", node.switches.size(), " switches for ", node.in.size(), " inputs"));
  }

  OracleFolder& folder_;
  const json& manifest_;
  std::map<std::int64_t, std::size_t> number_of_;  // id -> place in the program
  std::set<std::string> used_;
};

OracleFolder::OracleFolder(const std::filesystem::path& folder) : path_(folder) {
  try {
    const json manifest = read_json(folder / "manifest.json");
    Reader(*this, manifest).read();
  } catch (const json::exception& e) {
    throw CheckpointError(concat("oracle: ", (folder / "manifest.json").string(), " is damaged: ", e.what(),
                                 "; unpack the folder again."));
  }
}

std::vector<std::string> OracleFolder::arrays(const std::string& prefix) const {
  std::vector<std::string> names;
  for (const auto& [name, file] : files_) {
    if (name.starts_with(prefix))
      names.push_back(name);
  }
  return names;
}

Tensor OracleFolder::array(const std::string& name) const {
  const auto it = files_.find(name);
  if (it == files_.end())
    throw CheckpointError(concat("oracle: ", path_.string(), " has no array ", name, "; unpack the folder again."));
  const File& file = it->second;
  Tensor tensor = load_npy(path_ / file.name);
  if (!std::ranges::equal(tensor.shape().sizes(), file.shape) || name_of(tensor.dtype()) != file.dtype)
    throw CheckpointError(concat("oracle: ", (path_ / file.name).string(), " holds ", tensor.spec(), ", not the ",
                                 file.dtype, json(file.shape).dump(), " of the manifest; unpack the folder again."));
  return tensor;
}

}  // namespace ockham::apps
