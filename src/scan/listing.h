#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "src/scan/inventory.h"
#include "src/scan/query.h"

namespace weigh::core {

/// A scan that is over, ready to be listed.
struct ScanListing {
  std::vector<StoredModel> models;  ///< those that the filters take, sorted
  std::vector<Failure> errors;
  bool errors_reported = false;      ///< on the error stream already: the text does not repeat them
  std::vector<std::string> devices;  ///< a column of verdicts each
  std::set<std::string> asked;       ///< fields that filters and order are about: columns that are shown for it
  bool is_sorted = false;            ///< by a field that was asked for: stores are not listed one by one
  std::uint64_t now = 0;             ///< seconds since 1970, from which ages count
  std::uint64_t links = 0;           ///< files met again by another name, not counted again
  std::uint64_t filtered = 0;        ///< models that the filters left out
};

/// Models by `order`, or else by their paths; errors by their paths.
void sort_listing(ScanListing& listing, const std::optional<Order>& order);

/// What a list leaves out.
struct ListFilter {
  std::vector<Filter> filters;    ///< all of them must hold
  std::uint64_t least_bytes = 0;  ///< of a model's files

  [[nodiscard]] bool takes(const ScanRow& row) const;
};

}  // namespace weigh::core
