#include "src/scan/listing.h"

#include <algorithm>

namespace weigh::core {

void sort_listing(ScanListing& listing, const std::optional<Order>& order) {
  const auto before = [&](const StoredModel& a, const StoredModel& b) {
    return order ? (*order)(a.row, b.row) : a.row.path < b.row.path;
  };
  // An inventory gives them in the order of their paths.
  if (!std::ranges::is_sorted(listing.models, before)) std::ranges::stable_sort(listing.models, before);
  std::ranges::sort(listing.errors, {}, &Failure::path);
}

bool ListFilter::takes(const ScanRow& row) const {
  return row.file_bytes >= least_bytes &&
         std::ranges::all_of(filters, [&](const Filter& filter) { return filter.takes(row); });
}

}  // namespace weigh::core
