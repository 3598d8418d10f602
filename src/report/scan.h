#pragma once

#include <ostream>
#include <string_view>

#include "src/report/style.h"
#include "src/scan/listing.h"

namespace weigh::core {

/// text, json, jsonl, csv or markdown.
void write_scan(const ScanListing& listing, std::string_view format, const Style& style, std::ostream& out);

}  // namespace weigh::core
