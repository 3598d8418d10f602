// The lines that llama.cpp prints when it starts, by all the names that its functions had.
#include <algorithm>
#include <array>
#include <string>

#include "formats/text.h"
#include "src/verify/line_table.h"

namespace weigh::core {
namespace {

constexpr std::uint64_t kKiB = std::uint64_t{1} << 10;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

struct Scale {
  std::string_view word;
  std::uint64_t unit;
};
constexpr std::array kScales{Scale{"KiB", kKiB}, Scale{"MiB", kMiB}, Scale{"GiB", kGiB}};
constexpr std::array kCounts{Scale{"K", 1'000}, Scale{"M", 1'000'000}, Scale{"B", 1'000'000'000},
                             Scale{"T", 1'000'000'000'000}};

template <std::size_t N>
std::optional<Printed> scaled_number(std::string_view number, std::string_view word,
                                     const std::array<Scale, N>& scales) {
  const auto scale = std::ranges::find(scales, word, &Scale::word);
  return scale == scales.end() ? std::nullopt : printed_number(number, scale->unit);
}

std::optional<std::uint64_t> count_of(std::string_view digits) {
  const auto number = parse_uint(digits);
  constexpr std::uint64_t kMost = std::uint64_t{1} << 32;
  return number && *number <= kMost ? number : std::nullopt;
}

/// Of a buffer: none is below 0.
std::optional<Printed> mib(std::string_view number) {
  const auto size = printed_number(number, kMiB);
  return size && size->value >= 0 ? size : std::nullopt;
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> starts) {
  return std::ranges::any_of(starts, [&](std::string_view start) { return text.starts_with(start); });
}

// A server has a line "n_ctx = N" of each of its slots as well.
bool of_context(const Captures& found) {
  return starts_with_any(found.function(), {"llama_context", "llama_new_context", "llama_init_from_model"});
}
bool of_model(const Captures& found) {
  return starts_with_any(found.function(), {"print_info", "llm_load_print_meta"});
}
// A projector has buffers of its own.
bool of_projector(const Captures& found) {
  return starts_with_any(found.function(), {"alloc_compute_meta", "reserve_compute_meta", "clip", "mtmd", "warmup"});
}

void set(std::optional<std::uint64_t> LogSettings::*setting, const Captures& found, LogBuilder& log) {
  if (!of_context(found)) return;
  if (const auto number = count_of(found[0])) log.begin_run_after_figures().settings.*setting = number;
}

void set_flash_attention(const Captures& found, LogBuilder& log) {
  if (!of_context(found)) return;
  LogSettings& settings = log.begin_run_after_figures().settings;
  if (found[0] == "1" || found[0] == "enabled" || found[0] == "on") settings.flash_attention = true;
  if (found[0] == "0" || found[0] == "disabled" || found[0] == "off") settings.flash_attention = false;
}

void take_cache_types(const Captures& found, LogBuilder& log) {
  LogSettings& settings = log.run().settings;
  settings.key_type = lower(kept_text(found[0]));
  settings.value_type = lower(kept_text(found[2]));
  log.end_cache();
}

void take_cache_size(const Captures& found, LogBuilder& log) {
  Captures types;
  types.count = 4;
  std::copy_n(found.words.begin() + 2, types.count, types.words.begin());
  take_cache_types(types, log);
  log.run().cached_layers += count_of(found[0]).value_or(0);
}

// The corpus of recorded runs: "RUN n_ctx:kv_type:flash_attn:n_ubatch:n_seq_max:kv_unified:swa_full".
void take_recorded_run(const Captures& found, LogBuilder& log) {
  if (found.before.find_first_not_of(' ') != std::string_view::npos) return;
  log.set_engine(Engine::LlamaCpp);
  LogSettings& settings = log.begin_run().settings;
  settings.context = count_of(found[0]);
  settings.key_type = settings.value_type = lower(kept_text(found[1]));
  settings.flash_attention = found[2] != "0";
  settings.micro_batch = count_of(found[3]);
  settings.sequences = count_of(found[4]);
  settings.unified_cache = found[5] == "1";
  settings.full_window_cache = found[6] == "1";
  settings.logits_of_all_tokens = true;
}

void take_recorded_model(const Captures& found, LogBuilder& log) {
  if (!found.before.empty()) return;
  log.begin_model(found[0], {});
}

void take_path(const Captures& found, LogBuilder& log) {
  log.set_engine(Engine::LlamaCpp);
  log.begin_model({}, found[2]);
}

void take_device(const Captures& found, LogBuilder& log) {
  const auto free = mib(found[2]);
  if (free) log.add_device({kept_text(found[0]), static_cast<std::uint64_t>(free->value)});
}

void take_override(const Captures& found, LogBuilder& log) {
  const auto block = count_of(found[0]);
  if (!block || found[1].find("_exps") == std::string_view::npos || !found[2].starts_with("CPU")) return;
  auto& layers = log.model().settings.cpu_moe_layers;
  layers = std::max(layers.value_or(0), *block + 1);
}

void take_weights(const Captures& found, LogBuilder& log) {
  if (of_projector(found)) return;
  log.set_engine(Engine::LlamaCpp);
  log.add_loaded(LogPart::Weights, found[0], mib(found[1]));
}

// Before 2025 weights were "buffer size" alone.
void take_old_weights(const Captures& found, LogBuilder& log) {
  if (starts_with_any(found.function(), {"llm_load_tensors", "load_tensors"})) take_weights(found, log);
}

template <LogPart kPart>
void take_buffer(const Captures& found, LogBuilder& log) {
  if (of_projector(found)) return;
  log.set_engine(Engine::LlamaCpp);
  log.add(kPart, found[0], mib(found[1]));
}

void take_kv(const Captures& found, LogBuilder& log) {
  log.set_engine(Engine::LlamaCpp);
  log.add_cache(found[0], mib(found[1]));
}

// What a context needs, printed with four digits when it is closed.
void take_closed_compute(const Captures& found, LogBuilder& log) { log.refine_compute(found[0], mib(found[2])); }

void take_breakdown(const Captures& found, LogBuilder& log) {
  log.set_engine(Engine::LlamaCpp);
  log.add_summary(found[0], found[5], found[6], found[7]);
}

void take_breakdown_of_host(const Captures& found, LogBuilder& log) {
  log.set_engine(Engine::LlamaCpp);
  log.add_summary(found[0], found[2], found[3], found[4]);
}

constexpr std::array kLines{
    LineKind{"== %w: real memory-mapped loads", take_recorded_model},
    LineKind{"RUN %n:%w:%n:%n:%n:%n:%n", take_recorded_run},
    LineKind{"build: %n (%w)", [](const Captures& c, LogBuilder& log) { log.set_version("b" + kept_text(c[0])); }},
    LineKind{"build = %n (%w)", [](const Captures& c, LogBuilder& log) { log.set_version("b" + kept_text(c[0])); }},
    LineKind{"loaded meta data with %n key-value pairs and %n tensors from %t (version", take_path},
    LineKind{"using device %w %t - %n MiB free", take_device},
    LineKind{"arch = %w",
             [](const Captures& c, LogBuilder& log) {
               if (of_model(c)) log.model().architecture = kept_text(c[0]);
             }},
    LineKind{"n_layer = %n",
             [](const Captures& c, LogBuilder& log) {
               if (of_model(c)) log.model().layers = count_of(c[0]);
             }},
    LineKind{"model params = %n %w",
             [](const Captures& c, LogBuilder& log) {
               if (of_model(c)) log.add_loaded(LogPart::Parameters, {}, scaled_number(c[0], c[1], kCounts));
             }},
    LineKind{"file size = %n %w",
             [](const Captures& c, LogBuilder& log) {
               if (of_model(c)) log.add_loaded(LogPart::File, {}, scaled_number(c[0], c[1], kScales));
             }},
    LineKind{"model size = %n %w",
             [](const Captures& c, LogBuilder& log) {
               if (of_model(c)) log.add_loaded(LogPart::File, {}, scaled_number(c[0], c[1], kScales));
             }},
    LineKind{"tensor blk.%n.%t buffer type overridden to %w", take_override},
    LineKind{"offloaded %n/%n layers to GPU",
             [](const Captures& c, LogBuilder& log) { log.model().settings.gpu_layers = count_of(c[0]); }},
    LineKind{"%w model buffer size = %n MiB", take_weights},
    // A server tells them behind all buffers, and the context's own lines may be hidden by its verbosity.
    LineKind{"n_slots = %n",
             [](const Captures& c, LogBuilder& log) { log.model().settings.sequences = count_of(c[0]); }},
    LineKind{"n_seq_max = %n", [](const Captures& c, LogBuilder& log) { set(&LogSettings::sequences, c, log); }},
    LineKind{"n_ctx = %n",
             [](const Captures& c, LogBuilder& log) {
               set(&LogSettings::context, c, log);
               set(&LogSettings::printed_context, c, log);
             }},
    LineKind{"n_batch = %n", [](const Captures& c, LogBuilder& log) { set(&LogSettings::batch, c, log); }},
    LineKind{"n_ubatch = %n", [](const Captures& c, LogBuilder& log) { set(&LogSettings::micro_batch, c, log); }},
    LineKind{"flash_attn = %w", set_flash_attention},
    LineKind{"kv_unified = %w",
             [](const Captures& c, LogBuilder& log) {
               if (of_context(c)) log.begin_run_after_figures().settings.unified_cache = c[0] == "true" || c[0] == "1";
             }},
    LineKind{"Flash Attention was auto, set to %w",
             [](const Captures& c, LogBuilder& log) { log.run().settings.flash_attention = c[0] != "disabled"; }},
    LineKind{"using full-size SWA cache",
             [](const Captures&, LogBuilder& log) { log.run().settings.full_window_cache = true; }},
    LineKind{"creating non-SWA KV cache", [](const Captures&, LogBuilder& log) { log.end_cache(); }},
    LineKind{"creating SWA KV cache", [](const Captures&, LogBuilder& log) { log.end_cache(); }},
    LineKind{"%w KV buffer size = %n MiB", take_kv},
    LineKind{"cells, %n layers, %t K (%w): %n MiB, V (%w): %n MiB", take_cache_size},
    LineKind{"K (%w): %n MiB, V (%w): %n MiB", take_cache_types},
    LineKind{"%w RS buffer size = %n MiB", take_buffer<LogPart::State>},
    LineKind{"%w output buffer size = %n MiB", take_buffer<LogPart::Output>},
    LineKind{"%w compute buffer size = %n MiB", take_buffer<LogPart::Compute>},
    LineKind{"%w compute buffer size is %n MiB, matches expectation of %n MiB",
             [](const Captures& c, LogBuilder& log) { log.refine_compute(c[0], mib(c[1])); }},
    LineKind{"%w compute buffer size of %n MiB, does not match expectation of %n MiB", take_closed_compute},
    LineKind{"estimated memory in MiB to stdout (device, model, context, compute)",
             [](const Captures&, LogBuilder& log) {
               log.set_engine(Engine::LlamaCpp);
               log.begin_run_after_figures();
               log.expect_summary(true);
             }},
    LineKind{"%w buffer size = %n MiB", take_old_weights},
    LineKind{"- %w (%t) | %n = %n + (~%n = %n + %n + %n)", take_breakdown},
    LineKind{"- %w | %n = %n + %n + %n", take_breakdown_of_host},
};

}  // namespace

std::span<const LineKind> llama_cpp_lines() { return kLines; }

void take_summary_line(std::string_view line, LogBuilder& log) {
  if (!log.expects_summary() || line.empty()) return;
  std::array<std::string_view, 4> words;
  std::size_t count = 0;
  while (!line.empty() && count <= words.size()) {
    const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
    const std::size_t end = std::min(line.find_first_of(" \t", begin), line.size());
    if (begin == end) break;
    if (count < words.size()) words[count] = line.substr(begin, end - begin);
    ++count;
    line.remove_prefix(end);
  }
  if (count == words.size() && parse_uint(words[1]) && parse_uint(words[2]) && parse_uint(words[3])) {
    log.add_summary(words[0], words[1], words[2], words[3]);
  }
}

}  // namespace weigh::core
