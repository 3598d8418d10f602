#include "src/report/scan_lines.h"

#include <nlohmann/json.hpp>

#include "formats/error.h"
#include "src/report/json.h"
#include "src/report/json_writer.h"
#include "src/scan/line_reader.h"
#include "src/scan/stored_row.h"

namespace weigh::core {
namespace {

std::string scan_line(const ModelReport& report, const std::optional<NamedQuantization>& named,
                      const ScanFacts& facts) {
  return model_line(report, named, [&](JsonWriter& json) {
    json.field("store", facts.store.empty() ? std::nullopt : std::optional(facts.store));
    json.field("header_only", facts.header_only);
    json.field("modified", facts.times.modified);
    json.field("used", facts.times.used);
    json.object("identity", [&] {
      json.field("tensors", facts.identity.tensors);
      json.field("header", facts.identity.header);
      json.field("weights", facts.weights.empty() ? std::nullopt : std::optional(facts.weights));
    });
  });
}

void load_line(const Json& json, Inventory& inventory) {
  const auto error = json.is_object() ? json.find("error") : json.end();
  if (!json.is_object() || error == json.end() || !error->is_object()) {
    std::string line = dumped(json);
    ScanRow row = row_from_line(line);
    check_counts(json);
    return inventory.load(StoredModel{std::move(row), std::move(line)});
  }
  Failure failure{error->value("path", ""), error->value("message", ""), std::nullopt};
  const Json offset = error->value("offset", Json());
  if (!offset.is_null() && !offset.is_number_unsigned()) throw FormatError("offset is no whole number");
  if (!offset.is_null()) failure.offset = offset.get<std::uint64_t>();
  inventory.load(failure);
}

}  // namespace

StoredModel stored_model(const ModelReport& report, const ScanFacts& facts, LineUse line) {
  const std::span<const Fit> fits = report.common_devices ? std::span<const Fit>() : std::span(report.fits);
  StoredModel stored;
  const auto named = named_quantization(report.model);
  stored.row = row_of(report.model, named, fits, facts);
  if (line == LineUse::Needed) stored.line = scan_line(report, named, facts);
  return stored;
}

std::string line_with_weights(const std::string& line, const std::string& weights_id) {
  Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) throw FormatError("no line of a scan");
  json["identity"]["weights"] = weights_id;
  return dumped(json);
}

std::string without_schema(std::string_view line) {
  constexpr std::string_view kSchema = R"({"schema":"weigh.inspect/2",)";
  if (!line.starts_with(kSchema)) return std::string(line);
  return "{" + std::string(line.substr(kSchema.size()));
}

std::uint64_t load_lines(const std::string& path, Inventory& inventory,
                         const std::function<void(std::uint64_t number, const std::string& why)>& bad_line) {
  LineReader lines(path, LineReader::kLongestModel);
  std::uint64_t bad = 0;
  while (const auto line = lines.next()) {
    if (line->text.empty() && !line->is_long) continue;
    try {
      if (line->is_long) throw FormatError("more bytes than any line of a scan");
      load_line(parse_model_line(line->text), inventory);
    } catch (const nlohmann::json::exception&) {
      ++bad;
      bad_line(lines.number(), "no line of a scan");
    } catch (const FormatError& problem) {
      ++bad;
      bad_line(lines.number(), problem.what());
    }
  }
  return bad;
}

}  // namespace weigh::core
