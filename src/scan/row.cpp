#include "src/scan/row.h"

#include <sys/stat.h>

#include <algorithm>

#include "formats/checked.h"
#include "formats/text.h"

namespace weigh::core {

namespace {

void add_dtypes(const Model& model, const std::optional<NamedQuantization>& named, ScanRow& row) {
  std::uint64_t most = 0;
  for (const DtypeTotals& totals : model.by_dtype) {
    row.dtypes.push_back(totals.dtype);
    if (row.dtypes.size() == 1 || totals.bytes > most) row.dtype = totals.dtype;
    most = std::max(most, totals.bytes);
  }
  if (model.quantization && !model.quantization->scheme.empty()) {
    row.dtype = model.quantization->scheme;
    row.dtypes.push_back(model.quantization->scheme);
  }
  row.quantization = quantization_title(model, named);
  if (named) row.plan = named->scheme;
}

bool is_text(const std::optional<std::string>& text) { return !text || is_utf8(*text); }

// Whether JSON can hold all of the texts as they are.
bool is_all_utf8(const Model& model, std::span<const Fit> fits) {
  const Checkpoint& checkpoint = model.checkpoint;
  const Architecture& architecture = model.architecture;
  return is_utf8(checkpoint.path) && is_utf8(checkpoint.name) && std::ranges::all_of(checkpoint.file_paths, is_utf8) &&
         is_text(architecture.name) && is_text(architecture.tokenizer) && is_text(architecture.license) &&
         is_text(architecture.base_model) &&
         std::ranges::all_of(model.by_dtype, [](const DtypeTotals& totals) { return is_utf8(totals.dtype); }) &&
         (!model.quantization || is_utf8(model.quantization->scheme)) &&
         std::ranges::all_of(model.findings,
                             [](const Finding& finding) {
                               return is_utf8(finding.message) && is_utf8(finding.tensor) && is_utf8(finding.file);
                             }) &&
         std::ranges::all_of(
             fits, [](const Fit& fit) { return std::ranges::all_of(fit.companions, is_utf8, &CompanionShare::path); });
}

void count_findings(const Model& model, std::span<const Fit> fits, ScanRow& row) {
  for (const Finding& finding : model.findings) {
    if (finding.severity == Severity::Error && row.errors++ == 0) row.first_error = finding.message;
    row.warnings += finding.severity == Severity::Warning ? 1 : 0;
  }
  // The finding that JSON has of itself when it cannot hold a text.
  row.warnings += is_all_utf8(model, fits) ? 0 : 1;
}

}  // namespace

FileTimes times_of(std::span<const std::string> paths) {
  FileTimes times;
  const auto later = [](std::optional<std::uint64_t>& time, std::int64_t seconds) {
    time = std::max(time.value_or(0), static_cast<std::uint64_t>(std::max<std::int64_t>(0, seconds)));
  };
  for (const std::string& path : paths) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) continue;
    later(times.modified, status.st_mtime);
    later(times.used, status.st_atime);
  }
  return times;
}

ScanRow row_of(const Model& model, const std::optional<NamedQuantization>& named, std::span<const Fit> fits,
               const ScanFacts& facts) {
  ScanRow row;
  const Checkpoint& checkpoint = model.checkpoint;
  row.path = checkpoint.path;
  row.name = checkpoint.name;
  if (!checkpoint.files.empty()) row.format = format_name(checkpoint.files.front().format);
  row.store = facts.store;
  row.architecture = model.architecture.name.value_or("");
  row.kind = model.kind;
  row.parameters = model.known_total();
  row.active = model.active_parameters;
  row.bits_per_weight = model.bits_per_weight();
  row.weight_bytes = model.weight_bytes;
  add_dtypes(model, named, row);
  SaturatingSum bytes;
  for (const ModelFile& file : checkpoint.files) bytes.add(file.file_bytes);
  row.file_bytes = bytes.value;
  row.files = checkpoint.files.size();
  if (model.experts) row.experts = model.experts->count;
  count_findings(model, fits, row);
  for (const Fit& fit : fits) row.verdicts.emplace_back(fit.device.id, verdict_name(fit.verdict));
  row.tensors_id = facts.identity.tensors;
  row.header_id = facts.identity.header;
  row.weights_id = facts.weights;
  row.header_only = facts.header_only;
  row.modified = facts.times.modified;
  row.used = facts.times.used;
  return row;
}

}  // namespace weigh::core
