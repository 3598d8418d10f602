#include "src/scan/stored_row.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "formats/checked.h"
#include "formats/error.h"
#include "src/quantize/quantization_name.h"

namespace weigh::core {

namespace {

using Json = nlohmann::ordered_json;

const Json& member(const Json& object, const char* key) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : std::string(); }

std::optional<std::uint64_t> number_of(const Json& value) {
  return value.is_number_unsigned() ? std::optional(value.get<std::uint64_t>()) : std::nullopt;
}

void read_dtypes(const Json& weights, ScanRow& row) {
  std::uint64_t most = 0;
  for (const Json& entry : member(weights, "by_dtype")) {
    row.dtypes.push_back(text_of(member(entry, "dtype")));
    const std::uint64_t bytes = number_of(member(entry, "bytes")).value_or(0);
    if (row.dtypes.size() == 1 || bytes > most) row.dtype = row.dtypes.back();
    most = std::max(most, bytes);
  }
}

// A GGUF's scheme is its file type, which is no element type.
void read_quantization(const Json& model, ScanRow& row) {
  const Json& quantization = member(model, "quantization");
  row.plan = text_of(member(quantization, "scheme"));
  row.quantization = text_of(member(quantization, "name"));
  const bool is_gguf = row.format == "gguf" && member(model, "predicted") != true;
  if (!row.plan.empty() && !is_gguf) {
    row.dtype = row.plan;
    row.dtypes.push_back(row.plan);
  }
  if (row.quantization.empty()) row.quantization = dtype_title(row.dtype);
}

}  // namespace

ScanRow row_from_json(const Json& model) {
  if (!member(model, "path").is_string() || !member(model, "weights").is_object()) {
    throw FormatError("no MODEL of weigh: path or weights are missing");
  }
  ScanRow row;
  row.path = text_of(member(model, "path"));
  row.name = text_of(member(model, "name"));
  row.format = text_of(member(model, "format"));
  row.store = text_of(member(model, "store"));
  row.architecture = text_of(member(member(model, "architecture"), "name"));
  row.kind = text_of(member(model, "kind"));
  row.parameters = number_of(member(member(model, "parameters"), "total"));
  row.active = number_of(member(member(model, "parameters"), "active"));
  const Json& weights = member(model, "weights");
  row.weight_bytes = number_of(member(weights, "bytes")).value_or(0);
  if (const Json& bits = member(weights, "bits_per_weight"); bits.is_number()) row.bits_per_weight = bits.get<double>();
  read_dtypes(weights, row);
  read_quantization(model, row);
  SaturatingSum bytes;
  for (const Json& file : member(model, "files")) {
    bytes.add(number_of(member(file, "bytes")).value_or(0));
    ++row.files;
  }
  row.file_bytes = bytes.value;
  row.experts = number_of(member(member(model, "experts"), "count"));
  for (const Json& finding : member(model, "findings")) {
    const std::string severity = text_of(member(finding, "severity"));
    if (severity == "error" && row.errors++ == 0) row.first_error = text_of(member(finding, "message"));
    row.warnings += severity == "warning" ? 1 : 0;
  }
  for (const Json& fit : member(model, "fit")) {
    row.verdicts.emplace_back(text_of(member(fit, "device")), text_of(member(fit, "verdict")));
  }
  const Json& identity = member(model, "identity");
  row.tensors_id = text_of(member(identity, "tensors"));
  row.header_id = text_of(member(identity, "header"));
  row.weights_id = text_of(member(identity, "weights"));
  row.header_only = member(model, "header_only") == true;
  row.modified = number_of(member(model, "modified"));
  row.used = number_of(member(model, "used"));
  return row;
}

}  // namespace weigh::core
