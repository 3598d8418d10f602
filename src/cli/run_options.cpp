#include "src/cli/run_options.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "src/cli/options.h"
#include "src/detect/detect.h"
#include "src/devices/units.h"

namespace weigh::core {
namespace {

struct CacheTypes {
  Dtype key;
  Dtype value;
};

CacheTypes cache_types(const std::string& text) {
  const std::size_t comma = text.find(',');
  const auto one = [&](const std::string& written) {
    const auto type = cache_type_by_name(written);
    if (!type) {
      throw UsageError(
          fmt::format("--kv-type {}: no cache type '{}'; there are {}", text, written, cache_types_listed()));
    }
    return *type;
  };
  const Dtype key = one(text.substr(0, comma));
  return {key, comma == std::string::npos ? key : one(text.substr(comma + 1))};
}

std::optional<std::uint64_t> tokens_of(const std::string& text) {
  constexpr std::uint64_t kMax = std::uint64_t{1} << 32;
  const auto tokens = parse_scaled(text, 1);
  const bool whole = text.find('.') == std::string::npos;
  return tokens && whole && *tokens > 0 && *tokens <= kMax ? tokens : std::nullopt;
}

// The cards of this machine with its main memory as their host, or that memory alone.
DeviceSet local_group(const Catalogue& catalogue) {
  const LocalDevices local = detect(*this_machine(), catalogue);
  std::vector<Device> devices;
  std::ranges::copy_if(local.accelerators, std::back_inserter(devices), has_host_memory);
  if (devices.empty() && !local.accelerators.empty()) devices = {local.accelerators.front()};
  if (local.host) devices.push_back(*local.host);
  if (devices.empty()) throw UsageError("--on local: found neither a device nor how much memory this machine has");
  const bool shared = !devices.empty() && !has_host_memory(devices.front());
  DeviceSet group = shared ? device_set_of(devices.front()) : device_set_of(devices);
  group.label.id = "local";
  return group;
}

bool is_quantized(Dtype type) { return info(type).block_elements > 1; }

}  // namespace

void add_run_options(OptionSet& command, RunOptions& options) {
  command.add_option("--engine", options.engine, "llama.cpp (GGUF), transformers, vllm or mlx (safetensors)", "NAME");
  command.add_option("--context", options.context, "Tokens, or max; default: 4096, or the model's own if less", "N");
  command.add_option("--kv-type", options.kv_type, "Type of the KV cache: f16 (default), q8_0, ..., or K,V", "TYPE");
  command.add_option("--parallel", options.parallel, "Sequences at a time, default 1", "N", NumberRange{1, 65536});
  command.add_flag("--kv-unified", options.unified_cache, "The sequences share all of the cache");
  command.add_option("--ubatch", options.micro_batch, "Tokens that are computed at a time, default 512", "N",
                     NumberRange{1, 1U << 20U});
  command.add_option("--flash-attention", options.flash_attention, "on (default) or off", "WHEN");
  command.add_flag("--swa-full", options.full_window_cache, "Sliding layers keep the whole context");
  command.add_option("--mmproj", options.mmproj, "The projector that is loaded with it", "FILE");
  command.add_flag("--no-mmproj-offload", options.projector_on_host, "The projector stays in host memory");
  command.add_option("--draft", options.draft, "A small model that drafts tokens for it", "PATH");
}

void add_placement_options(OptionSet& command, RunOptions& options) {
  command.add_option("--gpu-layers", options.gpu_layers, "Layers on the devices, as llama.cpp's -ngl; default: all",
                     "N");
  command.add_option("--n-cpu-moe", options.cpu_moe_layers, "The experts of the first N layers stay in host memory",
                     "N");
  command.add_option("--as", options.as, "Weigh it as the GGUF of another type: Q4_K_M, ...", "TYPE");
  command.add_flag("--together", options.together, "One run over all devices of --on, a CPU among them as the host");
}

void add_require_option(OptionSet& command, std::string& require) {
  command.add_option("--require", require, "Exit with 3 unless every verdict is fits, or fits or tight", "VERDICT");
}

void check_run_options(const RunOptions& options) {
  const CacheTypes types = cache_types(options.kv_type);
  if (options.flash_attention != "on" && options.flash_attention != "off") {
    throw UsageError(fmt::format("--flash-attention {}: there are on and off", options.flash_attention));
  }
  if (options.flash_attention == "off" && is_quantized(types.value)) {
    throw UsageError(fmt::format("--kv-type {}: a quantised V cache needs flash attention", options.kv_type));
  }
  if (!options.context.empty() && options.context != "max" && !tokens_of(options.context)) {
    throw UsageError(fmt::format("--context {}: not a number of tokens, nor max", options.context));
  }
  if (!options.engine.empty() && !engine_by_name(options.engine)) {
    throw UsageError(fmt::format("--engine {}: there are llama.cpp, transformers, vllm and mlx", options.engine));
  }
  if (options.projector_on_host && options.mmproj.empty()) {
    throw UsageError("--no-mmproj-offload needs a projector: --mmproj FILE");
  }
  if (!options.as.empty() && find_quantizer_type(options.as) == nullptr) {
    throw UsageError(fmt::format("--as {}: no type that llama.cpp's quantiser makes", options.as));
  }
  if (!options.as.empty() && !options.engine.empty() && options.engine != "llama.cpp") {
    throw UsageError(fmt::format("--as {} is for llama.cpp, not for {}", options.as, options.engine));
  }
}

Engine engine_of(const RunOptions& options, const Model& model) {
  if (!options.as.empty()) return Engine::LlamaCpp;
  const Engine usual = default_engine(model);
  if (options.engine.empty()) return usual;
  const Engine asked = *engine_by_name(options.engine);
  const bool gguf = !model.checkpoint.files.empty() && model.checkpoint.files.front().format == Format::Gguf;
  if (gguf && asked != Engine::LlamaCpp) {
    throw UsageError(
        fmt::format("--engine {}: {} is a GGUF file, which is for llama.cpp", options.engine, model.checkpoint.name));
  }
  return asked;
}

Run run_of(const RunOptions& options, const Candidate& subject) {
  const CacheTypes types = cache_types(options.kv_type);
  for (const Dtype type : {types.key, types.value}) {
    if (takes_cache_type(subject.engine(), type)) continue;
    throw UsageError(fmt::format("--kv-type {}: not a cache of {}, which is used for {}; there are {}", options.kv_type,
                                 engine_name(subject.engine()), subject.source().checkpoint.name,
                                 cache_types_listed(subject.engine())));
  }
  Run run;
  run.engine = subject.engine();
  run.key_type = types.key;
  run.value_type = types.value;
  run.sequences = options.parallel;
  run.unified_cache = options.unified_cache;
  run.micro_batch = options.micro_batch;
  run.flash_attention = options.flash_attention == "on";
  run.full_window_cache = options.full_window_cache;
  run.gpu_layers = options.gpu_layers;
  run.cpu_moe_layers = options.cpu_moe_layers;
  run.projector_on_host = options.projector_on_host;
  if (options.context == "max") {
    if (const RunModel* model = subject.run_model()) run.context = model->trained_context;
  } else if (!options.context.empty()) {
    run.context = tokens_of(options.context);
  }
  return run;
}

std::vector<DeviceSet> resolve_groups(const Catalogue& catalogue, const std::vector<std::string>& requests,
                                      bool together) {
  std::vector<DeviceSet> groups;
  std::vector<Device> all;
  for (const std::string& request : requests) {
    if (request == "local") {
      DeviceSet local = local_group(catalogue);
      all.insert(all.end(), local.slots.begin(), local.slots.end());
      if (local.host) all.push_back(*local.host);
      groups.push_back(std::move(local));
    } else {
      all.push_back(catalogue.resolve(request));
      groups.push_back(device_set_of(all.back()));
    }
  }
  if (!together || groups.empty()) return groups;
  return {device_set_of(all)};
}

std::optional<Verdict> required_verdict(const std::string& require, const std::vector<DeviceSet>& groups) {
  if (require.empty()) return std::nullopt;
  if (groups.empty()) throw UsageError(fmt::format("--require {} needs a device: --on DEVICE", require));
  if (require == "fits") return Verdict::Fits;
  if (require == "tight") return Verdict::Tight;
  throw UsageError(fmt::format("--require {}: there are fits and tight", require));
}

int with_requirement(int status, const Report& report, std::optional<Verdict> required) {
  constexpr int kNotMet = 3;
  if (!required || status != 0) return status;
  const bool met = std::ranges::all_of(report.models, [&](const ModelReport& model) {
    return std::ranges::all_of(model.fits, [&](const Fit& fit) { return fit.verdict <= *required; });
  });
  return met ? 0 : kNotMet;
}

}  // namespace weigh::core
