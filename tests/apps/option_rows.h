#pragma once
// What each option of each program does, a row each: option_coverage_test.cpp runs them all, and fails for an option
// that is declared and has no row. A new option gets its row here.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace ockham::test {

/// The program is run with `context` and the option. Options of the context give way to it.
struct Row {
  std::string option;
  std::string value = "";  ///< empty: a flag
  /// What is then said or written: part of stdout, stderr, a file's name in the run's folder, or run.json (but for its
  /// list of options). Empty: results differ from those of the context alone.
  std::string shows = "";
  std::string context = "";  ///< besides the program's own
  int exit_code = 0;
};

struct ProgramRows {
  std::string context;  ///< of all rows: small and quick
  std::vector<Row> rows;
};

// Values for sizes that no data set has.
inline const std::string kTooMany = "123456789";

/// --threads to --memory-limit.
inline std::vector<Row> compute_rows() {
  return {{"threads", "2000", "largest allowed value is 1024", "", 2},
          {"device", "cuda:99", "device: cuda:99 was asked for, but", "", 3},
          {"precise", "perhaps", "precise", "", 2},  // which kernels it bars: tests/ops/conv2d_test.cpp
          {"memory-limit", "2KB", "--memory-limit", "", 2}};
}

/// --dataset to --test-size of a program that looks at test images last or not at all.
inline std::vector<Row> data_rows() {
  return {{"dataset", "cifar10", "cifar-10-binary.tar.gz", "", 5},
          {"data", "nowhere", "nowhere", "--dataset=cifar10", 5},
          {"image-size", "8"},
          {"eval-resize", "2000", "largest allowed value is 1024", "", 2},
          {"on-bad-image", "ignore", "is none of fail, skip", "", 2},  // what skip does: tests of datasets
          {"image-channels", "2", "images of 2x16x16 pixels", "--dataset=records --data=there --image-size=16", 2},
          {"classes", "9", "'there' holds no train*.bin", "--dataset=records --data=there --image-size=16", 5},
          {"label-bytes", "3", "largest allowed value is 2", "", 2},  // what they do: tests of records
          {"normalisation", "imagenet", "0.485"},
          {"train-size", kTooMany, kTooMany, "", 2},
          {"valid-size", kTooMany, kTooMany, "", 2},
          {"test-size", kTooMany, kTooMany, "", 2}};
}

/// Those of programs that write a run folder. --out DIR stands in every context.
inline std::vector<Row> run_rows() {
  return {{"out", "elsewhere/new", "new/run.json"},
          {"resume", "nowhere", "nowhere/config.ini", "", 2},
          {"overwrite", "", "not the folder of a run", "--out=there", 2},
          {"dry-run", "", "estimated time"},
          {"save-every-minutes", "1e-9", "checkpoints/last.safetensors", "--lr=1e30 --train-size=64", 4},
          {"save-every-epochs", "0", "smallest allowed value is 1", "", 2},  // what more do: long_runs_test.cpp
          {"keep-every", "1", "checkpoints/epoch-1.safetensors"},
          {"tensorboard", "", "events.out.tfevents."},
          {"save-every", "1", "checkpoints/last.safetensors", "--lr=1e30 --train-size=64", 4},
          {"graph", "never", "is none of on, off", "", 2}};  // the CPU records nothing: tests/cuda/training_test.cpp
}

/// Rows of both; the second's take the place of the first's for the same option.
inline std::vector<Row> joined(std::vector<Row> rows, const std::vector<Row>& more) {
  std::erase_if(rows, [&](const Row& row) { return std::ranges::count(more, row.option, &Row::option) > 0; });
  rows.insert(rows.end(), more.begin(), more.end());
  return rows;
}

inline const std::string kTinyData = "--train-size=32 --test-size=16 --image-size=16 --threads=1 ";
inline const std::string kTinyNetwork = kTinyData + "--channels=2 --cells=3 --batch-size=8 --epochs=1 ";

/// Of a training of the network of a genotype.
inline std::vector<Row> training_rows() {
  return {{"seed", "1"},
          {"precision", "fp64"},
          {"profile", "", "outside ops"},
          {"train-size", "24"},
          {"valid-size", "8"},
          {"test-size", "8"},
          {"epochs", "2"},
          {"batch-size", "4"},
          {"channels", "3"},
          {"cells", "4"},
          {"accumulate", "2"},
          {"lr", "0.1"},
          {"lr-batch", "16"},
          {"genotype", "DARTS_V2"},
          {"model", "resnet20", "one network", "", 2},
          {"shortcut", "projected", "--shortcut has no effect on cells"},
          {"depth", "20", "--depth has no effect on cells"},
          {"widening", "84", "--widening has no effect on cells"},
          {"width", "32", "--width has no effect on cells"},
          {"activation", "gelu", "--activation has no effect on cells"},
          {"norm-scale", "off", "--norm-scale has no effect on cells"},
          {"whiten"},
          {"auxiliary", "", "", "--image-size=32"},
          {"stem", "imagenet", "", "--image-size=32"},
          {"reduction", "shifted", "", "--genotype=bayesnas_0.01"},
          {"schedule", "constant", "", "--epochs=2"},
          {"lr-min", "0.01", "", "--epochs=2"},
          {"lr-factor", "0.5", "", "--epochs=2 --schedule=exponential"},
          {"lr-every", "1", "", "--epochs=2 --schedule=step"},
          {"warmup-epochs", "1", "", "--epochs=2"},
          {"lr-peak", "0.5", "", "--schedule=one-cycle"},
          {"momentum", "0"},
          {"nesterov"},
          {"weight-decay", "0.1"},
          {"decay-norms", "off", "", "--weight-decay=0.1"},
          {"bias-rate", "64"},
          {"ema", "0.5"},
          {"test-flips", "mirror"},
          {"crop", "resized"},
          {"pad", "0"},
          {"flip", "off"},
          {"colour-jitter", "0.4"},
          {"early-size", "12", "need both", "", 2},
          {"early-epochs", "1", "", "--early-size=12"},
          {"grad-clip", "0.01"},
          {"auxiliary-weight", "1", "", "--image-size=32 --auxiliary"},
          {"label-smoothing", "0.2"},
          {"cutout", "0"},
          {"drop-path-prob", "0.9", "", "--epochs=2"},
          {"preset", "quick", "", "--epochs=2"}};
}

inline std::vector<Row> search_rows() {
  const std::string cells = "--method=darts --space=nasbench201 --cells=1 --score-size=8 ";
  const std::string balenas = cells + "--method=balenas ", tf = cells + "--method=balenas-tf --draws=2 --proxy-size=4 ";
  const std::string pgnas = cells + "--method=pgnas --draws=2 ", warm = "--warmup-epochs=1 --train-size=48 ";
  const std::string trees = "--space=proxyless --train-size=64 --widening=4 --cells=1 --groups=2 ";
  const std::string several = "--space=nasbench201 --cells=1 --score-size=8 --seeds=1 ";
  return {{"seed", "1"},
          {"precision", "fp64"},
          {"profile", "", "outside ops"},
          {"train-size", "24"},
          {"valid-size", "8"},
          {"epochs", "2"},
          {"batch-size", "4"},
          {"channels", "3"},
          {"cells", "4"},
          {"lr", "0.01"},
          {"method", "random", "", cells},
          {"space", "1shot1-1", "", cells},
          {"nodes", "2"},
          {"lambda", "0.02"},
          {"lambda-origin", "1"},
          {"rounds", "2"},
          {"round-epochs", "1", "", "--rounds=2 --epochs=2"},
          {"warmup-epochs", "2", "", warm + "--warmup-fraction=0.5"},
          {"warmup-fraction", "0.5", "", warm},
          {"rule", "joint-evidence", "evidence: joint-evidence of"},
          {"rule-looks", "2", "rules.json"},
          {"evidence-threshold", "1e9", "strength above 1e+09", "--rule=evidence", 2},
          {"switch-lr", "0.01"},
          {"momentum", "0"},
          {"weight-decay", "0.1"},
          {"grad-clip", "0.01"},
          {"proximal"},
          {"cutout", "0", "", warm + "--warmup-fraction=0.5"},
          {"gate", "dag", "", "--nodes=2"},
          {"update-order", "code"},
          {"origin-position", "output"},
          {"dilated", "depthwise"},
          {"tree", "plain", "", trees},
          {"groups", "1", "", trees},
          {"widening", "8", "", trees},
          {"share-across-blocks", "all", "", trees},
          {"bare-skips", "", "", cells + "--method=bayesnas"},
          {"official-wiring", "", "", "--nodes=4"},
          {"hessian", "gauss_newton"},
          {"hessian-bn", "batch"},
          {"hessian-algorithm", "forward", "entries by F"},
          {"hessian-size", "4"},
          {"hessian-refresh", "2"},
          {"hessian-scale", "2"},
          {"hessian-check", "2", "hessian check: 2 entries"},
          {"arch-fraction", "0.3", "", cells},
          {"score-size", "4", "", cells},
          {"arch-lr", "0.1", "", cells},
          {"arch-weight-decay", "1", "", cells},
          {"final-lr", "0.02", "", cells},
          {"darts-order", "2", "", cells},
          {"skip-cap", "0", "", cells},
          {"eigenvalue-size", "4", "", cells},
          {"logit-lambda", "0.01", "", cells + "--eigenvalue-size=4"},
          {"examples", "10", "", balenas},
          {"prior-precision", "2", "", balenas + "--initial-precision=2"},
          {"initial-precision", "3", "", balenas},
          {"mc-samples", "2", "", balenas},
          {"weight-step-alpha", "sample", "", balenas},
          {"curvature-size", "4", "", cells + "--method=balenas-vogn"},
          {"draws", "3", "", tf},
          {"proxies", "snip", "", tf},
          {"proxy-size", "8", "", tf + "--proxies=snip"},  // synflow sees no image
          {"prior-length", "1", "", pgnas},
          {"dropout-examples", "10", "", pgnas},
          {"logit-rate", "50", "", pgnas},
          {"initial-drop", "0.2", "", pgnas},
          {"temperature", "1", "", pgnas},
          {"kl-half", "", "", pgnas},
          {"candidates", "2", "", cells + "--method=random"},
          {"judge", "table", "", cells + "--method=random --table=table.csv"},
          {"population", "8", "", cells + "--method=evolution --candidates=10 --judge=table --table=table.csv"},
          {"tournament", "1", "", cells + "--method=evolution --candidates=20 --judge=table --table=table.csv"},
          {"max-params", "500000", "", cells + "--method=largest"},
          {"max-macs", "1000", "Raise the limit", cells + "--method=largest", 2},
          {"max-latency", "1e-6", "none of", "--rule=evidence", 2},
          {"latency-batch", "2", "there is no such limit", "", 2},  // what it does: tests/nas/budget_test.cpp
          {"trained-channels", "3"},
          {"trained-cells", "4"},
          {"trained-cells", "4", "it is an option of the spaces bayesnas and darts", cells},
          {"rank-cells", "3", "", cells + "--table=table.csv"},
          {"table", "table.csv", "c100_test_200", cells},
          {"methods", "random", "random-seed1", several},
          {"seeds", "1,2", "random-seed2", several + "--methods=random"},
          {"method-settings", "random.lr=0.001", "", several + "--methods=random"},
          {"preset", "paper", "cifar-10-binary.tar.gz", "", 5}};
}

inline std::vector<Row> pgnas_rows() {
  return {{"seed", "1"},
          {"precision", "fp64"},
          {"profile", "", "outside ops"},
          {"train-size", "24"},
          {"valid-size", "4"},
          {"test-size", "8"},
          {"epochs", "2"},
          {"batch-size", "4"},
          {"lr", "0.01"},
          {"final-lr", "0.04"},
          {"momentum", "0"},
          {"grad-clip", "0.01"},
          {"cutout", "0"},
          {"stem", "3"},
          {"width", "4"},
          {"blocks", "2"},
          {"branches", "1"},
          {"prior-length", "1"},
          {"dropout-examples", "10"},
          {"kl-half"},
          {"initial-drop", "0.3"},
          {"temperature", "1"},
          {"logit-rate", "50"},
          {"fixed"},
          {"baseline"},
          {"weight-decay", "0.1", "", "--fixed"},
          {"draws", "3"},
          {"candidate-bn", "frozen"},
          {"preset", "small", "cifar-10-binary.tar.gz", "", 5}};
}

inline std::map<std::string, ProgramRows> option_rows() {
  std::map<std::string, ProgramRows> rows;
  rows["train"] = {kTinyNetwork + "--genotype=DARTS_V1 --out=run ",
                   joined(training_rows(), {{"seeds", "1,2", "seed-2/summary.json"}})};
  rows["search"] = {kTinyNetwork + "--nodes=1 --hessian-size=8 --hessian-refresh=1 --warmup-epochs=0 --out=run ",
                    search_rows()};
  rows["pgnas"] = {kTinyData +
                       "--valid-size=8 --batch-size=8 --epochs=1 --stem=2 --width=2 --blocks=1 --draws=2 "
                       "--out=run ",
                   pgnas_rows()};
  rows["compare"] = {kTinyNetwork + "--genotype=DARTS_V1 --random=1 --seeds=1 --tolerance=2 --out=run ",
                     joined(training_rows(), {{"seed", "1", "name all in --seeds", "", 2},
                                              {"model", "resnet20", "cells are compared", "", 2},
                                              {"random", "2", "random2-seed1"},
                                              {"seeds", "1,2", "found-seed2"},
                                              {"tolerance", "0", "allow more", "--random=1", 2}})};
  rows["compress"] = {
      kTinyNetwork + "--genotype=DARTS_V1 --cycles=1 --fine-epochs=1 --hessian-size=8 --lambda=0.01 --out=run ",
      joined(training_rows(), {{"checkpoint", "trained", "drop --model and --genotype", "", 2},
                               {"auxiliary", "", "no part of what is compressed", "", 2},
                               {"auxiliary-weight", "1", "no part of what is compressed", "--auxiliary", 2},
                               {"ema", "0.5", "is not sparse", "", 2},
                               {"preset", "quick", "a run trains one network", "", 2},
                               {"pattern", "filter"},
                               {"rule", "magnitude", "no threshold", "", 2},
                               {"lambda", "0.1"},
                               {"nats", "10"},
                               {"threshold", "0.9", "", "--rule=published"},
                               {"threshold-abs", "0.3", "", "--rule=published"},
                               {"threshold-normalised", "100", "", "--rule=published"},
                               {"threshold-alpha", "1e-6", "", "--rule=published"},
                               {"most", "0.1", "", "--lambda=1"},
                               {"per-layer", "", "", "--rule=magnitude --max-params=600"},
                               {"omega", "sum", "", "--rule=published --cycles=2"},
                               {"curvature", "gauss-newton", "Gauss-Newton"},
                               {"hessian-size", "4"},
                               {"cycles", "2"},
                               {"cycle-epochs", "2"},
                               {"fine-epochs", "2"},
                               {"cycle-lr", "0.1"},
                               {"max-params", "10", "budget of 10", "", 2},
                               {"max-macs", "10", "budget of 10", "", 2},
                               {"max-latency", "1e-9", "milliseconds are left", "", 2},
                               {"latency-batch", "2", "a pass over 2 images", "--max-latency=1e9"},
                               {"round-to", "2"}})};
  rows["evaluate"] = {kTinyData + "--checkpoint=trained ",
                      {{"seed", "1", "", "--split=train"},
                       {"precision", "fp64"},
                       {"train-size", "24", "", "--split=train"},
                       {"valid-size", "8", "valid accuracy", "--split=valid"},
                       {"image-size", "8", "3x8x8", "", 2},
                       {"test-size", "8"},
                       {"checkpoint", "trained/checkpoints/last.safetensors", "test accuracy"},
                       {"split", "train", "train accuracy"},
                       {"test-flips", "translate"},
                       {"out", "elsewhere/new", "new/predictions.json"},
                       {"overwrite", "", "not the folder of a run", "--out=there", 2},
                       {"batch-size", "0", "smallest allowed value is 1", "", 2}}};
  rows["hessian"] = {kTinyData + "--checkpoint=searched --hessian-size=8 --hessian-check=0 ",
                     {{"seed", "1"},
                      {"precision", "fp32", "", "--csv=entries.csv"},
                      {"image-size", "8", "3x8x8", "", 2},
                      {"train-size", "24", "", "--hessian-size=24"},
                      {"checkpoint", "trained", "--over weights", "", 2},
                      {"over", "weights"},
                      {"hessian-bn", "batch"},
                      {"hessian-algorithm", "forward", "by algorithm F"},
                      {"grouping", "layer", "", "--over=weights"},
                      {"hessian-size", "4"},
                      {"hessian-check", "2", "self-check: 2 entries"},
                      {"csv", "entries.csv", "entries.csv"},
                      {"matrix", "matrix.npy", "largest eigenvalues of the gauss_newton matrix"},
                      {"lambda", "3", "at lambda 3,", "--matrix=matrix.npy"},
                      {"show", "1", "more; --csv FILE has all"}}};
  rows["proxies"] = {kTinyData + "--table=table.csv --count=3 --proxies=snip --channels=2 --cells=1 --batch-size=4 ",
                     {{"seed", "1"},
                      {"image-size", "8", "", "--csv=scores.csv"},
                      {"precision", "fp64", "is none of fp32", "", 2},
                      {"count", "4"},
                      {"table", "nowhere", "nowhere", "", 5},
                      {"proxies", "synflow"},
                      {"list", "", "linear_regions"},
                      {"channels", "3", "", "--csv=scores.csv"},
                      {"cells", "2", "", "--csv=scores.csv"},
                      {"batch-size", "8", "", "--csv=scores.csv"},
                      {"regions", "3", "", "--csv=scores.csv --proxies=linear_regions"},
                      {"normalisation", "imagenet", "", "--csv=scores.csv"},
                      {"csv", "scores.csv", "scores.csv"}}};
  rows["dataset"] = {"",
                     {{"action", "verify", "sound"},
                      {"out", "a.png", "a.png", "--action=sample"},
                      {"augment", "cifar", "", "--action=sample"},
                      {"split", "test", "test images", "--action=sample"},
                      {"count", "3", "3 of the", "--action=sample"},
                      {"columns", "3", "", "--action=sample"},
                      {"seed", "1", "", "--action=sample"},
                      {"overwrite", "", "sample.png: 64", "--action=sample --out=there/sample.png"},
                      {"dataset", "cifar10", "cifar-10-binary.tar.gz"},
                      {"data", "nowhere", "nowhere", "--dataset=cifar10", 5},
                      {"image-size", "8", "3 x 8 x 8"}}};
  rows["genotype"] = {"--genotype=DARTS_V1 ",
                      {{"action", "count", "multiply-accumulates"},
                       {"genotype", "bayesnas_0.01", "space: bayesnas"},
                       {"to", "darts", "Genotype(normal=[", "--action=convert"},
                       {"channels", "4", "(4 channels", "--action=count --cells=3"},
                       {"cells", "3", "3 cells", "--action=count --channels=4"},
                       {"classes", "7", "7 classes", "--action=count --cells=3 --channels=4"},
                       {"stem", "imagenet", "224x224", "--action=count --cells=3 --channels=4"},
                       {"format", "dot", "cell-normal.dot", "--action=draw"},
                       {"prefix", "mine", "mine-reduce.svg", "--action=draw"},
                       {"overwrite", "", "drawn-normal.svg", "--action=draw --prefix=drawn"},
                       {"table", "table.csv", "c100_test_200: ", "--action=query --genotype=333133"}}};
  rows["export"] = {"--checkpoint=trained --out=net.onnx ",
                    {{"checkpoint", "trained/checkpoints/last.safetensors", "net.onnx: ONNX"},
                     {"out", "other.onnx", "other.onnx: "},
                     {"format", "safetensors", "tensors, "},
                     {"genotype", "DARTS_V1", "carries its genotype", "", 2},
                     {"image-size", "32", "[N, 3, 32, 32]"},
                     {"overwrite", "", "sample.png: ONNX", "--out=there/sample.png"}}};
  rows["bench"] = {"--case=gemm --repeats=1 ",
                   {{"precision", "fp64"},
                    {"case", "loader-shapes", "loader-shapes"},
                    {"repeats", "3", "\"repeats\":3"},
                    {"data", "nowhere", "nowhere", "--case=loader-cifar10", 5},
                    {"list", "", "unit-dense5-32x32"},
                    {"profile", "", "outside ops"}}};
  rows["selfcheck"] = {"--device=cpu --only=ops --ops=relu ",
                       {{"only", "leaks", "a training step"},
                        {"ops", "tanh", "tanh"},
                        {"cases", "nothing", "there is no such case", "", 2},
                        {"quick", "", "\"quick\":true"},
                        {"oracle", "nowhere", "nowhere", "--only=hessian", 6},
                        {"report", "nowhere/report.json", "nowhere", "", 1}}};
  rows["oracle-check"] = {"--folder=nowhere ",
                          {{"folder", "elsewhere", "elsewhere", "", 6},
                           {"precision", "bf16", "is none of fp64, fp32", "", 2},
                           {"memory-limit", "much", "is not a number of bytes", "", 2}}};
  return rows;
}

}  // namespace ockham::test
