#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/scan/row.h"

namespace weigh::core {

/// A condition on rows: "params>30B", "arch=llama", "dtype~Q4", "verdict=fits", "size<=8GiB".
class Filter {
 public:
  /// Throws UsageError, which names the fields there are.
  explicit Filter(std::string_view text);

  [[nodiscard]] bool takes(const ScanRow& row) const;

 private:
  enum class Operator : std::uint8_t { Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual, Contains };

  template <typename Number>
  [[nodiscard]] bool meets(const std::optional<Number>& value, Number wanted) const;

  std::size_t field_ = 0;
  Operator operator_ = Operator::Equal;
  std::string text_;         ///< in lower case
  std::uint64_t whole_ = 0;  ///< of a field of counts or bytes
  double number_ = 0;        ///< of a field of plain numbers
};

/// An order of rows by one field: "size", largest first, "name", from a to z; "-size" the other way round. Rows that
/// have no value come last, equal ones in the order of their paths.
class Order {
 public:
  /// Throws UsageError.
  explicit Order(std::string_view text);

  [[nodiscard]] bool operator()(const ScanRow& a, const ScanRow& b) const;

 private:
  std::size_t field_ = 0;
  bool ascending_ = true;
};

/// "8GiB", "500MB", "1024": bytes. Throws UsageError that names `flag`.
std::uint64_t parse_bytes(std::string_view flag, const std::string& text);

/// "params, arch, ...", for help texts.
std::string fields_listed();

}  // namespace weigh::core
