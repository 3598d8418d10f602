// The answer of `weigh explain`.
#include "src/report/explanation.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "src/report/json.h"
#include "src/report/text_writer.h"

namespace weigh::core {
namespace {

std::string shown(std::uint64_t number, const Explanation& explanation, bool exact) {
  if (exact) return grouped(number) + (explanation.is_bytes ? " bytes" : "");
  return explanation.is_bytes ? human_bytes(number) : human_parameters(number);
}

/// Without its sign, which stands before the line.
std::string amount(std::int64_t number, const Explanation& explanation, bool exact) {
  return shown(number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number), explanation,
               exact);
}

void write_text(const Explanation& explanation, const Style& style, std::ostream& out) {
  TextWriter page(style, out);
  if (!explanation.value) {
    page.paragraph("", page.safe(explanation.subject + ": not known"));
    return;
  }
  page.paragraph("", page.safe(explanation.subject) + ": " + shown(*explanation.value, explanation, style.verbose));
  if (style.quiet) return;
  page.line();
  for (const ExplainedStep& step : explanation.steps) {
    const std::string_view sign = step.value < 0 ? "  - " : &step == &explanation.steps.front() ? "    " : "  + ";
    page.paragraph(sign, page.safe(step.text) + " = " + amount(step.value, explanation, style.verbose));
  }
  if (explanation.steps.size() > 1) page.line("  = " + shown(*explanation.value, explanation, true));
}

}  // namespace

void write_explanation(const Explanation& explanation, std::string_view format, const Style& style, std::ostream& out) {
  if (format == "text") return write_text(explanation, style, out);
  JsonText text;
  Json steps = Json::array();
  for (const ExplainedStep& step : explanation.steps) {
    steps.push_back({{"text", text(step.text)}, {"value", step.value}});
  }
  write_document({{"schema", "weigh.explain/1"},
                  {"term", explanation.term},
                  {"subject", text(explanation.subject)},
                  {"value", explanation.value ? Json(*explanation.value) : Json()},
                  {"steps", std::move(steps)}},
                 out);
}

}  // namespace weigh::core
