#pragma once
// All search methods and spaces by name: those of methods.def and spaces.def, and what a program adds.
#include "nas/methods/method_entry.h"

namespace ockham::nas {

const std::vector<MethodEntry>& methods();
const std::vector<SpaceEntry>& spaces();

template <class Entry>
std::vector<std::string> names_of(const std::vector<Entry>& entries) {
  std::vector<std::string> names;
  for (const Entry& entry : entries)
    names.push_back(entry.name);
  return names;
}

/// Behind the others, before a program asks for any: references to entries do not outlive it.
/// @throws std::logic_error if there is one of that name
void add_method(MethodEntry entry);
void add_space(SpaceEntry entry);

/// @throws UsageError naming those that there are
const MethodEntry& find_method(std::string_view name);
const SpaceEntry& find_space(std::string_view name);

}  // namespace ockham::nas
