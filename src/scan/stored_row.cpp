#include "src/scan/stored_row.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

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

// What a member of an object is; nothing where it is absent or null.
using Member = std::optional<Value>;

// The members of these names, found in one pass; none where it is no object. Of several of one name the first counts.
template <std::size_t kCount>
std::array<Member, kCount> members_of(const Member& object, const std::array<std::string_view, kCount>& names) {
  std::array<Member, kCount> members;
  std::array<bool, kCount> is_met{};
  simdjson::dom::object fields;
  if (!object || object->get(fields) != simdjson::SUCCESS) return members;
  std::size_t next = 0;  // a line of weigh has them in the order of `names`
  for (const auto field : fields) {
    const bool is_next = next < kCount && names[next] == field.key;
    const auto i = is_next ? next : static_cast<std::size_t>(std::ranges::find(names, field.key) - names.begin());
    next = i < kCount ? i + 1 : next;
    if (i == kCount || std::exchange(is_met[i], true) || field.value.is_null()) continue;
    members[i] = field.value;
  }
  return members;
}

std::string text_of(const Member& member) {
  std::string_view text;
  return member && member->get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

std::optional<std::uint64_t> number_of(const Member& member, std::string_view name) {
  if (!member) return std::nullopt;
  std::uint64_t number = 0;
  if (member->get(number) != simdjson::SUCCESS) throw FormatError(fmt::format("{} is no whole number", name));
  return number;
}

const Member& checked_object(const Member& member, std::string_view name) {
  if (member && !member->is_object()) throw FormatError(fmt::format("{} is no object", name));
  return member;
}

void each_of(const Member& member, std::string_view name, const auto& take) {
  simdjson::dom::array list;
  if (!member) return;
  if (member->get(list) != simdjson::SUCCESS) throw FormatError(fmt::format("{} is no list", name));
  for (const Value entry : list) take(Member(entry));
}

bool is_true(const Member& member) {
  bool flag = false;
  return member && member->get(flag) == simdjson::SUCCESS && flag;
}

void read_dtypes(const Member& by_dtype, ScanRow& row) {
  constexpr std::size_t kUsual = 4;
  std::uint64_t most = 0;
  row.dtypes.reserve(kUsual);
  each_of(by_dtype, "by_dtype", [&](const Member& entry) {
    const auto [dtype, size] = members_of<2>(entry, {"dtype", "bytes"});
    row.dtypes.push_back(text_of(dtype));
    const std::uint64_t bytes = number_of(size, "bytes").value_or(0);
    if (row.dtypes.size() == 1 || bytes > most) row.dtype = row.dtypes.back();
    most = std::max(most, bytes);
  });
}

// A GGUF's scheme is its file type, which is no element type.
void read_quantization(const Member& quantization, bool is_predicted, ScanRow& row) {
  const auto [scheme, name] = members_of<2>(checked_object(quantization, "quantization"), {"scheme", "name"});
  row.plan = text_of(scheme);
  row.quantization = text_of(name);
  const bool is_gguf = row.format == "gguf" && !is_predicted;
  if (!row.plan.empty() && !is_gguf) {
    row.dtype = row.plan;
    row.dtypes.push_back(row.plan);
  }
  if (row.quantization.empty()) row.quantization = dtype_title(row.dtype);
}

std::optional<double> bits_per_weight_of(const Member& bits) {
  double number = 0;
  if (bits && bits->get(number) != simdjson::SUCCESS) throw FormatError("bits_per_weight is no number");
  return bits ? std::optional(number) : std::nullopt;
}

void read_weights(const Member& weights, ScanRow& row) {
  const auto [bytes, bits, by_dtype] = members_of<3>(weights, {"bytes", "bits_per_weight", "by_dtype"});
  row.weight_bytes = number_of(bytes, "bytes").value_or(0);
  row.bits_per_weight = bits_per_weight_of(bits);
  read_dtypes(by_dtype, row);
}

void read_files(const Member& files, ScanRow& row) {
  SaturatingSum sum;
  each_of(files, "files", [&](const Member& file) {
    const auto [bytes] = members_of<1>(file, {"bytes"});
    sum.add(number_of(bytes, "bytes").value_or(0));
    ++row.files;
  });
  row.file_bytes = sum.value;
}

void read_findings(const Member& findings, ScanRow& row) {
  each_of(findings, "findings", [&](const Member& finding) {
    const auto [severity, message] = members_of<2>(finding, {"severity", "message"});
    const std::string name = text_of(severity);
    if (name == "error" && row.errors++ == 0) row.first_error = text_of(message);
    row.warnings += name == "warning" ? 1 : 0;
  });
}

void read_verdicts(const Member& fits, ScanRow& row) {
  each_of(fits, "fit", [&](const Member& fit) {
    const auto [device, verdict] = members_of<2>(fit, {"device", "verdict"});
    row.verdicts.emplace_back(text_of(device), text_of(verdict));
  });
}

// Throws FormatError. The tree is there until the next line is parsed.
Value parsed(std::string_view line) {
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
  return root;
}

}  // namespace

ScanRow row_from_line(std::string_view line) {
  const auto [path, name, predicted, format, files, architecture, kind, parameters, weights, experts, quantization,
              findings, fits, store, header_only, modified, used, identity] =
      members_of<18>(parsed(line), {"path", "name", "predicted", "format", "files", "architecture", "kind",
                                    "parameters", "weights", "experts", "quantization", "findings", "fit", "store",
                                    "header_only", "modified", "used", "identity"});
  if (!path || !path->is_string() || !weights || !weights->is_object()) {
    throw FormatError("no MODEL of weigh: path or weights are missing");
  }
  ScanRow row;
  row.path = text_of(path);
  row.name = text_of(name);
  row.format = text_of(format);
  row.store = text_of(store);
  const auto [architecture_name] = members_of<1>(checked_object(architecture, "architecture"), {"name"});
  row.architecture = text_of(architecture_name);
  row.kind = text_of(kind);
  const auto [total, active] = members_of<2>(checked_object(parameters, "parameters"), {"total", "active"});
  row.parameters = number_of(total, "total");
  row.active = number_of(active, "active");
  read_weights(weights, row);
  read_quantization(quantization, is_true(predicted), row);
  read_files(files, row);
  const auto [expert_count] = members_of<1>(checked_object(experts, "experts"), {"count"});
  row.experts = number_of(expert_count, "count");
  read_findings(findings, row);
  read_verdicts(fits, row);
  const auto [tensors_id, header_id, weights_id] =
      members_of<3>(checked_object(identity, "identity"), {"tensors", "header", "weights"});
  row.tensors_id = text_of(tensors_id);
  row.header_id = text_of(header_id);
  row.weights_id = text_of(weights_id);
  row.header_only = is_true(header_only);
  row.modified = number_of(modified, "modified");
  row.used = number_of(used, "used");
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
