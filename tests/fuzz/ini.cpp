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
  // Options refuse values with carriage returns, as of a line that ends with two.
  std::erase_if(entries, [](const apps::IniEntry& entry) { return entry.value.find('\r') != std::string::npos; });
  std::string text;
  for (const apps::IniEntry& entry : entries)
    text += "name = " + apps::ini_value(entry.value) + "\n";
  const std::vector<apps::IniEntry> again = apps::read_ini(folder.write("again.ini", fuzz::bytes_of(text)));
  fuzz::require(again.size() == entries.size(), "as many entries");
  for (std::size_t i = 0; i < entries.size(); ++i)
    fuzz::require(again[i].value == entries[i].value, "the same values");
}
