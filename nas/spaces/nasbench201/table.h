#pragma once
// The published accuracies of all 15,625 cells, from a CSV file, plain or gzipped, with a header line that names at
// least the columns "arch" and those of kColumns; more columns are skipped.
#include <array>
#include <string>
#include <vector>

#include "engine/error.h"
#include "nas/spaces/nasbench201/cell.h"

namespace ockham::nas::nasbench201 {

/// A table that is missing, cut or damaged (exit code 5).
class TableError : public Error {
 public:
  using Error::Error;
};

/// 200 epochs. c10_valid: trained on half of CIFAR-10's training images, tested on the other half.
enum class Column { kC10Valid, kC10Test, kC100Test, kIm120Test };
inline constexpr std::array<std::string_view, 4> kColumns{"c10_valid_200", "c10_test_200", "c100_test_200",
                                                          "im120_test_200"};

struct Row {
  std::int64_t index = -1;           ///< of the benchmark; -1 where the file has no such column
  std::array<double, 4> accuracy{};  ///< by Column, in percent
  double operator[](Column column) const { return accuracy[static_cast<std::size_t>(column)]; }
};

class Table {
 public:
  /// @throws TableError if the file cannot be read or is cut, a line is malformed (with its number), a cell has two
  /// rows
  ///   or none
  static Table load(const std::string& path);

  const Row& at(const Cell& cell) const { return rows_[static_cast<std::size_t>(number_of(cell))]; }
  /// Cells that are strictly better, plus one.
  std::int64_t rank(const Cell& cell, Column column) const;
  double best(Column column) const;
  /// Over the cells that transmit something: what one of them, drawn without preference, has on average.
  double mean(Column column) const;

 private:
  std::vector<Row> rows_;  // by number_of()
};

}  // namespace ockham::nas::nasbench201
