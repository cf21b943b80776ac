#pragma once
// A table of NAS-Bench-201's form for tests.
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

namespace ockham::test {

/// @param accuracies of a cell by its number, as text: c10_valid, c10_test, c100_test, im120_test
inline void write_nasbench201_table(const std::filesystem::path& path,
                                    const std::function<std::string(std::int64_t cell)>& accuracies,
                                    std::int64_t rows = 15625) {
  const char* names[] = {"none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"};
  std::ofstream file(path);
  file << "arch,c10_valid_200,c10_test_200,c100_test_200,im120_test_200\n";
  for (std::int64_t cell = 0; cell < rows; ++cell) {
    std::string op[6];
    std::int64_t rest = cell;
    for (int e = 5; e >= 0; --e, rest /= 5)
      op[e] = names[rest % 5];
    file << '|' << op[0] << "~0|+|" << op[1] << "~0|" << op[2] << "~1|+|" << op[3] << "~0|" << op[4] << "~1|" << op[5]
         << "~2|," << accuracies(cell) << "\n";
  }
}

}  // namespace ockham::test
