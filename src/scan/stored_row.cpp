#include "src/scan/stored_row.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "formats/checked.h"
#include "formats/error.h"
#include "src/quantize/quantization_name.h"
#include "src/source/parse_json.h"

namespace weigh::core {

namespace {

using Json = nlohmann::ordered_json;

const Json& member(const Json& object, const char* key) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::optional<std::uint64_t> number_of(const Json& object, const char* key) {
  const Json& value = member(object, key);
  if (value.is_null()) return std::nullopt;
  if (!value.is_number_unsigned()) throw FormatError(fmt::format("{} is no whole number", key));
  return value.get<std::uint64_t>();
}

const Json& part(const Json& object, const char* key, Json::value_t type) {
  const Json& value = member(object, key);
  if (value.is_null() || value.type() == type) return value;
  throw FormatError(fmt::format("{} is no {}", key, type == Json::value_t::array ? "list" : "object"));
}
const Json& list(const Json& object, const char* key) { return part(object, key, Json::value_t::array); }
const Json& object(const Json& model, const char* key) { return part(model, key, Json::value_t::object); }

// A model of 40,000 files has 10 MiB and 240,000 values.
constexpr JsonLimits kLineJson{std::size_t{16} << 20U, 400'000};
// An ordered_json looks for each key among all before it.
constexpr std::size_t kMostMembers = 2'000;

// Counts colons outside of strings, level by level; the text keeps json_excess()'s depth.
bool has_wide_object(std::string_view text) {
  std::array<std::size_t, kMaxJsonDepth + 1> members{};
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      while (++i < text.size() && text[i] != '"') i += text[i] == '\\' ? 1 : 0;
    } else if (c == '{' || c == '[') {
      members[++depth] = 0;
    } else if (c == '}' || c == ']') {
      depth -= depth > 0 ? 1 : 0;
    } else if (c == ':' && ++members[depth] > kMostMembers) {
      return true;
    }
  }
  return false;
}

}  // namespace

Json parse_model_line(std::string_view text) {
  const std::string excess = json_excess(text, kLineJson);
  if (!excess.empty()) throw FormatError("no line of a scan: " + excess);
  if (has_wide_object(text)) {
    throw FormatError(fmt::format("no line of a scan: an object of more than {} members", kMostMembers));
  }
  Json model = Json::parse(text, nullptr, false);
  if (model.is_discarded()) throw FormatError("no line of a scan");
  return model;
}

namespace {

// A row is read of each line of an inventory, each time: a tree of simdjson's takes a tenth of the time.
using Value = simdjson::dom::element;

std::optional<Value> value_of(const std::optional<Value>& object, std::string_view key) {
  Value value;
  if (!object || object->at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  return value;
}

std::string text_of(const std::optional<Value>& object, std::string_view key) {
  const auto value = value_of(object, key);
  std::string_view text;
  return value && value->get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

std::optional<std::uint64_t> number_of(const std::optional<Value>& object, std::string_view key) {
  const auto value = value_of(object, key);
  if (!value) return std::nullopt;
  std::uint64_t number = 0;
  if (value->get(number) != simdjson::SUCCESS) throw FormatError(fmt::format("{} is no whole number", key));
  return number;
}

std::optional<Value> object_of(const std::optional<Value>& model, std::string_view key) {
  const auto value = value_of(model, key);
  if (value && !value->is_object()) throw FormatError(fmt::format("{} is no object", key));
  return value;
}

void each_of(const std::optional<Value>& object, std::string_view key, const auto& take) {
  const auto value = value_of(object, key);
  simdjson::dom::array list;
  if (!value) return;
  if (value->get(list) != simdjson::SUCCESS) throw FormatError(fmt::format("{} is no list", key));
  for (const Value entry : list) take(std::optional(entry));
}

bool is_true(const std::optional<Value>& object, std::string_view key) {
  const auto value = value_of(object, key);
  bool flag = false;
  return value && value->get(flag) == simdjson::SUCCESS && flag;
}

void read_dtypes(const std::optional<Value>& weights, ScanRow& row) {
  std::uint64_t most = 0;
  each_of(weights, "by_dtype", [&](const std::optional<Value>& entry) {
    row.dtypes.push_back(text_of(entry, "dtype"));
    const std::uint64_t bytes = number_of(entry, "bytes").value_or(0);
    if (row.dtypes.size() == 1 || bytes > most) row.dtype = row.dtypes.back();
    most = std::max(most, bytes);
  });
}

// A GGUF's scheme is its file type, which is no element type.
void read_quantization(const std::optional<Value>& model, ScanRow& row) {
  const auto quantization = object_of(model, "quantization");
  row.plan = text_of(quantization, "scheme");
  row.quantization = text_of(quantization, "name");
  const bool is_gguf = row.format == "gguf" && !is_true(model, "predicted");
  if (!row.plan.empty() && !is_gguf) {
    row.dtype = row.plan;
    row.dtypes.push_back(row.plan);
  }
  if (row.quantization.empty()) row.quantization = dtype_title(row.dtype);
}

std::optional<double> bits_per_weight_of(const std::optional<Value>& weights) {
  const auto bits = value_of(weights, "bits_per_weight");
  double number = 0;
  if (bits && bits->get(number) != simdjson::SUCCESS) throw FormatError("bits_per_weight is no number");
  return bits ? std::optional(number) : std::nullopt;
}

bool is_text(const std::optional<Value>& object, std::string_view key) {
  const auto value = value_of(object, key);
  return value && value->is_string();
}

}  // namespace

ScanRow row_from_line(std::string_view line) {
  constexpr std::size_t kUsual = 4096;
  thread_local simdjson::dom::parser parser;
  Value root;
  // A line of fewer bytes cannot have so many values.
  const bool is_excessive = line.size() > kLineJson.values && !json_excess(line, kLineJson).empty();
  const bool has_depth =
      parser.max_depth() == kMaxJsonDepth || parser.allocate(kUsual, kMaxJsonDepth) == simdjson::SUCCESS;
  if (is_excessive || !has_depth || parser.parse(line.data(), line.size()).get(root) != simdjson::SUCCESS) {
    throw FormatError("no line of a scan");
  }
  const std::optional model(root);
  const auto weights = value_of(model, "weights");
  if (!is_text(model, "path") || !weights || !weights->is_object()) {
    throw FormatError("no MODEL of weigh: path or weights are missing");
  }
  ScanRow row;
  row.path = text_of(model, "path");
  row.name = text_of(model, "name");
  row.format = text_of(model, "format");
  row.store = text_of(model, "store");
  row.architecture = text_of(object_of(model, "architecture"), "name");
  row.kind = text_of(model, "kind");
  row.parameters = number_of(object_of(model, "parameters"), "total");
  row.active = number_of(object_of(model, "parameters"), "active");
  row.weight_bytes = number_of(weights, "bytes").value_or(0);
  row.bits_per_weight = bits_per_weight_of(weights);
  read_dtypes(weights, row);
  read_quantization(model, row);
  SaturatingSum bytes;
  each_of(model, "files", [&](const std::optional<Value>& file) {
    bytes.add(number_of(file, "bytes").value_or(0));
    ++row.files;
  });
  row.file_bytes = bytes.value;
  row.experts = number_of(object_of(model, "experts"), "count");
  each_of(model, "findings", [&](const std::optional<Value>& finding) {
    const std::string severity = text_of(finding, "severity");
    if (severity == "error" && row.errors++ == 0) row.first_error = text_of(finding, "message");
    row.warnings += severity == "warning" ? 1 : 0;
  });
  each_of(model, "fit", [&](const std::optional<Value>& fit) {
    row.verdicts.emplace_back(text_of(fit, "device"), text_of(fit, "verdict"));
  });
  const auto identity = object_of(model, "identity");
  row.tensors_id = text_of(identity, "tensors");
  row.header_id = text_of(identity, "header");
  row.weights_id = text_of(identity, "weights");
  row.header_only = is_true(model, "header_only");
  row.modified = number_of(model, "modified");
  row.used = number_of(model, "used");
  return row;
}

namespace {

constexpr std::uint64_t kMostOfAnything = std::numeric_limits<std::int64_t>::max();

// Every whole number of the value, however deep.
void check_numbers(const Json& value, std::string_view key) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > kMostOfAnything) {
    throw FormatError(fmt::format("{} is {}, more than any model has", key, value.get<std::uint64_t>()));
  }
  for (const auto& item : value.items()) {
    if (value.is_structured()) check_numbers(item.value(), value.is_object() ? item.key() : key);
  }
}

// Where every part is known.
std::optional<std::uint64_t> sum_of(const Json& parts, const char* key) {
  SaturatingSum sum;
  for (const Json& one : parts) {
    const auto number = number_of(one, key);
    if (!number) return std::nullopt;
    sum.add(*number);
  }
  return parts.empty() ? std::nullopt : std::optional(sum.value);
}

}  // namespace

void check_counts(const Json& model) {
  for (const char* key : {"parameters", "weights", "files", "experts", "modified", "used"}) {
    check_numbers(member(model, key), key);
  }
  const Json& weights = member(model, "weights");
  const auto total = number_of(object(model, "parameters"), "total");
  const auto active = number_of(object(model, "parameters"), "active");
  const auto bytes = number_of(weights, "bytes");
  if (total && active && *active > *total) {
    throw FormatError(fmt::format("{} active parameters of {}", *active, *total));
  }
  const Json& bits = member(weights, "bits_per_weight");
  const double bits_per_weight = bits.is_number() ? bits.get<double>() : 0;
  const bool is_nothing = bits.is_number() && bits_per_weight == 0 && total.value_or(0) > 0 && bytes.value_or(0) > 0;
  if (bits_per_weight < 0 || !std::isfinite(bits_per_weight) || is_nothing) {
    throw FormatError(fmt::format("{} bits per weight", bits_per_weight));
  }
  const auto by_dtype = sum_of(list(weights, "by_dtype"), "bytes");
  if (by_dtype && bytes && *by_dtype != *bytes) {
    throw FormatError(fmt::format("{} bytes of weights, where its types have {}", *bytes, *by_dtype));
  }
  for (const Json& file : list(model, "files")) (void)number_of(file, "bytes");
}

}  // namespace weigh::core
