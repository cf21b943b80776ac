#include "nas/models/model.h"

#include "engine/error.h"

namespace ockham::nas {

#define NAME(file) std::vector<ModelEntry> file##_models();
#include "nas/models/models.def"
#undef NAME

const std::vector<ModelEntry>& models() {
  static const std::vector<ModelEntry> all = [] {
    std::vector<ModelEntry> entries;
    for (const std::vector<ModelEntry>& file : {
#define NAME(file) file##_models(),
#include "nas/models/models.def"
#undef NAME
         })
      entries.insert(entries.end(), file.begin(), file.end());
    return entries;
  }();
  return all;
}

const ModelEntry& find_model(std::string_view name) {
  std::string names;
  for (const ModelEntry& entry : models()) {
    if (entry.name == name)
      return entry;
    names += concat(names.empty() ? "" : ", ", entry.name);
  }
  throw UsageError(concat("model '", name, "' is unknown; there are ", names, "."));
}

std::unique_ptr<Classifier> make_model(const ModelSpec& s, Initial& initial) {
  const ModelEntry& entry = find_model(s.name);
  if (s.classes < 2 || s.image_channels < 1 || s.image_size < 1 || s.depth < 1 || s.widening < 0 || s.width < 1)
    throw UsageError(concat(s.name, ": classes ", s.classes, ", image channels ", s.image_channels, ", image size ",
                            s.image_size, ", depth ", s.depth, ", widening ", s.widening, ", width ", s.width,
                            "; classes must be at least 2, the widening not negative and all others positive."));
  return entry.make(s, initial);
}

}  // namespace ockham::nas
