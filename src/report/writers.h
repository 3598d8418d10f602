#pragma once

#include <ostream>
#include <span>
#include <string_view>

#include "src/report/report.h"
#include "src/report/style.h"

namespace weigh::core {

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

/// Likewise, in markdown.
void write_fits_markdown(const Report& report, const Style& style, std::ostream& out);

}  // namespace weigh::core
