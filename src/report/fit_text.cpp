// The report of `weigh fit` for people: one block for each device.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "src/fit/companions.h"
#include "src/memory/memory.h"
#include "src/report/answer.h"
#include "src/report/fit_words.h"
#include "src/report/model_table.h"
#include "src/report/summary.h"
#include "src/report/text_format.h"
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

/// Likewise, of training.
constexpr std::array<Drawn, 6> kDrawnTraining{
    {{"\u2588", 'W'}, {"\u2593", 'G'}, {"\u2592", 'O'}, {"\u2591", 'A'}, {"\u254C", 'L'}, {"\u00B7", 'o'}}};

std::string_view drawn(std::size_t part, const Fit& fit, const TextWriter& page) {
  const Drawn& drawn = fit.training ? kDrawnTraining[part] : kDrawn[part];
  return page.style().unicode ? drawn.unicode : std::string_view(&drawn.ascii, 1);
}

std::string size_text(std::uint64_t bytes, const TextWriter& page) {
  return page.style().verbose ? grouped(bytes) : human_bytes(bytes);
}

std::string size_text(const std::optional<std::uint64_t>& bytes, const TextWriter& page) {
  return bytes ? size_text(*bytes, page) : "?";
}

/// What an engine with a pool works in.
std::string working_text(const Serving& serving) {
  if (serving.kept_free_bytes != 0) return "what the engine leaves free for activations and graphs";
  std::string text = fmt::format("{} at the peak", human_bytes(serving.activation_bytes));
  if (serving.counted_graph_bytes != 0) text += fmt::format(", {} of graphs", human_bytes(serving.graph_bytes));
  return text + (serving.devices > 1 ? " on each: an estimate" : ": an estimate");
}

/// What a part is made of, in a few words.
std::string note_on(NeedPart part, const Fit& fit) {
  if (part == nullptr) return {};
  if (part == &MemoryNeed::kv_cache && fit.context) {
    return fmt::format("{} tokens in {}, {}", grouped(*fit.context), fit.kv_type, cache_shape_text(fit.cache_shape));
  }
  if (part == &MemoryNeed::weights && fit.input_on_host) return "without the input layer, which stays on the host";
  if (part == &MemoryNeed::compute && fit.serving) return working_text(*fit.serving);
  if (part == &MemoryNeed::compute && fit.prompt) {
    return fmt::format("a prompt of {} read at once: an estimate", counted(*fit.prompt, "token"));
  }
  if (part == &MemoryNeed::compute && fit.basis != Basis::Rules) return "an estimate";
  if (part == &MemoryNeed::compute && fit.exact) return fmt::format("exact for {}", kRuleSet);
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
  const std::vector<PartBytes> parts = parts_of(fit);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& [name, bytes, part] = parts[i];
    if (bytes == 0U) continue;
    add(fmt::format("{} {}", name, drawn(i, fit, page)), size_text(bytes, page),
        bytes ? note_on(part, fit) : "not known");
  }
  add("need", size_text(fit.need.total(), page), fit.training ? "an estimate, on the safe side" : "");
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
  const std::vector<PartBytes> parts = parts_of(fit);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    sum = plus(sum, parts[i].bytes.value_or(0));
    for (; used < std::min(column(sum), columns); ++used) bar += drawn(i, fit, page);
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

/// The largest context, and what is asked beyond the model's own.
std::string context_text(const Fit& fit) {
  if (!fit.context || fit.verdict > Verdict::Offload || fit.reason.kind == ReasonKind::WeightsOnHost) return {};
  if (!fit.max_context) return "none fits safely";
  return fmt::format("up to {} tokens fit{}", grouped(*fit.max_context),
                     fit.max_context_is_models ? ", all that the model was made for" : "");
}

std::string speed_text(const Fit& fit) {
  const auto number = [](double value) {
    return value < 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
  };
  const bool assumed = fit.host && fit.host->source != HostSource::Catalogue;
  return fmt::format(
      "at most {} tokens per second, {} with the context full: a bound from memory bandwidth{}, no promise",
      number(fit.speed->empty), number(fit.speed->full), assumed ? ", of a host with DDR5-5600" : "");
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

/// What there is to do about it, at most so many proposals.
void write_advice(const Fit& fit, std::size_t most, const std::string& first_label, TextWriter& page) {
  std::string label = first_label;
  for (std::size_t i = 0; i < std::min(most, fit.advice.size()); ++i) {
    page.paragraph(label, page.safe(advice_line(fit.advice[i])));
    label = std::string(display_width(first_label), ' ');
  }
  const bool memory = fit.reason.kind < ReasonKind::EngineNotThere;
  if (fit.advice.empty() && fit.verdict == Verdict::No && memory) {
    page.paragraph(label, "none: nothing that was tried makes it fit");
  }
}

/// How it is trained and by whose rules; of `several` fits without what differs between them.
void write_training(const Training& training, bool several, TextWriter& page) {
  page.paragraph(page.label("training"), training_text(training));
  if (const std::string text = sharing_text(training); !several && !text.empty()) {
    page.paragraph(page.label("devices"), text);
  }
  if (!training.assumptions.empty()) {
    page.paragraph(page.label("assumed"), page.safe(fmt::format("{}", fmt::join(training.assumptions, "; "))));
  }
  page.paragraph(page.label("rules"), fmt::format("{}", fmt::join(training.rules, "; ")));
}

std::string pool_text(const Serving& serving, const TextWriter& page) {
  const std::uint64_t room = serving.available_bytes > 0 ? static_cast<std::uint64_t>(serving.available_bytes) : 0;
  std::string text =
      fmt::format("{} {}for the cache: ", size_text(room, page), serving.devices > 1 ? "on each device " : "");
  if (serving.block_tokens > 1) {
    text += fmt::format("{} of {}, ", counted(serving.blocks, "block"), counted(serving.block_tokens, "token"));
  }
  return text + fmt::format("{} in all", counted(serving.pool_tokens, "token"));
}

/// How an engine that pools its cache starts: at what length, and for how many.
void write_serving(const Serving& serving, TextWriter& page) {
  if (serving.blocks != 0) {
    page.paragraph(page.label("pool"), pool_text(serving, page));
    page.paragraph(page.label("requests"),
                   fmt::format("{}; the longest that starts has {} tokens", concurrency_text(serving),
                               grouped(serving.longest.value_or(0))));
  }
  if (serving.assumptions.empty()) return;
  page.paragraph(page.label("assumed"),
                 fmt::format("{}: the engine's defaults here", fmt::join(serving.assumptions, ", ")));
}

/// Everything about one device.
void write_block(const Fit& fit, bool one_of_many, TextWriter& page) {
  if (fit.reason.kind == ReasonKind::NotTrained) return;  // all is said
  page.line();
  if (one_of_many) page.line(page.colored(page.safe(device_label(fit.device)), Color::Bold));
  write_parts(fit, page);
  write_bar(fit, page);
  if (fit.placement) write_placement(*fit.placement, page);
  page.line();
  for (const CompanionShare& share : fit.companions) {
    page.paragraph(page.label(role_name(share.role)), page.safe(companion_text(share, page)));
  }
  if (fit.training) write_training(*fit.training, false, page);
  if (fit.serving) write_serving(*fit.serving, page);
  if (const std::string text = fit.serving ? "" : context_text(fit); !text.empty())
    page.paragraph(page.label("context"), text);
  if (fit.speed) page.paragraph(page.label("speed"), speed_text(fit));
  write_advice(fit, page.style().verbose ? fit.advice.size() : 4, page.label("advice"), page);
}

/// A column of the table of several devices.
struct CompactColumn {
  std::string_view name;
  bool optional;  ///< left out on a narrow terminal
  std::string (*cell)(const Fit&, const TextWriter&);
};

template <NeedPart part>
std::string part_cell(const Fit& fit, const TextWriter& page) {
  return size_text(fit.need.*part, page);
}

constexpr std::array kCompactColumns{
    CompactColumn{"weights", false, part_cell<&MemoryNeed::weights>},
    CompactColumn{"KV cache", false, part_cell<&MemoryNeed::kv_cache>},
    CompactColumn{"state", false, part_cell<&MemoryNeed::state>},
    CompactColumn{"compute", false, part_cell<&MemoryNeed::compute>},
    CompactColumn{"overhead", true, part_cell<&MemoryNeed::overhead>},
    CompactColumn{"need", false, [](const Fit& f, const TextWriter& page) { return size_text(f.need.total(), page); }},
    CompactColumn{"context", false,
                  [](const Fit& f, const TextWriter&) { return f.max_context ? grouped(*f.max_context) : "-"; }},
};

Bytes training_part(const Fit& fit, std::size_t part) { return fit.training ? parts_of(fit)[part].bytes : Bytes(); }

template <std::size_t part>
std::string training_cell(const Fit& fit, const TextWriter& page) {
  return size_text(training_part(fit, part), page);
}

constexpr std::array kTrainingColumns{
    CompactColumn{"weights", false, training_cell<0>},
    CompactColumn{"gradients", false, training_cell<1>},
    CompactColumn{"optimizer", false, training_cell<2>},
    CompactColumn{"activations", false, training_cell<3>},
    CompactColumn{"logits", true, training_cell<4>},
    CompactColumn{"overhead", true, training_cell<5>},
    CompactColumn{"need", false, [](const Fit& f, const TextWriter& page) { return size_text(f.need.total(), page); }},
};

std::span<const CompactColumn> columns_for(const std::vector<Fit>& fits) {
  if (std::ranges::any_of(fits, [](const Fit& fit) { return fit.training.has_value(); })) return kTrainingColumns;
  return kCompactColumns;
}

std::vector<std::string> compact_table(const std::vector<Fit>& fits, bool narrow, const TextWriter& page) {
  const bool stateless = std::ranges::all_of(fits, [](const Fit& fit) { return fit.need.state == 0U; });
  std::vector<std::vector<std::string>> rows(fits.size() + 1);
  rows.front().emplace_back("device");
  for (std::size_t i = 0; i < fits.size(); ++i) rows[i + 1].push_back(page.safe(device_label(fits[i].device)));
  std::string alignment = "l";
  for (const CompactColumn& column : columns_for(fits)) {
    if ((narrow && column.optional) || (stateless && column.name == "state")) continue;
    rows.front().emplace_back(column.name);
    for (std::size_t i = 0; i < fits.size(); ++i) rows[i + 1].push_back(column.cell(fits[i], page));
    alignment += 'r';
  }
  return aligned(rows, alignment);
}

/// The parts of every need side by side, a row for each device, and the first proposal for each that needs one.
void write_compact(const std::vector<Fit>& fits, TextWriter& page) {
  if (std::ranges::all_of(fits, [](const Fit& fit) { return fit.reason.kind == ReasonKind::NotTrained; })) return;
  std::vector<std::string> lines = compact_table(fits, false, page);
  if (2 + display_width(lines.front()) > page.width()) lines = compact_table(fits, true, page);
  page.line();
  for (const std::string& line : lines) page.line("  " + line);
  const auto trained = std::ranges::find_if(fits, [](const Fit& fit) { return fit.training.has_value(); });
  if (trained != fits.end()) {
    page.line();
    write_training(*trained->training, true, page);
  }
  bool first = true;
  for (const Fit& fit : fits) {
    if (fit.advice.empty()) continue;
    if (first) page.line();
    first = false;
    write_advice(fit, 1, fmt::format("  {}: ", page.safe(device_label(fit.device))), page);
  }
}

void write_details(const ModelReport& report, std::size_t all_fits, TextWriter& page) {
  if (report.fits.empty()) return;
  if (all_fits > 1 && !page.style().verbose) {
    write_compact(report.fits, page);
    return;
  }
  for (const Fit& fit : report.fits) write_block(fit, report.fits.size() > 1, page);
}

void write_models(const std::vector<ModelReport>& models, TextWriter& page) {
  std::size_t all_fits = 0;
  for (const ModelReport& model : models) all_fits += model.fits.size();
  for (const ModelReport& model : models) {
    if (&model != &models.front()) page.line();
    write_answer(model, models.size() > 1 || page.style().verbose, page);
    if (!page.style().quiet) write_details(model, all_fits, page);
  }
}

}  // namespace

void write_fits(const Report& report, const Style& style, std::ostream& out) {
  TextWriter page(style, out);
  if (report.models.size() >= kModelsInTable && !style.verbose) {
    write_model_table(report.models, page);
  } else {
    write_models(report.models, page);
  }
  for (const PipelineReport& pipeline : report.pipelines) {
    page.line();
    write_pipeline(pipeline, page);
  }
}

}  // namespace weigh::core
