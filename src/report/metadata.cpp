#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "formats/text.h"
#include "src/report/json.h"
#include "src/report/listings.h"
#include "src/report/table.h"
#include "src/report/text_format.h"

namespace weigh::core {
namespace {

constexpr std::uint64_t kShortArray = 16;  // docs/output.md 2.3: longer ones are cut
constexpr std::size_t kShortText = 160;    // bytes; only for people, JSON always has the whole text

/// A float32 by the shortest decimal that names it: 1e-05, not 9.999999747378752e-06. Null for NaN and infinities.
Json float_json(const MetadataValue& value) {
  if (!std::isfinite(value.float_value)) return nullptr;
  if (value.type != ValueType::Float32) return value.float_value;
  return std::strtod(fmt::format("{}", static_cast<float>(value.float_value)).c_str(), nullptr);
}

Json value_json(const MetadataValue& value, bool full, JsonText& text) {
  switch (value_kind(value.type)) {
    case ValueKind::Unsigned: return value.unsigned_value;
    case ValueKind::Signed: return value.signed_value;
    case ValueKind::Float: return float_json(value);
    case ValueKind::Bool: return value.unsigned_value != 0;
    case ValueKind::String: return text(value.text);
    case ValueKind::Array: break;
  }
  Json elements = Json::array();
  for (const MetadataValue& element : value.elements) elements.push_back(value_json(element, full, text));
  if (full || value.count <= kShortArray) return elements;
  return {{"type", value_type_name(value.element_type)}, {"length", value.count}, {"first", std::move(elements)}};
}

/// A key with its value; several files of one set repeat keys, the first one counts.
struct Entry {
  std::string key;
  std::string_view type;
  Json value;
  std::uint64_t count = 0;
};

std::vector<Entry> entries_of(const Checkpoint& checkpoint, bool full, JsonText& text) {
  std::vector<Entry> entries;
  std::unordered_set<std::string_view> seen;
  const std::uint64_t most = full ? std::numeric_limits<std::uint64_t>::max() : kShortArray;
  for (const ModelFile& file : checkpoint.files) {
    for (const MetadataEntry& entry : file.metadata.entries) {
      if (!seen.insert(entry.key).second) continue;
      const MetadataValue value = decode(file.metadata, entry, most);
      entries.push_back(
          {std::string(entry.key), value_type_name(entry.type), value_json(value, full, text), entry.count});
    }
  }
  return entries;
}

/// For people: a text as it is, anything else as JSON; cut where it is long.
std::string value_text(const Json& value, bool full) {
  if (value.is_object() && value.contains("first") && value.contains("length") && value.contains("type")) {
    std::string list = value_text(value["first"], full);
    if (!list.empty() && list.back() == ']') list.pop_back();
    return fmt::format("{}, ...] {} of {}", list, grouped(value["length"].get<std::uint64_t>()),
                       value["type"].get<std::string>());
  }
  std::string text = value.is_string() ? value.get<std::string>() : dumped(value);
  if (full || text.size() <= kShortText) return text;
  std::size_t end = kShortText;  // not within a character
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return fmt::format("{} ... ({} bytes)", text.substr(0, end), grouped(text.size()));
}

void write_metadata_json(const MetadataListing& listing, std::ostream& out) {
  JsonText text;
  Json metadata = Json::object();
  auto& object = metadata.get_ref<Json::object_t&>();
  std::unordered_set<std::string> replaced;  // keys that were different only in what is no UTF-8
  for (Entry& entry : listing.checkpoint ? entries_of(*listing.checkpoint, listing.full, text) : std::vector<Entry>{}) {
    const Json key = text(entry.key);
    if (!is_utf8(entry.key) && !replaced.insert(dumped(key)).second) continue;
    object.emplace_back(entry.key, std::move(entry.value));  // operator[] would search all keys before
  }
  Json document{{"schema", "weigh.metadata/1"}, {"path", text(listing.path)}, {"metadata", std::move(metadata)}};
  if (listing.checkpoint != nullptr && listing.checkpoint->config != nullptr) {
    document["config"] = Json(*listing.checkpoint->config);
  }
  if (Json finding = text.finding(); !finding.is_null()) document["findings"] = Json::array({std::move(finding)});
  document["errors"] = failures_json(listing.errors);
  write_document(document, out);
}

}  // namespace

std::vector<MetadataLine> metadata_lines(const Checkpoint& checkpoint, bool full) {
  JsonText text;
  std::vector<MetadataLine> lines;
  for (const Entry& entry : entries_of(checkpoint, full, text)) {
    lines.push_back({entry.key, std::string(entry.type), value_text(entry.value, full)});
  }
  if (checkpoint.config != nullptr) {
    for (const auto& [key, value] : checkpoint.config->items()) {
      lines.push_back({"config.json: " + key, value.type_name(), value_text(Json(value), full)});
    }
  }
  return lines;
}

void write_metadata(const MetadataListing& listing, std::string_view format, const Style& style, std::ostream& out) {
  if (format == "json") return write_metadata_json(listing, out);
  const std::vector<MetadataLine> lines =
      listing.checkpoint ? metadata_lines(*listing.checkpoint, listing.full) : std::vector<MetadataLine>{};
  if (format == "text") {
    for (const MetadataLine& line : lines) {
      out << escaped(line.key, style.unicode) << " = " << escaped(line.value, style.unicode) << '\n';
    }
    return;
  }
  Table table{{{"key"}, {"type"}, {"value"}}, {}};
  for (const MetadataLine& line : lines) table.rows.push_back({line.key, line.type, line.value});
  if (format == "csv") return write_csv_table(table, out);
  write_markdown_table(table, out);
}

}  // namespace weigh::core
