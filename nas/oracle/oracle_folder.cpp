#include "nas/oracle/oracle_folder.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/json_file.h"
#include "engine/npy.h"

namespace ockham::nas {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kRoles[] = {"w", "b", "gamma", "beta", "rm", "rv"};

}  // namespace

/// Turns the manifest into a checked program.
class OracleFolder::Reader {
 public:
  explicit Reader(OracleFolder& folder)
      : folder_(folder), file_((folder.path_ / "manifest.json").string()), manifest_(read_json(file_)) {}

  void read() {
    if (const auto format = get<std::int64_t>(manifest_, "format"); format != 1)
      refuse(concat("has format ", format, ", this program reads format 1"));
    folder_.switch_names_ = get<std::vector<std::string>>(manifest_, "alpha_names");
    folder_.shared_names_ = get<std::vector<std::string>>(manifest_, "shared_names");
    read_share();
    const auto files = get<Json>(manifest_, "files");
    for (const auto& [name, entry] : files.items())
      read_file(name, entry);
    for (const Json& entry : get<Json>(manifest_, "program"))
      read_node(entry);
    if (folder_.program_.empty())
      refuse("has an empty program");
  }

  [[noreturn]] void refuse(const std::string& rule) const {
    throw CheckpointError(concat("oracle: ", file_, " ", rule, "; unpack the folder again."));
  }

 private:
  template <class T>
  T get(const Json& object, const char* key) const {
    return value_of<T>(object, key, file_);
  }

  void read_share() {
    folder_.share_ = get<std::vector<std::int64_t>>(manifest_, "share");
    if (folder_.share_.size() != folder_.switch_names_.size())
      refuse(
          concat("maps ", folder_.share_.size(), " switches to shared ones but names ", folder_.switch_names_.size()));
    for (const std::int64_t shared : folder_.share_) {
      if (shared < 0 || shared >= static_cast<std::int64_t>(folder_.shared_names_.size()))
        refuse(concat("maps a switch to shared switch ", shared, " of ", folder_.shared_names_.size()));
    }
  }

  void read_file(const std::string& name, const Json& entry) {
    File file{.name = get<std::string>(entry, "file"),
              .shape = get<std::vector<std::int64_t>>(entry, "shape"),
              .dtype = get<std::string>(entry, "dtype")};
    if (std::filesystem::path(file.name).filename() != file.name)
      refuse(concat("keeps array ", name, " in '", file.name, "', which is no plain file name"));
    folder_.files_.emplace(name, std::move(file));
  }

  void read_node(const Json& entry) {
    OracleNode node;
    node.op = get<std::string>(entry, "op");
    node.name = get<std::string>(entry, "name");
    const std::size_t number = folder_.program_.size();
    if (!number_of_.emplace(get<std::int64_t>(entry, "id"), number).second)
      refuse(concat("has two nodes of the id of ", node.name));
    for (const auto id : get<std::vector<std::int64_t>>(entry, "in")) {
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
        node.parameters.emplace(role, get<std::string>(entry, role));
    }
    node.stride = value_of(entry, "stride", file_, node.stride);
    node.pad = value_of(entry, "pad", file_, node.pad);
    node.dilation = value_of(entry, "dil", file_, node.dilation);
    node.groups = value_of(entry, "groups", file_, node.groups);
    node.kernel = value_of(entry, "k", file_, node.kernel);
    node.eps = value_of(entry, "eps", file_, node.eps);
    if (node.op == "wsum")
      read_switches(entry, node);
    folder_.program_.push_back(std::move(node));
  }

  void read_switches(const Json& entry, OracleNode& node) {
    for (const auto& name : get<std::vector<std::string>>(entry, "alphas")) {
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
  const std::string file_;
  const Json manifest_;
  std::map<std::int64_t, std::size_t> number_of_;  // id -> place in the program
  std::set<std::string> used_;
};

OracleFolder::OracleFolder(const std::filesystem::path& folder) : path_(folder) {
  Reader(*this).read();
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
                                 file.dtype, Json(file.shape).dump(), " of the manifest; unpack the folder again."));
  return tensor;
}

}  // namespace ockham::nas
