#include "nas/catalog/catalog.h"

#include <algorithm>
#include <stdexcept>

#include "engine/error.h"

namespace ockham::nas {

#define NAME(folder) std::vector<MethodEntry> folder##_methods();
#include "nas/catalog/methods.def"
#undef NAME
#define NAME(folder) std::vector<SpaceEntry> folder##_spaces();
#include "nas/catalog/spaces.def"
#undef NAME

namespace {

template <class Entry>
std::vector<Entry> entries_of(const std::vector<std::vector<Entry>>& folders) {
  std::vector<Entry> all;
  for (const std::vector<Entry>& folder : folders)
    all.insert(all.end(), folder.begin(), folder.end());
  return all;
}

std::vector<MethodEntry>& all_methods() {
  static std::vector<MethodEntry> entries = entries_of<MethodEntry>({
#define NAME(folder) folder##_methods(),
#include "nas/catalog/methods.def"
#undef NAME
  });
  return entries;
}

std::vector<SpaceEntry>& all_spaces() {
  static std::vector<SpaceEntry> entries = entries_of<SpaceEntry>({
#define NAME(folder) folder##_spaces(),
#include "nas/catalog/spaces.def"
#undef NAME
  });
  return entries;
}

template <class Entry>
void add_to(std::vector<Entry>& entries, Entry entry) {
  if (std::ranges::count(entries, entry.name, &Entry::name) > 0)
    throw std::logic_error("catalog: '" + entry.name + "' is there already");
  entries.push_back(std::move(entry));
}

template <class Entry>
const Entry& find_in(const std::vector<Entry>& entries, std::string_view kind, std::string_view name) {
  std::string names;
  for (const Entry& entry : entries) {
    if (entry.name == name)
      return entry;
    names += (names.empty() ? "" : ", ") + entry.name;
  }
  throw UsageError(concat(kind, " '", name, "' is unknown; there are ", names, "."));
}

}  // namespace

const std::vector<MethodEntry>& methods() {
  return all_methods();
}

const std::vector<SpaceEntry>& spaces() {
  return all_spaces();
}

void add_method(MethodEntry entry) {
  add_to(all_methods(), std::move(entry));
}

void add_space(SpaceEntry entry) {
  add_to(all_spaces(), std::move(entry));
}

const MethodEntry& find_method(std::string_view name) {
  return find_in(methods(), "method", name);
}

const SpaceEntry& find_space(std::string_view name) {
  return find_in(spaces(), "space", name);
}

}  // namespace ockham::nas
