#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "src/report/json.h"
#include "src/report/report.h"
#include "src/scan/copies.h"
#include "src/scan/inventory.h"

namespace weigh::core {

/// A scan that is over, ready to be listed.
struct ScanListing {
  std::vector<StoredModel> models;  ///< those that the filters take, sorted
  std::vector<Failure> errors;
  bool errors_told = false;          ///< on the error stream already: the text does not repeat them
  std::vector<std::string> devices;  ///< a column of verdicts each
  std::uint64_t links = 0;           ///< files met again by another name, not counted again
  std::uint64_t filtered = 0;        ///< models that the filters left out
};

/// text, json, jsonl, csv or markdown.
void write_scan(const ScanListing& listing, std::string_view format, const Style& style, std::ostream& out);

/// What a scan knows of a model beside its report.
struct ScanFacts {
  std::string_view store;
  Identity identity;
  std::string weights;  ///< sha256 of the weights where they were read; empty elsewhere
  bool header_only = false;
};

/// What the inventory and the lines of a scan keep of a model: its MODEL with the schema first.
Json model_line(const ModelReport& report, const ScanFacts& facts);

/// The line as it stands inside of an inspect document.
std::string without_schema(std::string_view line);

}  // namespace weigh::core
