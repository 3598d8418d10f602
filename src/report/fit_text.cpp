// The report of `weigh fit` for people: one block for each device.

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "src/fit/companions.h"
#include "src/report/fit_words.h"
#include "src/report/summary.h"
#include "src/report/text_format.h"
#include "src/report/text_writer.h"
#include "src/report/writers.h"

namespace weigh::core {
namespace {

constexpr std::size_t kBarColumns = 64;

/// How the bar draws a part, in the order of kShownParts.
struct Drawn {
  std::string_view unicode;
  char ascii;
};

constexpr std::array<Drawn, kShownParts.size()> kDrawn{
    {{"\u2588", 'W'}, {"\u2593", 'K'}, {"\u2592", 'S'}, {"\u2591", 'C'}, {"\u00B7", 'o'}}};

std::string_view drawn(std::size_t part, const TextWriter& page) {
  return page.style().unicode ? kDrawn[part].unicode : std::string_view(&kDrawn[part].ascii, 1);
}

std::string size_text(std::uint64_t bytes, const TextWriter& page) {
  return page.style().verbose ? grouped(bytes) : human_bytes(bytes);
}

std::string size_text(const std::optional<std::uint64_t>& bytes, const TextWriter& page) {
  return bytes ? size_text(*bytes, page) : "?";
}

/// What a part is made of, in a few words.
std::string note_on(NeedPart part, const Fit& fit) {
  if (part == &MemoryNeed::kv_cache && fit.context) {
    return fmt::format("{} tokens in {}, {}", grouped(*fit.context), fit.kv_type, cache_shape_text(fit.cache_shape));
  }
  if (part == &MemoryNeed::weights && fit.input_on_host) return "without the input layer, which stays on the host";
  if (part == &MemoryNeed::compute && fit.basis != Basis::Rules) return "an estimate";
  if (part == &MemoryNeed::overhead) return "an estimate";
  return {};
}

void write_parts(const Fit& fit, TextWriter& page) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> notes;
  const auto add = [&](std::string name, std::string size, std::string note) {
    rows.push_back({std::move(name), std::move(size)});
    notes.push_back(std::move(note));
  };
  for (std::size_t i = 0; i < kShownParts.size(); ++i) {
    const auto& [name, part] = kShownParts[i];
    const Bytes& bytes = fit.need.*part;
    if (bytes == 0U) continue;
    add(fmt::format("{} {}", name, drawn(i, page)), size_text(bytes, page), bytes ? note_on(part, fit) : "not known");
  }
  add("need", size_text(fit.need.total(), page), "");
  add("safe", size_text(fit.budget_bytes, page), rule_text(fit));
  add("limit", size_text(fit.limit_bytes, page), "");
  add("memory", size_text(fit.memory_bytes, page), "");
  const std::vector<std::string> lines = aligned(rows, "lr");
  std::size_t widest = 0;
  for (const std::string& line : lines) widest = std::max(widest, display_width(line));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string head = "  " + lines[i];
    if (notes[i].empty()) {
      page.line(head);
    } else {
      head += std::string(widest + 5 - display_width(head), ' ');
      page.paragraph(head, page.safe(notes[i]));
    }
  }
}

/// The parts side by side on the device's memory, and below it where safe and limit end.
void write_bar(const Fit& fit, TextWriter& page) {
  const std::size_t columns = std::min(kBarColumns, page.width() - 4);
  const std::uint64_t whole = std::max({fit.memory_bytes, fit.need.total(), std::uint64_t{1}});
  const auto column = [&](std::uint64_t bytes) {
    return static_cast<std::size_t>(
        static_cast<double>(bytes) / static_cast<double>(whole) * static_cast<double>(columns) + 0.5);
  };
  std::string bar;
  std::uint64_t sum = 0;
  std::size_t used = 0;
  for (std::size_t i = 0; i < kShownParts.size(); ++i) {
    sum += (fit.need.*kShownParts[i].part).value_or(0);
    for (; used < std::min(column(sum), columns); ++used) bar += drawn(i, page);
  }
  bar += std::string(columns - used, ' ');
  page.line(fmt::format("  [{}]", bar));
  std::string marks(columns + 1, ' ');
  const auto mark = [&](std::uint64_t bytes, char letter) { marks[std::min(column(bytes), columns)] = letter; };
  mark(fit.memory_bytes, 'M');
  mark(fit.limit_bytes, 'L');
  mark(fit.budget_bytes, '^');
  marks.erase(marks.find_last_not_of(' ') + 1);
  page.line("  " + marks + (fit.limit_bytes == fit.budget_bytes ? "   ^ safe and limit" : "   ^ safe, L limit") +
            (fit.memory_bytes == fit.limit_bytes ? "" : ", M memory"));
}

void write_placement(const Placement& plan, TextWriter& page) {
  std::vector<std::vector<std::string>> rows{
      {"where", "layers", "weights", "cache", "compute", "overhead", "sum", "safe"}};
  const auto add = [&](const PlacedPart& part) {
    const std::uint64_t cache = part.need.kv_cache.value_or(0) + part.need.state.value_or(0);
    rows.push_back({page.safe(part.device), grouped(part.layers) + (part.output ? " + output" : ""),
                    size_text(part.need.weights, page), part.need.kv_cache ? size_text(cache, page) : std::string("?"),
                    size_text(part.need.compute, page), size_text(part.need.overhead, page),
                    size_text(part.need.total(), page), size_text(part.budget_bytes, page)});
  };
  for (const PlacedPart& part : plan.devices) add(part);
  if (plan.host.need.total() > 0) add(plan.host);
  page.line();
  for (const std::string& line : aligned(rows, "llrrrrrr")) page.line("  " + line);
}

std::string context_text(const Fit& fit) {
  if (!fit.max_context) {
    return fit.verdict == Verdict::Fits ? "" : "no context fits as things are";
  }
  return fmt::format("up to {} tokens fit{}", grouped(*fit.max_context),
                     fit.max_context_is_models ? ", all that the model was made for" : "");
}

std::string speed_text(const SpeedBound& speed) {
  const auto number = [](double value) {
    return value < 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
  };
  return fmt::format(
      "at most {} tokens per second, {} with the context full: a bound from memory bandwidth, no promise",
      number(speed.empty), number(speed.full));
}

std::string advice_line(const Advice& advice) {
  std::string flags;
  for (const std::string& flag : advice.flags) {
    flags += (flags.empty() ? "" : " ") + (flag.find(' ') == std::string::npos ? flag : "\"" + flag + "\"");
  }
  return fmt::format("{} ({}): {}", advice_text(advice), flags, human_bytes(advice.need_bytes));
}

/// "Qwen3-0.6B-Q8_0.gguf takes 1.05 GiB of it: weights 604 MiB, KV cache 448 MiB, compute 20 MiB"
std::string companion_text(const CompanionShare& share, const TextWriter& page) {
  std::string parts;
  for (const auto& [name, part] : kShownParts) {
    const Bytes& bytes = share.need.*part;
    if (bytes == 0U) continue;
    parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", name, size_text(bytes, page));
  }
  std::string text = fmt::format("{}: ", share.name);
  if (!parts.empty()) text += fmt::format("{} of the need ({})", size_text(share.need.total(), page), parts);
  if (share.host_bytes != 0) {
    text += fmt::format("{}{} on the host", parts.empty() ? "" : ", and ", size_text(share.host_bytes, page));
  }
  return text;
}

void write_fit(const Fit& fit, TextWriter& page) {
  const std::string verdict = page.colored(verdict_name(fit.verdict), *color_of(verdict_name(fit.verdict)));
  page.line();
  const std::string words = words_of(fit, false);
  page.paragraph(fmt::format("{}  {}  ", page.colored(page.safe(device_label(fit.device)), Color::Bold), verdict),
                 page.safe(words));
  if (page.style().quiet) return;
  write_parts(fit, page);
  write_bar(fit, page);
  if (fit.placement) write_placement(*fit.placement, page);
  page.line();
  if (fit.engine) page.paragraph(page.label("engine"), engine_name(*fit.engine));
  for (const CompanionShare& share : fit.companions) {
    page.paragraph(page.label(role_name(share.role)), page.safe(companion_text(share, page)));
  }
  if (const std::string text = context_text(fit); !text.empty() && fit.context) {
    page.paragraph(page.label("context"), text);
  }
  if (fit.speed) page.paragraph(page.label("speed"), speed_text(*fit.speed));
  if (fit.remark != Remark::None) {
    page.paragraph(page.label("note"), page.safe(remark_text(fit.remark, fit.architecture)));
  }
  if (!fit.command.empty()) page.line(page.label("command") + page.safe(fit.command));
  std::string label = page.label("advice");
  for (const Advice& advice : fit.advice) {
    page.paragraph(label, page.safe(advice_line(advice)));
    label = page.label("");
  }
  if (fit.advice.empty() && fit.verdict == Verdict::No && fit.reason.kind < ReasonKind::EngineNotThere) {
    page.paragraph(label, "none: nothing that was tried makes it fit");
  }
}

}  // namespace

void write_fits(const Report& report, const Style& style, std::ostream& out) {
  TextWriter page(style, out);
  for (const ModelReport& model : report.models) {
    if (&model != &report.models.front()) page.line();
    write_heading(model.model, report.models.size() > 1 || style.verbose, page);
    write_no_verdict(model.model, page);
    for (const Finding& finding : model.model.findings) {
      if (finding.severity == Severity::Error)
        page.paragraph(page.label("error", Color::Red), page.safe(finding.message));
    }
    for (const Fit& fit : model.fits) write_fit(fit, page);
  }
  for (const PipelineReport& pipeline : report.pipelines) {
    page.line();
    write_pipeline(pipeline, page);
  }
}

}  // namespace weigh::core
