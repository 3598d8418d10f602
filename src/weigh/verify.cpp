#include "src/weigh/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/text.h"
#include "src/checkpoint/model_names.h"
#include "src/checkpoint/open_checkpoint.h"
#include "src/devices/units.h"
#include "src/fit/engine_flags.h"
#include "src/report/text_format.h"
#include "src/verify/compare_llama_cpp.h"
#include "src/verify/compare_serving.h"
#include "src/weigh/run_setup.h"

namespace weigh::core {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> kEndings{".zst", ".weigh", ".gguf", ".safetensors"};

/// "model.Q4_K_M" of "/models/model.Q4_K_M-00001-of-00003.gguf".
std::string plain_name(std::string_view path) {
  while (!path.empty() && (path.back() == '/' || path.back() == '\\')) path.remove_suffix(1);
  path.remove_prefix(std::min(path.find_last_of("/\\") + 1, path.size()));
  for (const std::string_view ending : kEndings) {
    if (path.size() > ending.size() && path.ends_with(ending)) path.remove_suffix(ending.size());
  }
  constexpr std::size_t kPart = 15;  // "-00001-of-00003"
  if (path.size() > kPart && path.substr(path.size() - kPart + 6, 4) == "-of-") path.remove_suffix(kPart);
  return std::string(path);
}

std::string name_of(const LogModel& log) {
  if (!log.name.empty()) return log.name;
  return log.path.empty() ? std::string("a model without a name") : plain_name(log.path);
}

/// The file or folder below `folder` that is called like the model; empty: there is none.
std::string find_by_name(const std::string& folder, const std::string& name) {
  constexpr int kMostEntries = 100'000;
  std::error_code error;
  std::string found;
  int entries = 0;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (++entries > kMostEntries) break;
    const std::string path = entry->path().string();
    if (plain_name(path) == name && (found.empty() || path < found)) found = path;
  }
  return found;
}

/// Where a store of this machine has the model that a log calls by its name; no server is asked.
std::optional<std::string> in_a_store(const std::string& name) {
  if (name.empty() || name.find("://") != std::string::npos) return std::nullopt;
  try {
    return locate_model(name);
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// What the log says of its model and the model is not; empty: nothing.
std::string contradiction(const LogModel& log, const Model& model) {
  const Architecture& ours = model.architecture;
  if (!log.architecture.empty() && ours.name && *ours.name != log.architecture && is_gguf(model.checkpoint)) {
    return fmt::format("the log is of architecture {}, this model of {}", log.architecture, *ours.name);
  }
  if (log.layers && ours.layers && *log.layers != *ours.layers) {
    return fmt::format("the log is of a model of {} layers, this one has {}", *log.layers, *ours.layers);
  }
  const auto printed = std::ranges::find(log.loaded, LogPart::Parameters, &LogFigure::part);
  const auto total = model.known_total();
  if (printed != log.loaded.end() && printed->value.value > 0 && total) {
    // More than two readers may count differently.
    const auto theirs = static_cast<std::uint64_t>(printed->value.value);
    if (apart(theirs, *total) > theirs / 20) {
      return fmt::format("the log is of a model of {} parameters, this one has {}", human_parameters(theirs),
                         human_parameters(*total));
    }
  }
  return {};
}

/// Models that were read, by their paths: a log names one for many runs.
class Models {
 public:
  /// Where the one called `name` is not found, the path's only model. Throws Error.
  const Model& at(const std::string& path, const std::string& name) {
    if (const auto known = models_.find(path); known != models_.end()) return known->second;
    OpenResult opened = open_checkpoints(path);
    const std::string why = opened.failures.empty() ? "holds no model" : opened.failures.front().message;
    std::error_code error;
    if (opened.checkpoints.size() > 1 && fs::is_directory(path, error)) {
      throw Error(fmt::format("holds {} models, and none is called {}", opened.checkpoints.size(), name));
    }
    OneCheckpoint one = one_of(std::move(opened));
    if (!one.checkpoint) throw Error(why);
    return models_.emplace(path, describe(std::move(*one.checkpoint))).first->second;
  }

 private:
  std::map<std::string, Model> models_;
};

/// "0.11" of "0.11.0rc1"; empty for what is no release: "dev".
std::string release_of(std::string_view version) {
  constexpr std::string_view kDigits = "0123456789";
  const std::size_t dot = std::min(version.find_first_not_of(kDigits), version.size());
  if (dot == 0 || dot == version.size() || version[dot] != '.') return {};
  const std::size_t end = std::min(version.find_first_not_of(kDigits, dot + 1), version.size());
  constexpr std::size_t kMost = 8;
  return end == dot + 1 || end > kMost ? std::string() : std::string(version.substr(0, end));
}

/// The options that the log has settings for, in its own words, in place of those given.
RunOptions told_options(const EngineLog& log, const LogSettings& settings, RunOptions options) {
  const ServingSettings& told = settings.serving;
  options.engine = engine_name(Engine::Vllm);
  if (options.engine_version.empty()) options.engine_version = release_of(log.version);
  if (!settings.share.empty()) options.memory_share = settings.share;
  if (settings.length) {
    options.max_length = std::to_string(*settings.length);
    options.context.clear();
  }
  if (cache_type_by_name(settings.key_type)) options.kv_type = settings.key_type;
  const auto set = [&](std::optional<std::uint64_t> ServingSettings::*number) {
    if (told.*number) options.serving.*number = told.*number;
  };
  set(&ServingSettings::tensor_parallel);
  set(&ServingSettings::pipeline_parallel);
  set(&ServingSettings::context_parallel);
  set(&ServingSettings::max_sequences);
  set(&ServingSettings::batched_tokens);
  set(&ServingSettings::block_tokens);
  if (told.pool_bytes) options.pool_size = std::to_string(*told.pool_bytes);
  options.serving.eager = options.serving.eager || told.eager;
  options.serving.no_prefix_caching = options.serving.no_prefix_caching || told.no_prefix_caching;
  return options;
}

std::string words_of(const EngineLog& log, const LogSettings& settings) {
  std::vector<std::string> words;
  const auto add = [&](std::string_view name, const auto& value) {
    if (value) words.push_back(fmt::format("{} {}", name, *value));
  };
  if (!log.version.empty()) words.push_back("version " + log.version);
  add("length", settings.length);
  if (!settings.share.empty()) words.push_back("share " + settings.share);
  add("tensor parallel", settings.serving.tensor_parallel);
  add("pipeline parallel", settings.serving.pipeline_parallel);
  add("sequences", settings.serving.max_sequences);
  add("batched tokens", settings.serving.batched_tokens);
  if (!settings.key_type.empty()) words.push_back("cache " + settings.key_type);
  if (settings.serving.eager) words.emplace_back("eager");
  return fmt::format("{}", fmt::join(words, ", "));
}

/// The devices asked for; else as many as the log's run is divided among, of the size that the log says.
std::vector<std::string> devices_of(const LogSettings& settings, const VerifyRequest& request) {
  if (!request.devices.empty() || !settings.device_bytes) return request.devices;
  const std::uint64_t count =
      times(settings.serving.tensor_parallel.value_or(1), settings.serving.pipeline_parallel.value_or(1));
  if (count == 0 || count > kMaxDevices) return {};
  const std::uint64_t hundredths = scaled(*settings.device_bytes, 100, kGiB);  // more digits no log has
  const std::string size = fmt::format("{}.{:02}GiB", hundredths / 100, hundredths % 100);
  return {count == 1 ? size : fmt::format("{}x {}", count, size)};
}

class Verifier {
 public:
  Verifier(const EngineLog& log, const VerifyRequest& request, const Catalogue& catalogue)
      : log_(log), request_(request), catalogue_(catalogue) {}

  Verification verify() {
    result_.log = request_.log;
    result_.engine = *log_.engine;
    result_.version = log_.version;
    result_.left_out = log_.left_out;
    for (const LogModel& model : log_.models) add(model);
    return std::move(result_);
  }

 private:
  void add(const LogModel& log) {
    std::string path;
    try {
      path = path_of(log);
      const Model& model = models_.at(path, name_of(log));
      if (const std::string why = contradiction(log, model); !why.empty()) throw Error(why);
      if (*log_.engine == Engine::LlamaCpp && !is_gguf(model.checkpoint)) {
        throw Error("llama.cpp ran a GGUF: name that file, not the checkpoint that it was made from");
      }
      add_runs(log, model);
    } catch (const UsageError&) {
      throw;
    } catch (const Error& error) {
      result_.errors.push_back({path.empty() ? name_of(log) : path, error.what(), std::nullopt});
    }
  }

  [[nodiscard]] std::string path_of(const LogModel& log) const {
    std::error_code error;
    if (request_.model.empty()) {
      if (!log.path.empty() && fs::exists(log.path, error)) return log.path;
      if (const auto stored = in_a_store(log.path)) return *stored;
      if (log.path.empty()) throw Error("the log does not say where this model lies: name it after the log");
      throw Error(fmt::format("not here, where the log has it ({}): name it after the log", log.path));
    }
    const auto is_named = [&](const LogModel& other) { return name_of(other) == plain_name(request_.model); };
    if (!is_named(log) && std::ranges::any_of(log_.models, is_named)) {
      throw Error(fmt::format("another model of the log than {}: not compared", request_.model));
    }
    if (fs::is_directory(request_.model, error)) {
      const std::string found = find_by_name(request_.model, name_of(log));
      if (!found.empty()) return found;
      if (log_.models.size() > 1) throw Error(fmt::format("no model of this name in {}", request_.model));
    }
    return request_.model;
  }

  void add_runs(const LogModel& log, const Model& model) {
    // What was loaded is worth comparing where the log ends before a context begins.
    static const std::vector<LogRun> kNoRun(1);
    for (const LogRun& run : log.runs.empty() ? kNoRun : log.runs) {
      VerifiedRun verified = *log_.engine == Engine::Vllm ? serve(log, run, model) : load(log, run, model);
      verified.model = model.checkpoint.name;
      result_.runs.push_back(std::move(verified));
    }
  }

  [[nodiscard]] VerifiedRun load(const LogModel& log, const LogRun& run, const Model& model) const {
    const Candidate candidate(model, Engine::LlamaCpp);
    return compare_llama_cpp(log, run, model, run_of(request_of(request_.options, model, Engine::LlamaCpp), candidate));
  }

  // A setting of the log that no engine takes is the log's fault, not the user's.
  [[nodiscard]] VerifiedRun serve(const LogModel& log, const LogRun& run, const Model& model) const {
    try {
      return served(log, run, model);
    } catch (const UsageError& error) {
      throw Error(std::string("the log has a setting that is none: ") + error.what());
    }
  }

  [[nodiscard]] VerifiedRun served(const LogModel& log, const LogRun& run, const Model& model) const {
    const RunSetup setup =
        set_up_run(told_options(log_, log.settings, request_.options), devices_of(log.settings, request_), catalogue_);
    std::vector<Fit> fits;
    if (!setup.groups.empty()) {
      const RunRequest asked = request_of(setup.options, model, Engine::Vllm);
      fits = weigh(model, asked, setup.groups, catalogue_, WeighDetail::Placement).fits;
    }
    const Serving* serving = !fits.empty() && fits.front().serving ? &*fits.front().serving : nullptr;
    VerifiedRun verified = compare_serving(run, serving);
    verified.settings = words_of(log_, log.settings);
    if (setup.groups.empty()) {
      verified.assumptions.emplace_back("no device: the log does not say which card, --on DEVICE does");
    } else if (request_.devices.empty()) {
      verified.assumptions.push_back("a device of " + human_bytes(*log.settings.device_bytes) + ", as the log says");
    }
    return verified;
  }

  const EngineLog& log_;
  const VerifyRequest& request_;
  const Catalogue& catalogue_;
  Models models_;
  Verification result_;
};

}  // namespace

Verification verify_log(const EngineLog& log, const VerifyRequest& request, const Catalogue& catalogue) {
  if (!log.engine || log.models.empty()) {
    throw Error(
        request.log +
        " has no line that llama.cpp or vLLM prints of memory at its start: was it cut, or is its verbosity low?");
  }
  RunOptions options = request.options;
  options.engine = engine_name(*log.engine);
  (void)set_up_run(options, request.devices, catalogue);  // what the user asks for has to be there
  return Verifier(log, request, catalogue).verify();
}

}  // namespace weigh::core
