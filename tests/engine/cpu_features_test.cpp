#include "engine/cpu_features.h"

#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "tests/support.h"

namespace ockham {
namespace {

BOOST_AUTO_TEST_SUITE(cpu_features)

#if defined(__x86_64__) && defined(__linux__)
BOOST_AUTO_TEST_CASE(every_feature_named_is_one_that_the_kernel_reports) {
  const std::map<std::string, std::string> kernel_names{
      {"sse4.2", "sse4_2"}, {"avx512vnni", "avx512_vnni"}, {"avx512bf16", "avx512_bf16"}};
  std::ifstream in("/proc/cpuinfo");
  const std::string info{std::istreambuf_iterator<char>(in), {}};
  std::istringstream words(ockham::cpu_features());
  std::string word;
  words >> word;
  BOOST_TEST(word == "x86-64");
  while (words >> word) {
    const auto it = kernel_names.find(word);
    BOOST_TEST(info.find(" " + (it == kernel_names.end() ? word : it->second)) != std::string::npos, word);
  }
}
#else
BOOST_AUTO_TEST_CASE(other_processors_are_named) {
  BOOST_TEST(!ockham::cpu_features().empty());
}
#endif

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
