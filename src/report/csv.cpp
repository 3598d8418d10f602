#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "src/report/escape.h"
#include "src/report/fit_words.h"
#include "src/report/summary.h"
#include "src/report/table.h"
#include "src/report/writers.h"

namespace weigh::core {
namespace {

/// A row of the CSV: a model, and a device it was held against if there is one.
struct CsvRow {
  const Model& model;
  const Fit* fit;
  const std::optional<NamedQuantization>& quantization;
};

/// Heading and value of one column. Device columns are empty without --on.
struct CsvColumn {
  std::string_view name;
  Cell (*value)(const CsvRow&);
};

std::uint64_t count(const Model& model, Severity severity) {
  return static_cast<std::uint64_t>(std::count_if(model.findings.begin(), model.findings.end(),
                                                  [severity](const Finding& f) { return f.severity == severity; }));
}

bool has_file(const CsvRow& row) { return !row.model.checkpoint.files.empty(); }

Cell part(const CsvRow& row, NeedPart bytes) { return row.fit != nullptr ? cell(row.fit->need.*bytes) : Cell(); }

const Placement* plan(const CsvRow& row) {
  return row.fit != nullptr && row.fit->placement ? &*row.fit->placement : nullptr;
}

const Serving* serving(const CsvRow& row) {
  return row.fit != nullptr && row.fit->serving ? &*row.fit->serving : nullptr;
}

Cell quantization_cell(const CsvRow& row) {
  std::string title = quantization_title(row.model, row.quantization);
  return title.empty() ? Cell() : Cell(std::move(title));
}

/// Filled where something could not be read, in a row that has nothing else but the path.
constexpr std::string_view kError = "error";

// New columns stand at the end: who counts columns goes on to find those that were there.
// clang-format off
constexpr std::array kColumns{
    CsvColumn{"path", [](const CsvRow& r) { return has_file(r) ? Cell(r.model.checkpoint.path) : Cell(); }},
    CsvColumn{"name", [](const CsvRow& r) { return Cell(r.model.checkpoint.name); }},
    CsvColumn{"format", [](const CsvRow& r) { return has_file(r) ? Cell(std::string(format_name(r.model.checkpoint.files.front().format))) : Cell(); }},
    CsvColumn{"architecture", [](const CsvRow& r) { return cell(r.model.architecture.name); }},
    CsvColumn{"parameters", [](const CsvRow& r) { return cell(r.model.known_total()); }},
    CsvColumn{"active_parameters", [](const CsvRow& r) { return cell(r.model.active_parameters); }},
    CsvColumn{"weight_bytes", [](const CsvRow& r) { return Cell(r.model.weight_bytes); }},
    CsvColumn{"bits_per_weight", [](const CsvRow& r) { return cell(r.model.bits_per_weight()); }},
    CsvColumn{"file_bytes", [](const CsvRow& r) { return has_file(r) ? Cell(r.model.file_bytes()) : Cell(); }},
    CsvColumn{"files", [](const CsvRow& r) { return Cell(std::uint64_t{r.model.checkpoint.files.size()}); }},
    CsvColumn{"tensors", [](const CsvRow& r) { return has_file(r) ? Cell(r.model.tensor_count()) : Cell(); }},
    CsvColumn{"layers", [](const CsvRow& r) { return cell(r.model.architecture.layers); }},
    CsvColumn{"context_length", [](const CsvRow& r) { return cell(r.model.architecture.context_length); }},
    CsvColumn{"vocab_size", [](const CsvRow& r) { return cell(r.model.architecture.vocab_size); }},
    CsvColumn{"experts", [](const CsvRow& r) { return r.model.experts ? Cell(r.model.experts->count) : Cell(); }},
    CsvColumn{"experts_used", [](const CsvRow& r) { return r.model.experts ? cell(r.model.experts->used) : Cell(); }},
    CsvColumn{"quantization", [](const CsvRow& r) { return r.quantization ? Cell(r.quantization->scheme) : Cell(); }},
    CsvColumn{"errors", [](const CsvRow& r) { return Cell(count(r.model, Severity::Error)); }},
    CsvColumn{"warnings", [](const CsvRow& r) { return Cell(count(r.model, Severity::Warning)); }},
    CsvColumn{"device", [](const CsvRow& r) { return r.fit ? Cell(r.fit->device.id) : Cell(); }},
    CsvColumn{"device_count", [](const CsvRow& r) { return r.fit ? Cell(std::uint64_t{r.fit->device.count}) : Cell(); }},
    CsvColumn{"need_bytes", [](const CsvRow& r) { return r.fit ? Cell(r.fit->need.total()) : Cell(); }},
    CsvColumn{"budget_bytes", [](const CsvRow& r) { return r.fit ? Cell(r.fit->budget_bytes) : Cell(); }},
    CsvColumn{"limit_bytes", [](const CsvRow& r) { return r.fit ? Cell(r.fit->limit_bytes) : Cell(); }},
    CsvColumn{"memory_bytes", [](const CsvRow& r) { return r.fit ? Cell(r.fit->memory_bytes) : Cell(); }},
    CsvColumn{"headroom_bytes", [](const CsvRow& r) { return r.fit ? Cell(r.fit->headroom_bytes) : Cell(); }},
    CsvColumn{"verdict", [](const CsvRow& r) { return r.fit ? Cell(std::string(verdict_name(r.fit->verdict))) : Cell(); }},
    CsvColumn{kError, [](const CsvRow&) { return Cell(); }},
    CsvColumn{"engine", [](const CsvRow& r) { return r.fit && r.fit->engine ? Cell(std::string(engine_name(*r.fit->engine))) : Cell(); }},
    CsvColumn{"context", [](const CsvRow& r) { return r.fit ? cell(r.fit->context) : Cell(); }},
    CsvColumn{"kv_type", [](const CsvRow& r) { return r.fit && !r.fit->kv_type.empty() ? Cell(r.fit->kv_type) : Cell(); }},
    CsvColumn{"need_weights_bytes", [](const CsvRow& r) { return part(r, &MemoryNeed::weights); }},
    CsvColumn{"need_kv_cache_bytes", [](const CsvRow& r) { return part(r, &MemoryNeed::kv_cache); }},
    CsvColumn{"need_state_bytes", [](const CsvRow& r) { return part(r, &MemoryNeed::state); }},
    CsvColumn{"need_compute_bytes", [](const CsvRow& r) { return part(r, &MemoryNeed::compute); }},
    CsvColumn{"need_overhead_bytes", [](const CsvRow& r) { return part(r, &MemoryNeed::overhead); }},
    CsvColumn{"gpu_layers", [](const CsvRow& r) { return plan(r) ? cell(plan(r)->gpu_layers) : Cell(); }},
    CsvColumn{"cpu_moe_layers", [](const CsvRow& r) { return plan(r) ? Cell(plan(r)->cpu_moe_layers) : Cell(); }},
    CsvColumn{"host_bytes", [](const CsvRow& r) { return r.fit && r.fit->host ? Cell(r.fit->host->need_bytes) : Cell(); }},
    CsvColumn{"placement_flags", [](const CsvRow& r) { return r.fit && !r.fit->flags.empty() ? Cell(OwnText{fmt::format("{}", fmt::join(r.fit->flags, " "))}) : Cell(); }},
    CsvColumn{"max_context", [](const CsvRow& r) { return r.fit ? cell(r.fit->max_context) : Cell(); }},
    CsvColumn{"tokens_per_second_bound_empty", [](const CsvRow& r) { return r.fit && r.fit->speed ? Cell(r.fit->speed->empty) : Cell(); }},
    CsvColumn{"tokens_per_second_bound_full", [](const CsvRow& r) { return r.fit && r.fit->speed ? Cell(r.fit->speed->full) : Cell(); }},
    CsvColumn{"host_budget_bytes", [](const CsvRow& r) { return r.fit && r.fit->host ? Cell(r.fit->host->budget.safe) : Cell(); }},
    CsvColumn{"reason", [](const CsvRow& r) { return r.fit ? Cell(OwnText{reason_text(*r.fit)}) : Cell(); }},
    CsvColumn{"command", [](const CsvRow& r) { return r.fit && !r.fit->command.empty() ? Cell(OwnText{shell_escaped(r.fit->command)}) : Cell(); }},
    CsvColumn{"quantization_name", [](const CsvRow& r) { return quantization_cell(r); }},
    CsvColumn{"available_kv_bytes", [](const CsvRow& r) { return serving(r) ? Cell(serving(r)->available_bytes * static_cast<std::int64_t>(serving(r)->devices)) : Cell(); }},
    CsvColumn{"blocks", [](const CsvRow& r) { return serving(r) ? Cell(serving(r)->blocks) : Cell(); }},
    CsvColumn{"pool_tokens", [](const CsvRow& r) { return serving(r) ? Cell(serving(r)->pool_tokens) : Cell(); }},
    CsvColumn{"max_concurrency", [](const CsvRow& r) { return serving(r) ? Cell(serving(r)->max_concurrency) : Cell(); }},
    CsvColumn{"max_model_len", [](const CsvRow& r) { return serving(r) ? cell(serving(r)->longest) : Cell(); }},
    CsvColumn{"starts", [](const CsvRow& r) { return serving(r) ? Cell(std::string(serving(r)->starts ? "yes" : "no")) : Cell(); }},
    CsvColumn{"engine_error", [](const CsvRow& r) { return serving(r) && !serving(r)->error.empty() ? Cell(serving(r)->error) : Cell(); }},
};
// clang-format on

void add_row(const CsvRow& row, Table& table) {
  auto& cells = table.rows.emplace_back();
  for (const CsvColumn& column : kColumns) cells.push_back(column.value(row));
}

}  // namespace

void write_csv(const Report& report, const Style& /*style*/, std::ostream& out) {
  Table table;
  for (const CsvColumn& column : kColumns) table.columns.push_back({column.name, Unit::Text});
  for (const ModelReport& model : report.models) {
    const auto quantization = named_quantization(model.model);
    if (model.common_devices || model.fits.empty()) add_row({model.model, nullptr, quantization}, table);
    for (const Fit& fit : model.fits) {
      if (!model.common_devices) add_row({model.model, &fit, quantization}, table);
    }
  }
  for (const PipelineReport& pipeline : report.pipelines) {
    if (pipeline.common_devices) continue;
    Model all;
    all.checkpoint.name = fmt::format("{} ({})", pipeline.name, pipeline_kind_text(pipeline));
    all.total_parameters = pipeline.parameters.value_or(0);
    all.parameters_known = pipeline.parameters.has_value();
    all.weight_bytes = pipeline.weight_bytes;
    for (const Fit& fit : pipeline.at_once) add_row({all, &fit, {}}, table);
  }
  // What could not be read keeps its row: nothing is missing without a word.
  const auto error = std::ranges::find(kColumns, kError, &CsvColumn::name) - kColumns.begin();
  for (const Failure& failure : report.errors) {
    std::vector<Cell> cells(table.columns.size());
    cells.front() = failure.path;
    cells[static_cast<std::size_t>(error)] = failure.message;
    table.rows.push_back(std::move(cells));
  }
  write_csv_table(table, out);
}

}  // namespace weigh::core
