#include "apps/runs/training/train_settings.h"

#include "apps/cli/options/settings.h"

namespace ockham::apps {
void describe(TrainSettings& s, SettingVisitor& v) {
  describe(s.run, v);
  describe(s.data, v);
  describe(s.network, v);
  describe(s.recipe, v);
}

void declare_train(OptionTable& table) {
  declare_settings<TrainSettings>(table);
  table.alias("recipe", "preset");
  table.preset("quick", {{"dataset", "shapes"},
                         {"train-size", "4000"},
                         {"test-size", "1000"},
                         {"channels", "8"},
                         {"cells", "5"},
                         {"epochs", "6"},
                         {"batch-size", "64"},
                         {"drop-path-prob", "0"},
                         {"cutout", "8"}});
  table.preset("small", {{"dataset", "cifar10"},
                         {"channels", "12"},
                         {"cells", "5"},
                         {"epochs", "8"},
                         {"batch-size", "64"},
                         {"drop-path-prob", "0"},
                         {"lr", "0.05"}});
  table.preset("paper",
               {{"dataset", "cifar10"}, {"channels", "36"}, {"cells", "20"}, {"epochs", "600"}, {"batch-size", "128"}});
  // Liu et al. 2019 (DARTS): the other published recipe of CIFAR-10.
  table.preset("darts", {{"dataset", "cifar10"},
                         {"channels", "36"},
                         {"cells", "20"},
                         {"epochs", "600"},
                         {"batch-size", "96"},
                         {"auxiliary", "true"}});
  // The training of every cell of the benchmark: Dong and Yang 2020, table 1.
  table.preset("nasbench201", {{"dataset", "cifar10"},
                               {"channels", "16"},
                               {"cells", "5"},
                               {"epochs", "200"},
                               {"batch-size", "256"},
                               {"lr", "0.1"},
                               {"nesterov", "true"},
                               {"weight-decay", "5e-4"},
                               {"drop-path-prob", "0"},
                               {"cutout", "0"}});
  // The mobile setting of ImageNet: Liu et al. 2019, section A.3.
  table.preset("imagenet-mobile", {{"dataset", "folder"},
                                   {"image-size", "224"},
                                   {"eval-resize", "256"},
                                   {"normalisation", "imagenet"},
                                   {"crop", "resized"},
                                   {"colour-jitter", "0.4"},
                                   {"cutout", "0"},
                                   {"channels", "48"},
                                   {"cells", "14"},
                                   {"stem", "imagenet"},
                                   {"auxiliary", "true"},
                                   {"epochs", "250"},
                                   {"batch-size", "128"},
                                   {"lr", "0.1"},
                                   {"schedule", "exponential"},
                                   {"lr-factor", "0.97"},
                                   {"weight-decay", "3e-5"},
                                   {"label-smoothing", "0.1"},
                                   {"drop-path-prob", "0"}});
  // Jordan 2024 (arXiv:2404.00498), for --model speed; rates are for 1024 images an update. The source's is 1.5; 2.5
  // tests better in short runs (nas/RESULTS.md).
  table.preset("fast", {{"dataset", "cifar10"},
                        {"epochs", "10"},
                        {"batch-size", "256"},
                        {"schedule", "one-cycle"},
                        {"lr", "2.5"},
                        {"lr-batch", "1024"},
                        {"lr-min", "0.08"},
                        {"momentum", "0.85"},
                        {"nesterov", "true"},
                        {"weight-decay", "0.0013"},
                        {"decay-norms", "off"},
                        {"bias-rate", "64"},
                        {"activation", "gelu"},
                        {"norm-scale", "off"},
                        {"label-smoothing", "0.2"},
                        {"drop-path-prob", "0"},
                        {"ema", "0.99"},
                        {"whiten", "true"},
                        {"pad", "2"},
                        {"flip", "alternating"},
                        {"cutout", "0"},
                        {"test-flips", "mirror"}});
}

}  // namespace ockham::apps
