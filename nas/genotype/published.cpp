#include "nas/genotype/published.h"

#include <algorithm>

namespace ockham::nas {
namespace {

constexpr std::string_view kBayesnasSource =
    "Zhou, Yang, Wang, Pan 2019, arXiv:1905.04919; the cells as BayesNAS/BayesNAS f55a71c executes them";

constexpr std::string_view kBayesnas010 = R"({"format": 1, "space": "bayesnas", "nodes": 4, "concat": [0, 1, 2, 3],
 "normal": [
  {"from": "in0", "to": 0, "stride": 1, "ops": ["sep_conv_5x5"]},
  {"from": "in1", "to": 0, "stride": 1, "ops": ["sep_conv_5x5", "max_pool_3x3", "avg_pool_3x3", "identity"]},
  {"from": "in0", "to": 1, "stride": 1, "ops": ["max_pool_3x3", "identity"]},
  {"from": "in0", "to": 2, "stride": 1, "ops": ["identity"]},
  {"from": "in1", "to": 2, "stride": 1, "ops": ["max_pool_3x3"]},
  {"from": "node0", "to": 3, "stride": 1, "ops": ["avg_pool_3x3"]}],
 "reduce": [
  {"from": "in0", "to": 0, "stride": 2, "ops": ["identity"]},
  {"from": "in1", "to": 0, "stride": 2, "ops": ["sep_conv_3x3", "avg_pool_3x3", "max_pool_3x3", "sep_conv_5x5"]},
  {"from": "in1", "to": 1, "stride": 2, "ops": ["max_pool_3x3", "avg_pool_3x3"]},
  {"from": "in1", "to": 2, "stride": 2, "ops": ["sep_conv_3x3", "avg_pool_3x3"]},
  {"from": "node0", "to": 3, "stride": 1, "ops": ["sep_conv_5x5"]}]})";

// The release also declares a max pool on in1_1 of the normal cell, but its forward pass never uses it.
constexpr std::string_view kBayesnas007 = R"({"format": 1, "space": "bayesnas", "nodes": 4, "concat": [0, 1, 2, 3],
 "normal": [
  {"from": "in1", "to": 0, "stride": 1, "ops": ["sep_conv_3x3", "identity"]},
  {"from": "in0", "to": 1, "stride": 1, "ops": ["sep_conv_3x3", "identity"]},
  {"from": "in0", "to": 2, "stride": 1, "ops": ["identity"]},
  {"from": "in1", "to": 2, "stride": 1, "ops": ["sep_conv_3x3"]},
  {"from": "in1", "to": 3, "stride": 1, "ops": ["sep_conv_5x5", "max_pool_3x3", "avg_pool_3x3"]},
  {"from": "node0", "to": 3, "stride": 1, "ops": ["identity"]}],
 "reduce": [
  {"from": "in0", "to": 0, "stride": 2, "ops": ["sep_conv_5x5", "avg_pool_3x3"]},
  {"from": "in1", "to": 0, "stride": 2, "ops": ["avg_pool_3x3", "max_pool_3x3", "identity", "sep_conv_5x5"]},
  {"from": "in1", "to": 1, "stride": 2, "ops": ["avg_pool_3x3"]},
  {"from": "node0", "to": 1, "stride": 1, "ops": ["identity"]},
  {"from": "in1", "to": 2, "stride": 2, "ops": ["avg_pool_3x3"]},
  {"from": "node0", "to": 2, "stride": 1, "ops": ["sep_conv_5x5", "identity"]},
  {"from": "node0", "to": 3, "stride": 1, "ops": ["avg_pool_3x3", "max_pool_3x3"]}]})";

constexpr std::string_view kBayesnas005 = R"({"format": 1, "space": "bayesnas", "nodes": 4, "concat": [0, 1, 2, 3],
 "normal": [
  {"from": "in1", "to": 0, "stride": 1, "ops": ["max_pool_3x3", "avg_pool_3x3", "identity"]},
  {"from": "in0", "to": 1, "stride": 1, "ops": ["identity"]},
  {"from": "in1", "to": 1, "stride": 1, "ops": ["sep_conv_5x5"]},
  {"from": "in0", "to": 2, "stride": 1, "ops": ["avg_pool_3x3"]},
  {"from": "in1", "to": 2, "stride": 1, "ops": ["identity", "max_pool_3x3"]},
  {"from": "in1", "to": 3, "stride": 1, "ops": ["sep_conv_5x5"]},
  {"from": "node0", "to": 3, "stride": 1, "ops": ["max_pool_3x3"]}],
 "reduce": [
  {"from": "in0", "to": 0, "stride": 2, "ops": ["sep_conv_3x3", "sep_conv_5x5", "max_pool_3x3"]},
  {"from": "in1", "to": 0, "stride": 2, "ops": ["avg_pool_3x3", "max_pool_3x3"]},
  {"from": "node0", "to": 1, "stride": 1, "ops": ["max_pool_3x3", "avg_pool_3x3", "identity"]},
  {"from": "in1", "to": 2, "stride": 2, "ops": ["identity", "max_pool_3x3"]},
  {"from": "in1", "to": 3, "stride": 2, "ops": ["sep_conv_3x3", "max_pool_3x3"]},
  {"from": "node0", "to": 3, "stride": 1, "ops": ["max_pool_3x3"]}]})";

constexpr std::string_view kDartsSource = "Liu, Simonyan, Yang 2019, arXiv:1806.09055; quark0/darts cnn/genotypes.py";

constexpr std::string_view kDartsV1 =
    "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), ('sep_conv_3x3', 1), "
    "('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)], normal_concat=range(2, 6), "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('avg_pool_3x3', 0)], reduce_concat=range(2, 6))";

constexpr std::string_view kDartsV2 =
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=range(2, 6), "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=range(2, 6))";

// The next two as the same file writes them: from the papers, with the operations that DARTS has.
constexpr std::string_view kNasnet =
    "Genotype(normal=[('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 0), ('sep_conv_3x3', 0), "
    "('avg_pool_3x3', 1), ('skip_connect', 0), ('avg_pool_3x3', 0), ('avg_pool_3x3', 0), ('sep_conv_3x3', 1), "
    "('skip_connect', 1)], normal_concat=[2, 3, 4, 5, 6], "
    "reduce=[('sep_conv_5x5', 1), ('sep_conv_7x7', 0), ('max_pool_3x3', 1), ('sep_conv_7x7', 0), ('avg_pool_3x3', 1), "
    "('sep_conv_5x5', 0), ('skip_connect', 3), ('avg_pool_3x3', 2), ('sep_conv_3x3', 2), ('max_pool_3x3', 1)], "
    "reduce_concat=[4, 5, 6])";

constexpr std::string_view kAmoebanet =
    "Genotype(normal=[('avg_pool_3x3', 0), ('max_pool_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 2), "
    "('sep_conv_3x3', 0), ('avg_pool_3x3', 3), ('sep_conv_3x3', 1), ('skip_connect', 1), ('skip_connect', 0), "
    "('avg_pool_3x3', 1)], normal_concat=[4, 5, 6], "
    "reduce=[('avg_pool_3x3', 0), ('sep_conv_3x3', 1), ('max_pool_3x3', 0), ('sep_conv_7x7', 2), ('sep_conv_7x7', 0), "
    "('avg_pool_3x3', 1), ('max_pool_3x3', 0), ('max_pool_3x3', 1), ('conv_7x1_1x7', 0), ('sep_conv_3x3', 5)], "
    "reduce_concat=[3, 4, 6])";

constexpr std::string_view kPdarts =
    "Genotype(normal=[('skip_connect', 0), ('dil_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3', 0), ('dil_conv_5x5', 4)], normal_concat=range(2, 6), "
    "reduce=[('avg_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('dil_conv_5x5', 2), ('max_pool_3x3', 0), "
    "('dil_conv_3x3', 1), ('dil_conv_3x3', 1), ('dil_conv_5x5', 3)], reduce_concat=range(2, 6))";

constexpr std::string_view kPcDartsCifar =
    "Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 0), ('dil_conv_3x3', 1), "
    "('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('avg_pool_3x3', 0), ('dil_conv_3x3', 1)], normal_concat=range(2, 6), "
    "reduce=[('sep_conv_5x5', 1), ('max_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_5x5', 2), ('sep_conv_3x3', 0), "
    "('sep_conv_3x3', 3), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2)], reduce_concat=range(2, 6))";

constexpr std::string_view kPcDartsImageNet =
    "Genotype(normal=[('skip_connect', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 0), ('skip_connect', 1), "
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3', 1), ('dil_conv_5x5', 4)], normal_concat=range(2, 6), "
    "reduce=[('sep_conv_3x3', 0), ('skip_connect', 1), ('dil_conv_5x5', 2), ('max_pool_3x3', 1), ('sep_conv_3x3', 2), "
    "('sep_conv_3x3', 1), ('sep_conv_5x5', 0), ('sep_conv_3x3', 3)], reduce_concat=range(2, 6))";

}  // namespace

const std::vector<Published>& published_genotypes() {
  static const std::vector<Published> all = {
      {"bayesnas_0.01", kBayesnasSource, kBayesnas010},
      {"bayesnas_0.007", kBayesnasSource, kBayesnas007},
      {"bayesnas_0.005", kBayesnasSource, kBayesnas005},
      {"DARTS_V1", kDartsSource, kDartsV1},
      {"DARTS_V2", kDartsSource, kDartsV2},
      {"NASNet", "Zoph, Vasudevan, Shlens, Le 2018, arXiv:1707.07012; quark0/darts cnn/genotypes.py", kNasnet},
      {"AmoebaNet", "Real, Aggarwal, Huang, Le 2019, arXiv:1802.01548; quark0/darts cnn/genotypes.py", kAmoebanet},
      {"PDARTS", "Chen, Xie, Wu, Tian 2019, arXiv:1904.12760", kPdarts},
      {"PC_DARTS_cifar", "Xu et al. 2020, arXiv:1907.05737", kPcDartsCifar},
      {"PC_DARTS_image", "Xu et al. 2020, arXiv:1907.05737", kPcDartsImageNet},
  };
  return all;
}

const Published* find_published(std::string_view name) {
  const std::vector<Published>& all = published_genotypes();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Published& p) { return p.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace ockham::nas
