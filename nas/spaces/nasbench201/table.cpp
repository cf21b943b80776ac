#include "nas/spaces/nasbench201/table.h"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <string_view>

#include "engine/error.h"

namespace ockham::nas::nasbench201 {
namespace {

constexpr std::size_t kLongestLine = 4096;

/// A text file, plain or gzip: zlib tells them apart.
class Lines {
 public:
  explicit Lines(const std::string& path) : path_(path), file_(gzopen(path.c_str(), "rb"), gzclose) {
    if (!file_)
      throw TableError(concat("table: ", path, " cannot be opened; name the CSV file of NAS-Bench-201."));
  }
  /// False at the end.
  bool next(std::string& line) {
    std::array<char, kLongestLine> buffer{};
    const bool is_end = gzgets(file_.get(), buffer.data(), static_cast<int>(buffer.size())) == nullptr;
    line = buffer.data();
    is_whole_ = line.ends_with('\n');
    if (!is_whole_)
      require_sound_stream();
    if (is_end)
      return false;
    ++number_;
    if (line.size() + 1 == buffer.size())
      fail(concat("is longer than ", kLongestLine - 2, " characters."));
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r'))
      line.pop_back();
    return true;
  }
  /// False for a last line without its end: perhaps the file was cut in it.
  bool is_whole() const { return is_whole_; }
  [[noreturn]] void fail(const std::string& message) const {
    throw TableError(concat("table: ", path_, ": line ", number_, " ", message));
  }

 private:
  void require_sound_stream() const {
    int error = Z_OK;
    const char* message = gzerror(file_.get(), &error);
    if (error == Z_BUF_ERROR)
      throw TableError(concat("table: ", path_, " is cut off after line ", number_, "; fetch the file again."));
    if (error != Z_OK && error != Z_STREAM_END)
      throw TableError(concat("table: ", path_, " is damaged after line ", number_, " (", message, ")."));
  }

  std::string path_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
  std::int64_t number_ = 0;
  bool is_whole_ = true;
};

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t comma = line.find(',');
    fields.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos)
      return fields;
    line.remove_prefix(comma + 1);
  }
}

/// Where the columns are.
struct Header {
  explicit Header(const Lines& lines, std::string_view line) : names(fields_of(line)), arch(find(lines, "arch")) {
    for (std::size_t c = 0; c < kColumns.size(); ++c)
      accuracy[c] = find(lines, kColumns[c]);
    const auto it = std::ranges::find(names, "index");
    index = it == names.end() ? names.size() : static_cast<std::size_t>(it - names.begin());
  }
  std::size_t find(const Lines& lines, std::string_view name) const {
    const auto it = std::ranges::find(names, name);
    if (it == names.end())
      lines.fail(concat("names no column '", name, "'."));
    return static_cast<std::size_t>(it - names.begin());
  }

  std::vector<std::string_view> names;
  std::size_t arch;
  std::size_t index;  // names.size(): none
  std::array<std::size_t, kColumns.size()> accuracy{};
};

template <class T>
T number_of_field(const Lines& lines, std::string_view name, std::string_view field) {
  T value{};
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size())
    lines.fail(concat("has no number in column ", name, " but '", field.substr(0, 40), "'."));
  return value;
}

Row row_of(const Lines& lines, const Header& header, const std::vector<std::string_view>& fields) {
  Row row;
  for (std::size_t c = 0; c < kColumns.size(); ++c) {
    row.accuracy[c] = number_of_field<double>(lines, kColumns[c], fields[header.accuracy[c]]);
    if (!(row.accuracy[c] >= 0.0 && row.accuracy[c] <= 100.0))
      lines.fail(concat("has ", row.accuracy[c], " in column ", kColumns[c], ", outside 0 to 100."));
  }
  if (header.index < fields.size())
    row.index = number_of_field<std::int64_t>(lines, "index", fields[header.index]);
  return row;
}

}  // namespace

Table Table::load(const std::string& path) {
  Lines lines(path);
  std::string header_line, line;
  if (!lines.next(header_line))
    throw TableError(concat("table: ", path, " is empty."));
  const Header header(lines, header_line);
  Table table;
  table.rows_.resize(kCells);
  std::vector<char> is_there(kCells, 0);
  while (lines.next(line)) {
    if (line.empty())
      continue;
    const std::vector<std::string_view> fields = fields_of(line);
    if (!lines.is_whole() && fields.size() < header.names.size())
      lines.fail("breaks off: the file is cut; fetch it again.");
    if (fields.size() != header.names.size())
      lines.fail(concat("has ", fields.size(), " fields, the header ", header.names.size(), "."));
    Cell cell;
    try {
      cell = parse_cell(fields[header.arch]);
    } catch (const UsageError& error) {
      lines.fail(concat("has no cell in column arch: ", error.what()));
    }
    const auto number = static_cast<std::size_t>(nasbench201::number_of(cell));
    if (is_there[number])
      lines.fail(concat("is the second row of cell ", to_string(cell), "."));
    is_there[number] = 1;
    table.rows_[number] = row_of(lines, header, fields);
  }
  if (const auto missing = std::ranges::count(is_there, 0); missing > 0) {
    const auto first = std::ranges::find(is_there, 0) - is_there.begin();
    throw TableError(concat("table: ", path, " lacks ", missing, " of ", kCells, " cells, ", to_string(cell_of(first)),
                            " the first."));
  }
  return table;
}

std::int64_t Table::rank(const Cell& cell, Column column) const {
  const double accuracy = at(cell)[column];
  return 1 + std::ranges::count_if(rows_, [&](const Row& row) { return row[column] > accuracy; });
}

double Table::mean(Column column) const {
  double sum = 0.0;
  std::int64_t count = 0;
  for (std::int64_t number = 0; number < kCells; ++number) {
    if (const Cell cell = cell_of(number); is_connected(cell)) {
      sum += at(cell)[column];
      ++count;
    }
  }
  return sum / static_cast<double>(count);
}

double Table::best(Column column) const {
  return std::ranges::max(rows_, {}, [&](const Row& row) { return row[column]; })[column];
}

}  // namespace ockham::nas::nasbench201
