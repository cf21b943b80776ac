#include "apps/runs/settings.h"

#include "data/registry.h"
#include "engine/backend.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

/// A device that this build lacks is a DeviceError from here on, so that no work is done first.
std::string device_complaint(const std::string& text) {
  try {
    Device::parse(text);
  } catch (const UsageError& e) {
    return std::string("is no device (") + e.what() + ")";
  }
  return "";
}

void describe_place(std::int64_t& threads, std::string& device, SettingVisitor& v) {
  v.role(SettingRole::kChangeable);
  v.count("threads", threads, "threads; changes no result; 0: one a processor, within the container's quota",
          {.max = 1024});
  v.text("device", device, "where to compute: auto, cpu, cuda or cuda:I", "DEVICE", device_complaint);
}

void describe_new_folder(NewFolderSettings& s, SettingVisitor& v, std::string_view help) {
  v.group("Run folder");
  v.role(SettingRole::kPresentation);
  v.text("out", s.out, help, "DIR");
  v.flag("overwrite", s.overwrite, "replace the run that --out already holds");
}

}  // namespace

Device chosen_device(const DeviceSettings& settings) {
  return Device::parse(settings.device);
}

std::string text_of(Device device) {
  return device.is_cpu() ? concat(device) : concat(device, ", ", backend_of(device).description(device.index));
}

void require_cpu(const DeviceSettings& settings) {
  if (settings.device != "auto" && !chosen_device(settings).is_cpu())
    throw UsageError(concat("--device ", settings.device, ": this program computes on the CPU; use --device cpu."));
}

TensorForm maps_of(const DeviceSettings& settings) {
  return {precision_of(settings).maps, chosen_device(settings)};
}

TensorForm wide_maps_of(const DeviceSettings& settings) {
  return {precision_of(settings).weights, chosen_device(settings)};
}

void describe(GeneralSettings& s, SettingVisitor& v) {
  v.group("General");
  v.role(SettingRole::kPresentation);
  v.flag("help", s.help, "print this text and exit");
  v.flag("version", s.version, "print the version and exit");
  v.text("config", s.config, "read options from this ini file", "FILE");
  v.flag("print-config", s.print_config, "print the options in force as an ini file for --config and exit");
  v.flag("json", s.json, "end standard output with one line of JSON holding the results");
  v.flag("quiet", s.quiet, "print no progress, only results and errors");
}

void describe(PlaceSettings& s, SettingVisitor& v) {
  v.group("Computing");
  describe_place(s.threads, s.device, v);
}

void describe(DeviceSettings& s, SettingVisitor& v, const std::vector<Named<NumberFormat>>& formats) {
  v.group("Computing");
  v.choice("precision", s.precision, formats,
           "number format of the computation; bf16: of feature maps, the rest fp32; tf32: fp32, wide products on a "
           "GPU's tensor cores");
  v.flag(
      "precise", s.precise,
      "fp32 convolutions by sums as written, none by Winograd's method, which is faster and about a digit less exact");
  describe_place(s.threads, s.device, v);
  v.size("memory-limit", s.memory_limit,
         "most memory for tensors: steps take fewer images at a time to keep to it, or the run is refused");
}

void describe(ComputeSettings& s, SettingVisitor& v, const std::vector<Named<NumberFormat>>& formats) {
  v.group("Computing");
  v.count("seed", s.seed, "the start of all random numbers; the same seed gives the same bytes");
  describe(static_cast<DeviceSettings&>(s), v, formats);
}

void describe(NewFolderSettings& s, SettingVisitor& v) {
  describe_new_folder(s, v, "folder to create for report.html and the facts behind it; none by default");
}

void describe(FolderSettings& s, SettingVisitor& v) {
  describe_new_folder(s, v, "folder to create for the results [runs/APP-DATE-TIME-SEED]");
  v.text("resume", s.resume, "continue the stopped run in this folder", "DIR");
  v.flag("dry-run", s.dry_run, "print the plan (parameters, memory, time), write nothing and exit");
}

void describe_profile(bool& profile, SettingVisitor& v) {
  v.role(SettingRole::kPresentation);
  v.flag("profile", profile, "print afterwards on stderr where the time went, op by op");
}

void describe(RunSettings& s, SettingVisitor& v) {
  describe(s.compute, v);
  describe_profile(s.profile, v);
  describe(s.folder, v);
  v.role(SettingRole::kWork);
  v.count("save-every", s.save_every, "steps between checkpoints, besides those of epochs; 0 for none by steps",
          {.max = 1'000'000});
  v.role(SettingRole::kChangeable);
  v.count("save-every-epochs", s.save_every_epochs,
          "epochs between the checkpoints that epochs end with; the last epoch always does",
          {.min = 1, .max = 1'000'000});
  v.real("save-every-minutes", s.save_every_minutes, "minutes between checkpoints, besides; 0 for none by the clock");
  v.count("keep-every", s.keep_every,
          "keep the checkpoint of every so many epochs, as epoch-N; 0 for the last and best", {.max = 1'000'000});
  v.flag("tensorboard", s.tensorboard, "write the curves of metrics.jsonl as TensorBoard events beside it too");
  v.choice("graph", s.graph, {{"on", true}, {"off", false}},
           "on a device: record a step once and do it again, or launch every piece anew; changes no result");
  v.role(SettingRole::kWork);
}

void describe(DatasetSettings& s, SettingVisitor& v) {
  v.group("Data");
  v.choice("dataset", s.dataset, {data::kDatasetNames.begin(), data::kDatasetNames.end()},
           "images to use; shapes is drawn by the program and needs no files");
  v.count("image-size", s.image_size, "height and width that images are brought to; 0 for their own", {.max = 1024});
  v.count("eval-resize", s.eval_resize,
          "side that validation and test images are brought to before the middle of --image-size is cut; 0: that size",
          {.max = 1024});
  v.choice(
      "on-bad-image", s.on_bad_image, {"fail", "skip"},
      "pictures of a folder that cannot be read: end with code 5, or leave them out (reads all once at the start)");
  v.count("image-channels", s.image_channels, "channels of the images of records, which have --image-size",
          {.min = 1, .max = 3});
  v.count("classes", s.classes, "classes of records; 0: as many as their classes.txt has", {.max = 256});
  v.count("label-bytes", s.label_bytes, "bytes before the pixels of a record; the last is the class",
          {.min = 1, .max = 2});
  v.role(SettingRole::kChangeable);
  v.text("data", s.folder, "folder with the official files or archive contents, pictures or records", "DIR");
  v.role(SettingRole::kWork);
}

void describe(DataSettings& s, SettingVisitor& v) {
  describe(s.images, v);
  v.count("train-size", s.train_size, "use this many training images, the first of a seeded shuffle; 0 for all");
  v.count(
      "valid-size", s.valid_size,
      "set this many training images apart for validation; of a folder with val/ and test/, use this many of val/, 0 "
      "for all");
  v.count("test-size", s.test_size, "use this many test images; 0 for all");
  v.choice("normalisation", s.normalisation,
           {{"own", NormaliseBy::kOwn}, {"imagenet", NormaliseBy::kImageNet}, {"none", NormaliseBy::kNone}},
           "mean and deviation that images are normalised by: the data set's (of folder and records measured), "
           "ImageNet's, or 0 and 1, so that pixels are 0 to 1");
}

}  // namespace ockham::apps
