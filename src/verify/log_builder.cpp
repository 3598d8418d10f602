#include "src/verify/log_builder.h"

#include <algorithm>
#include <utility>

namespace weigh::core {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

auto same(LogPart part, std::string_view device, std::uint32_t cache = 0) {
  return [=](const LogFigure& f) { return f.part == part && f.device == device && f.cache == cache; };
}

bool says_something(const LogModel& model) {
  const auto has_figures = [](const LogRun& run) { return !run.figures.empty() || !run.error.empty(); };
  const auto is_loaded = [](const LogFigure& f) { return f.part == LogPart::Weights; };
  return std::ranges::any_of(model.runs, has_figures) || std::ranges::any_of(model.loaded, is_loaded);
}

}  // namespace

std::string kept_text(std::string_view text) { return std::string(text.substr(0, LogBuilder::kMostText)); }

void LogBuilder::set_engine(Engine engine) {
  if (!log_.engine) log_.engine = engine;
}

void LogBuilder::set_version(std::string_view version) {
  if (log_.version.empty()) log_.version = kept_text(version);
}

LogModel& LogBuilder::begin_model(std::string_view name, std::string_view path) {
  if (log_.models.size() == kMostModels) {
    log_.left_out = true;
    log_.models.pop_back();
  }
  LogModel& model = log_.models.emplace_back();
  model.name = kept_text(name);
  model.path = kept_text(path);
  model.devices = std::exchange(devices_, {});
  summary_ = false;
  if (!command_path_.empty() && path == command_path_) model.settings = command_;
  return model;
}

LogModel& LogBuilder::begin_model_after_figures() {
  return log_.models.empty() || says_something(log_.models.back()) ? begin_model({}, {}) : log_.models.back();
}

void LogBuilder::add_device(LogDevice device) {
  const auto known = std::ranges::find(devices_, device.name, &LogDevice::name);
  if (known != devices_.end()) {
    known->free_bytes = device.free_bytes;
  } else if (devices_.size() < kMostModels) {
    devices_.push_back(std::move(device));
  }
}

void LogBuilder::set_command(const LogSettings& settings, std::string_view path) {
  command_ = settings;
  command_path_ = kept_text(path);
  LogModel& begun = begin_model_after_figures();
  begun.path = command_path_;
  begun.settings = settings;
}

LogModel& LogBuilder::model() { return log_.models.empty() ? begin_model({}, {}) : log_.models.back(); }

LogRun& LogBuilder::begin_run() {
  std::vector<LogRun>& runs = model().runs;
  if (runs_ == kMostRuns) {
    log_.left_out = true;
    if (!runs.empty()) runs.pop_back();
  } else {
    ++runs_;
  }
  cache_ = 0;
  cache_open_ = false;
  return runs.emplace_back();
}

LogRun& LogBuilder::begin_run_after_figures() {
  LogModel& last = model();
  return last.runs.empty() || !last.runs.back().figures.empty() ? begin_run() : last.runs.back();
}

LogRun& LogBuilder::run() { return model().runs.empty() ? begin_run() : model().runs.back(); }

void LogBuilder::put(std::vector<LogFigure>& figures, LogFigure figure) {
  const auto known = std::ranges::find_if(figures, same(figure.part, figure.device, figure.cache));
  if (known != figures.end()) {
    known->value = figure.value;
  } else if (figures.size() < kMostFigures) {
    figures.push_back(std::move(figure));
  } else {
    log_.left_out = true;
  }
}

void LogBuilder::add_loaded(LogPart part, std::string_view device, std::optional<Printed> value) {
  if (!value) return;
  std::vector<LogFigure>& loaded = model().loaded;
  const auto known = std::ranges::find_if(loaded, same(part, device));
  if (known != loaded.end() && part == LogPart::Weights) {
    value = sum(known->value, *value);  // each file of a split model is mapped by itself
  }
  put(loaded, {part, kept_text(device), *value});
}

void LogBuilder::add(LogPart part, std::string_view device, std::optional<Printed> value) {
  if (value) put(run().figures, {part, kept_text(device), *value});
}

void LogBuilder::add_first(LogPart part, std::optional<Printed> value) {
  if (value && std::ranges::none_of(run().figures, same(part, {}))) add(part, {}, value);
}

void LogBuilder::add_least(LogPart part, std::optional<Printed> value) {
  if (!value) return;
  const auto known = std::ranges::find_if(run().figures, same(part, {}));
  if (known == run().figures.end() || value->value < known->value.value) add(part, {}, value);
}

void LogBuilder::add_cache(std::string_view device, std::optional<Printed> value) {
  if (!value) return;
  const std::string name = kept_text(device);
  if (std::ranges::any_of(run().figures, same(LogPart::KvCache, name, cache_))) ++cache_;
  cache_open_ = true;
  put(run().figures, {LogPart::KvCache, name, *value, cache_});
}

void LogBuilder::end_cache() {
  if (cache_open_) ++cache_;
  cache_open_ = false;
}

void LogBuilder::refine_compute(std::string_view device, std::optional<Printed> value) {
  if (!value || log_.models.empty()) return;
  std::vector<LogRun>& runs = model().runs;
  for (auto r = runs.rbegin(); r != runs.rend(); ++r) {
    const auto known = std::ranges::find_if(r->figures, same(LogPart::Compute, device));
    if (known == r->figures.end() || known->value.away(value->value) != 0) continue;
    known->value = *value;
    return;
  }
}

void LogBuilder::add_summary(std::string_view device, std::string_view model_mib, std::string_view context_mib,
                             std::string_view compute_mib) {
  // Where buffers were printed one by one, this is their sum with less digits.
  const auto one_by_one = [](const LogFigure& f) { return f.part == LogPart::Compute && f.value.below != 0; };
  if (std::ranges::any_of(run().figures, one_by_one)) return;
  const auto parts = {std::pair(LogPart::Weights, model_mib), std::pair(LogPart::CacheAndState, context_mib),
                      std::pair(LogPart::Compute, compute_mib)};
  for (const auto& [part, text] : parts) add(part, device, printed_whole(text, kMiB));
}

EngineLog LogBuilder::finish() {
  std::erase_if(log_.models, [](const LogModel& model) { return !says_something(model); });
  for (LogModel& model : log_.models) {
    std::erase_if(model.runs, [](const LogRun& run) { return run.figures.empty() && run.error.empty(); });
  }
  return std::exchange(log_, {});
}

}  // namespace weigh::core
