// The report people read: one function for each block of it, from the first line to the notes.

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "src/report/answer.h"
#include "src/report/fit_words.h"
#include "src/report/model_table.h"
#include "src/report/summary.h"
#include "src/report/text_format.h"
#include "src/report/writers.h"

namespace weigh::core {
namespace {

constexpr std::size_t kFindingsShown = 3;  // --verbose shows all

void write_other_findings(const Model& model, TextWriter& page) {
  const std::size_t first = errors_on_top(model);
  const std::size_t all = model.findings.size();
  const std::size_t end = page.style().verbose ? all : std::min(all, first + kFindingsShown);
  if (first == all) return;
  for (std::size_t i = first; i < end; ++i) write_finding(model.findings[i], model, page);
  if (end < all) page.line(fmt::format("  and {} (--verbose shows all)", counted(all - end, "more finding")));
}

void write_dtypes(const Model& model, TextWriter& page) {
  if (model.by_dtype.empty() || model.checkpoint.path.empty()) return;
  std::vector<std::vector<std::string>> rows{{"dtype", "tensors", "parameters", "bytes"}};
  for (const DtypeTotals& row : model.by_dtype) {
    rows.push_back({page.safe(row.dtype), grouped(row.tensors), grouped(known_parameters(row)), grouped(row.bytes)});
  }
  const std::vector<std::string> lines = aligned(rows, "lrrr");
  page.line();
  page.line("  " + lines.front());
  const std::size_t used = 2 + display_width(lines.front()) + 3 + 8;  // indent, gap, and " 100.0 %" after the bar
  const std::size_t room = page.width() > used + 8 ? std::min<std::size_t>(page.width() - used, 30) : 0;
  for (std::size_t i = 0; i < model.by_dtype.size(); ++i) {
    std::string line = "  " + lines[i + 1];
    if (model.weight_bytes > 0) {
      const double share = static_cast<double>(model.by_dtype[i].bytes) / static_cast<double>(model.weight_bytes);
      const std::string drawn = bar(share, room, page.style().unicode);
      const std::size_t drawn_width = std::min(room, display_width(drawn));
      line += fmt::format("   {}{} {:5.1f} %", drawn, std::string(room - drawn_width, ' '), share * 100);
    }
    page.line(line);
  }
  page.line();
}

void write_sizes(const Model& model, TextWriter& page) {
  const std::size_t files = model.checkpoint.files.size();
  if (files > 0) {
    const std::string label = page.label(files == 1 ? "file" : counted(files, "file"));
    page.paragraph(label, file_sum_text(model, page.style().verbose));
  }
  const std::string label = page.label("what if");
  page.hang(label, packed(what_if(model), " | ", page.room_after(label)));
}

void write_model(const ModelReport& report, bool one_of_many, TextWriter& page) {
  const Model& model = report.model;
  write_answer(report, one_of_many || page.style().verbose, page);
  if (page.style().quiet) return;
  page.line();
  for (const SummaryLine& line : summary_lines(model, page.style().verbose)) {
    page.paragraph(page.label(line.label), page.safe(line.text));
  }
  if (page.style().verbose) {
    write_dtypes(model, page);
    write_sizes(model, page);
  }
  if (!report.as_gguf.empty()) page.paragraph(page.label("as GGUF"), page.safe(choices_text(report.as_gguf)));
  write_other_findings(model, page);
}

}  // namespace

void write_text(const Report& report, const Style& style, std::ostream& out) {
  TextWriter page(style, out);
  const bool is_table = report.models.size() >= kModelsInTable && !style.verbose;
  if (is_table) {
    write_model_table(report.models, page);
  } else {
    for (const ModelReport& model : report.models) {
      if (&model != &report.models.front()) page.line();
      write_model(model, report.models.size() > 1, page);
    }
  }
  const auto projectors = std::ranges::count(report.pipelines, PipelineKind::Projector, &PipelineReport::kind);
  for (const PipelineReport& pipeline : report.pipelines) {
    // With one projector for many quantisations each row of a table would be said again.
    if (is_table && projectors > 1 && pipeline.kind == PipelineKind::Projector) continue;
    page.line();
    write_pipeline(pipeline, page);
  }
}

}  // namespace weigh::core
