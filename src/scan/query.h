#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "src/scan/row.h"

namespace weigh::core {

/// A condition on rows: "params > 30B", "arch=llama", "dtype~Q4", "verdict=fits", "rtx-4090=fits", "size<=8GiB",
/// "age>90d". A field is called as the column that shows it.
class Filter {
 public:
  /// `devices`: those whose verdicts are columns. `now`: seconds since 1970, from which ages count. Throws UsageError,
  /// which names the fields, or a field's values, that there are.
  explicit Filter(std::string_view text, const std::vector<std::string>& devices = {},
                  std::uint64_t now = static_cast<std::uint64_t>(std::time(nullptr)));

  [[nodiscard]] bool takes(const ScanRow& row) const;

  /// The column's name: "parameters", "verdict".
  [[nodiscard]] std::string_view field() const;

 private:
  enum class Operator : std::uint8_t { Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual, Contains };

  void read_value(std::string_view value, std::string_view text, std::uint64_t now);

  template <typename Number>
  [[nodiscard]] bool meets(const std::optional<Number>& value, Number wanted) const;

  std::size_t field_ = 0;
  std::string device_;  ///< of a verdict on one device; empty for any
  Operator operator_ = Operator::Equal;
  std::string text_;         ///< in lower case
  std::uint64_t whole_ = 0;  ///< of a field of counts or bytes; of an age the time then
  double number_ = 0;        ///< of a field of plain numbers
};

/// An order of rows by one field: "size", largest first, "name", from a to z, "age", oldest first, "verdict", best first;
/// "-size" the other way round. Rows that have no value come last, equal ones in the order of their paths.
class Order {
 public:
  /// `devices`: those whose verdicts are columns. Throws UsageError.
  explicit Order(std::string_view text, const std::vector<std::string>& devices = {});

  [[nodiscard]] bool operator()(const ScanRow& a, const ScanRow& b) const;

  /// The column's name.
  [[nodiscard]] std::string_view field() const;

 private:
  std::size_t field_ = 0;
  std::string device_;  ///< of a verdict on one device; empty for the best
  bool ascending_ = true;
};

/// "8GiB", "500MB", "1024": bytes. Throws UsageError that names `flag`.
std::uint64_t parse_bytes(std::string_view flag, const std::string& text);

/// "parameters, active, ...", for help texts.
std::string fields_listed();

}  // namespace weigh::core
