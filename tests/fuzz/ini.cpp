// Any configuration file is entries or a UsageError, and what ini_value() writes is read back.
#include "apps/cli/options/ini.h"

#include "engine/error.h"
#include "tests/fuzz/target.h"

using namespace ockham;

OCKHAM_FUZZ_TARGET(ini) {
  static const fuzz::Folder folder;
  std::vector<apps::IniEntry> entries;
  try {
    entries = apps::read_ini(folder.write("config.ini", bytes));
  } catch (const UsageError&) {
    return;
  }
  for (const apps::IniEntry& entry : entries) {
    const std::string line = "name = " + apps::ini_value(entry.value) + "\n";
    const auto* begin = reinterpret_cast<const std::uint8_t*>(line.data());
    const std::vector<apps::IniEntry> again = apps::read_ini(folder.write("again.ini", {begin, line.size()}));
    fuzz::require(again.size() == 1 && again[0].value == entry.value, "values are read back");
  }
}
