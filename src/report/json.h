#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "src/quantize/quantization_name.h"
#include "src/report/report.h"

namespace weigh::core {

/// Of the documents with models.
inline constexpr std::string_view kInspectSchema = "weigh.inspect/2";

/// Keys stay in the order they are written: the order of docs/output.md 2.2.
using Json = nlohmann::ordered_json;

class JsonWriter;

/// Turns text from files into JSON strings and notices when bytes had to be replaced.
class JsonText {
 public:
  Json operator()(std::string_view text);
  /// The text itself, for what writes it: it lives as long as what was given.
  std::string_view noted(std::string_view text);
  std::string_view noted(const std::string& text) { return noted(std::string_view(text)); }
  std::optional<std::string_view> noted(const std::optional<std::string>& text);

  /// The finding to add when a text was not UTF-8; null when all of it was.
  [[nodiscard]] Json finding() const;

 private:
  bool replaced_ = false;
};

/// One element of "findings".
Json finding_json(const Finding& finding, JsonText& text);

/// PIPELINE of docs/output.md 2.2.
Json pipeline_json(const PipelineReport& report);

/// The document of `weigh inspect` with one model, written.
void write_json(const Model& model, const std::vector<Fit>& fits, std::ostream& out);

/// MODEL of docs/output.md 2.2 with the schema first, on a line of its own, without devices that were not asked for.
/// `named` is the model's named_quantization(), `more` adds members at the end.
std::string model_line(const ModelReport& report, const std::optional<NamedQuantization>& named,
                       const std::function<void(JsonWriter&)>& more = {});

/// {"schema", "error": {...}} on one line.
std::string failure_json_line(const Failure& failure);

Json failures_json(const std::vector<Failure>& failures);

/// One complete document and a line end.
void write_document(const Json& document, std::ostream& out);

/// As write_document, with `rows`, a line each, as the array at `key`: a table of 100,000 tensors stays greppable.
void write_document_with_rows(const Json& document, std::string_view key, const std::vector<Json>& rows,
                              std::ostream& out);

/// One value as JSON text on one line, invalid UTF-8 replaced.
std::string dumped(const Json& value);

}  // namespace weigh::core
