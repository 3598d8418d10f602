#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/checkpoint/checkpoint.h"
#include "src/devices/budget.h"
#include "src/model/model.h"

namespace weigh::core {

/// One model with the devices it was held against.
struct ModelReport {
  Model model;
  std::vector<Fit> fits;        ///< one per device asked for, in that order
  bool common_devices = false;  ///< the devices were not asked for: machine formats leave them out
  /// Not read from a file but what its source would be in another GGUF type: the whole file's bytes.
  std::optional<std::uint64_t> predicted_file_bytes = std::nullopt;
  std::string what_next = {};  ///< one line for the end of the report, or empty
};

/// All a writer of `weigh inspect` and `weigh estimate` may know.
struct Report {
  std::vector<ModelReport> models;
  std::vector<Failure> errors;
};

/// How a terminal or file wants its text.
struct Style {
  bool color = false;
  bool unicode = true;
  bool terminal = false;  ///< a person looks at it: long names are cut to the width
  unsigned width = 100;   ///< columns
  bool verbose = false;
  bool quiet = false;
};

/// One output format.
struct ReportWriter {
  std::string_view format;
  void (*write)(const Report&, const Style&, std::ostream&);
};

/// Every output format of the inspect envelope: text, json, jsonl, csv, markdown.
std::span<const ReportWriter> report_writers();

void write_text(const Report& report, const Style& style, std::ostream& out);
void write_json(const Report& report, const Style& style, std::ostream& out);
/// One MODEL a line, with the schema first; what could not be read as {"schema", "error"}.
void write_json_lines(const Report& report, const Style& style, std::ostream& out);
void write_csv(const Report& report, const Style& style, std::ostream& out);
void write_markdown(const Report& report, const Style& style, std::ostream& out);

/// One model in many types, a row each: type, size, bits per weight, the verdict on each device asked for, and which is
/// the largest that fits.
void write_predictions(const Report& report, const Style& style, std::ostream& out);

/// The report of `weigh fit`: for each device the parts of the need, its bar, where the parts go, the command line and
/// the advice.
void write_fits(const Report& report, const Style& style, std::ostream& out);

/// "PATH: byte 0x1a4: sentence" or "PATH is empty", safe to show.
std::string failure_line(const Failure& failure);

}  // namespace weigh::core
