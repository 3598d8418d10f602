// A run as llama.cpp's log tells it, and what it leaves open.
#include "src/verify/llama_cpp_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "src/fit/engine_flags.h"

namespace weigh::core {
namespace {

constexpr std::string_view kMapped = "_Mapped";
constexpr std::array<std::string_view, 5> kEndings{kMapped, "_Private", "_Split", "_REPACK", "-REPACK"};
constexpr std::array<std::string_view, 5> kHostNames{"CPU", "BLAS", "AMX", "Host", "host"};

/// What the log says of the run, of the model and its command, in this order.
template <typename T>
const std::optional<T>& told(std::optional<T> LogSettings::*setting, const LogModel& log, const LogRun& run) {
  return run.settings.*setting ? run.settings.*setting : log.settings.*setting;
}

const std::string& told(std::string LogSettings::*setting, const LogModel& log, const LogRun& run) {
  return (run.settings.*setting).empty() ? log.settings.*setting : run.settings.*setting;
}

void add_device(std::string_view buffer, ToldRun& told) {
  const std::string name(memory_of(buffer));
  if (!name.empty() && std::ranges::find(told.devices, name) == told.devices.end()) told.devices.push_back(name);
}

void find_devices(const LogModel& log, const LogRun& run, ToldRun& told) {
  // Those that the log names first hold parts in that order; a device that nothing lies on takes no part.
  std::vector<std::string_view> used;
  for (const LogFigure& figure : log.loaded) used.push_back(figure.device);
  for (const LogFigure& figure : run.figures) used.push_back(figure.device);
  const auto is_used = [&](const LogDevice& device) {
    return std::ranges::any_of(used, [&](std::string_view buffer) { return memory_of(buffer) == device.name; });
  };
  for (const LogDevice& device : log.devices) {
    if (is_used(device)) add_device(device.name, told);
  }
  for (const std::string_view buffer : used) add_device(buffer, told);
}

void set_proportions(const LogModel& log, const LogRun& run, ToldRun& told) {
  const std::size_t count = told.devices.size();
  if (count <= 1) {
    told.proportions.assign(count, 1.0);
    return;
  }
  for (const LogSettings* settings : {&run.settings, &log.settings}) {
    if (settings->proportions.size() == count) told.proportions = settings->proportions;
  }
  if (!told.proportions.empty()) return;
  for (const std::string& name : told.devices) {
    const auto device = std::ranges::find(log.devices, name, &LogDevice::name);
    if (device != log.devices.end()) told.proportions.push_back(static_cast<double>(device->free_bytes));
  }
  const auto none = [](double share) { return share <= 0; };
  if (told.proportions.size() == count && std::ranges::none_of(told.proportions, none)) return;
  told.proportions.assign(count, 1.0);
  told.assumptions.emplace_back("devices share the layers alike");
}

/// Takes `value` where the log has one, else says in `words` what is assumed.
template <typename T, typename V>
void take(const std::optional<T>& value, V& into, std::string words, ToldRun& told) {
  if (value) {
    into = *value;
  } else {
    told.assumptions.push_back(std::move(words));
  }
}

/// Nothing where the log does not say, or says what no cache is kept in.
std::optional<Dtype> type_of(const std::string& name) {
  const auto known = name.empty() ? std::nullopt : cache_type_by_name(name);
  return known ? std::optional(known->dtype) : std::nullopt;
}

void take_settings(const LogModel& log, const LogRun& run, ToldRun& result) {
  Run& r = result.run;
  const auto context = told(&LogSettings::context, log, run);
  if (context) r.context = context;
  if (!context) {
    result.assumptions.push_back(r.context ? fmt::format("context {}", *r.context) : "the default context");
  }
  take(told(&LogSettings::sequences, log, run), r.sequences, fmt::format("sequences {}", r.sequences), result);
  take(told(&LogSettings::micro_batch, log, run), r.micro_batch, fmt::format("micro-batch {}", r.micro_batch), result);
  if (const auto batch = told(&LogSettings::batch, log, run)) r.batch = *batch;
  const std::string flash = fmt::format("flash attention {}", r.flash_attention ? "on" : "off");
  take(told(&LogSettings::flash_attention, log, run), r.flash_attention, flash, result);
  const bool one = r.sequences == 1;
  const auto unified = told(&LogSettings::unified_cache, log, run);
  if (unified || one) {
    r.unified_cache = unified.value_or(r.unified_cache);
  } else {
    result.assumptions.emplace_back(r.unified_cache ? "one cache for all sequences" : "a cache for each sequence");
  }
  if (const auto full = told(&LogSettings::full_window_cache, log, run)) r.full_window_cache = *full;
  const bool has_cache = std::ranges::any_of(run.figures, [](const LogFigure& figure) {
    return figure.part == LogPart::KvCache || figure.part == LogPart::CacheAndState;
  });
  if (has_cache) {
    const auto keys = type_of(told(&LogSettings::key_type, log, run));
    const auto values = type_of(told(&LogSettings::value_type, log, run));
    r.key_type = keys.value_or(r.key_type);
    r.value_type = values.value_or(r.value_type);
    if (!keys || !values) result.assumptions.push_back("cache " + cache_type_text(r));
  }
  if (const auto experts = told(&LogSettings::cpu_moe_layers, log, run)) r.cpu_moe_layers = *experts;
  const auto layers = told(&LogSettings::gpu_layers, log, run);
  if (layers) r.gpu_layers = layers;
  if (!layers && !r.gpu_layers && !result.devices.empty()) result.assumptions.emplace_back("all layers on devices");
}

std::string words_of(const ToldRun& told) {
  const Run& r = told.run;
  std::string words = r.context ? fmt::format("context {}", *r.context) : "default context";
  words += fmt::format(", cache {}, flash attention {}, micro-batch {}, {} {}{}{}", cache_type_text(r),
                       r.flash_attention ? "on" : "off", r.micro_batch, r.sequences,
                       r.sequences == 1 ? "sequence" : "sequences", r.unified_cache ? ", unified" : "",
                       r.full_window_cache ? ", full window cache" : "");
  if (!told.devices.empty()) words += fmt::format(", on {}", fmt::join(told.devices, " and "));
  if (!told.devices.empty() && r.gpu_layers) words += fmt::format(" {} layers", *r.gpu_layers);
  if (r.cpu_moe_layers != 0) words += fmt::format(", experts of {} on the host", r.cpu_moe_layers);
  return words;
}

}  // namespace

std::string_view memory_of(std::string_view buffer) {
  for (const std::string_view ending : kEndings) {
    if (buffer.size() > ending.size() && buffer.ends_with(ending)) buffer.remove_suffix(ending.size());
  }
  const auto starts = [&](std::string_view name) { return buffer.starts_with(name); };
  return buffer.ends_with("_Host") || std::ranges::any_of(kHostNames, starts) ? std::string_view() : buffer;
}

bool is_repacked(std::string_view buffer) {
  return buffer.starts_with("CPU") && (buffer.ends_with("_REPACK") || buffer.ends_with("-REPACK"));
}

bool is_mapped(std::string_view buffer) { return buffer.ends_with(kMapped); }

ToldRun told_run(const LogModel& log, const LogRun& run, const Run& otherwise) {
  ToldRun told{.run = otherwise, .proportions = {}, .devices = {}, .settings = {}, .assumptions = {}};
  told.run.engine = Engine::LlamaCpp;
  find_devices(log, run, told);
  set_proportions(log, run, told);
  take_settings(log, run, told);
  told.settings = words_of(told);
  return told;
}

}  // namespace weigh::core
