#include "src/weigh/run_options.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "formats/error.h"
#include "formats/text.h"
#include "src/devices/text.h"
#include "src/devices/units.h"
#include "src/fit/engine_flags.h"
#include "src/quantize/quantize_types.h"

namespace weigh::core {
namespace {

struct CacheTypes {
  Dtype key;
  Dtype value;
};

// Of a list with commas.
std::vector<std::string> words_of(std::string_view list) {
  std::vector<std::string> words;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(", "), list.size());
    words.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 2, list.size()));
  }
  return words;
}

std::vector<std::string> type_names() {
  std::vector<std::string> names;
  for (const QuantizerType& type : quantizer_types()) names.emplace_back(type.name);
  return names;
}

CacheTypes cache_types(std::string_view flag, const std::string& text) {
  const std::size_t comma = text.find(',');
  const auto one = [&](const std::string& written) {
    const auto type = cache_type_by_name(written);
    if (!type) {
      throw UsageError(fmt::format("{} {}: no cache type '{}'; there are {}{}", flag, text, written,
                                   cache_types_listed(), did_you_mean(written, words_of(cache_types_listed()))));
    }
    return *type;
  };
  const Dtype key = one(text.substr(0, comma));
  return {key, comma == std::string::npos ? key : one(text.substr(comma + 1))};
}

std::optional<std::uint64_t> tokens_of(const std::string& text) {
  constexpr std::uint64_t kMax = std::uint64_t{1} << 32;
  const char last = text.empty() ? '\0' : text.back();
  const std::uint64_t unit = last == 'k' || last == 'K' ? 1024 : last == 'm' || last == 'M' ? 1024 * 1024 : 1;
  const auto tokens = parse_scaled(std::string_view(text).substr(0, text.size() - (unit == 1 ? 0 : 1)), unit);
  const bool whole = unit != 1 || text.find('.') == std::string::npos;
  return tokens && whole && *tokens > 0 && *tokens <= kMax ? tokens : std::nullopt;
}

constexpr std::string_view kKvType = "--kv-type";
constexpr std::string_view kDraftKvType = "--draft-kv-type";

CacheTypes checked_types(std::string_view flag, const std::string& text, Engine engine, const Model& model) {
  const CacheTypes types = cache_types(flag, text);
  for (const Dtype type : {types.key, types.value}) {
    if (takes_cache_type(engine, type)) continue;
    throw UsageError(fmt::format("{} {}: not a cache of {}, which is used for {}; there are {}", flag, text,
                                 engine_name(engine), model.checkpoint.name, cache_types_listed(engine)));
  }
  return types;
}

}  // namespace

void check_run_options(const RunOptions& options) {
  (void)cache_types(kKvType, options.kv_type);
  if (!options.draft_kv_type.empty()) {
    (void)cache_types(kDraftKvType, options.draft_kv_type);
    if (options.draft.empty()) throw UsageError("--draft-kv-type needs a draft: --draft PATH or --draft mtp");
  }
  if (options.flash_attention != "on" && options.flash_attention != "off") {
    throw UsageError(fmt::format("--flash-attention {}: there are on and off", options.flash_attention));
  }
  if (!options.context.empty() && options.context != "max" && !tokens_of(options.context)) {
    throw UsageError(
        fmt::format("--context {}: not a number of tokens such as 8192, 32k or 1M, nor max", options.context));
  }
  if (options.parallel < 1 || options.parallel > kMaxSequences) {
    throw UsageError(fmt::format("--parallel {}: not from 1 to {}", options.parallel, kMaxSequences));
  }
  if (options.micro_batch < 1 || options.micro_batch > kMaxMicroBatch) {
    throw UsageError(fmt::format("--ubatch {}: not from 1 to {}", options.micro_batch, kMaxMicroBatch));
  }
  if (options.batch < 1 || options.batch > kMaxMicroBatch) {
    throw UsageError(fmt::format("--batch {}: not from 1 to {}", options.batch, kMaxMicroBatch));
  }
  if (!options.engine.empty() && !engine_by_name(options.engine)) {
    constexpr std::string_view kEnginesListed = "llama.cpp, transformers, vllm, mlx";
    throw UsageError(fmt::format("--engine {}: there are llama.cpp, transformers, vllm and mlx{}", options.engine,
                                 did_you_mean(options.engine, words_of(kEnginesListed))));
  }
  if (options.projector_on_host && options.mmproj.empty()) {
    throw UsageError("--no-mmproj-offload needs a projector: --mmproj FILE");
  }
  if (!options.as.empty() && find_quantizer_type(options.as) == nullptr) {
    throw UsageError(fmt::format("--as {}: no type that llama.cpp's quantiser makes{}", options.as,
                                 did_you_mean(options.as, type_names())));
  }
  if (!options.as.empty() && !options.engine.empty() && options.engine != "llama.cpp") {
    throw UsageError(fmt::format("--as {} is for llama.cpp, not for {}", options.as, options.engine));
  }
}

Engine engine_of(const RunOptions& options, const Model& model) {
  if (!options.as.empty()) return Engine::LlamaCpp;
  return options.engine.empty() ? default_engine(model) : *engine_by_name(options.engine);
}

RunRequest request_of(const RunOptions& options, const Model& model, Engine engine) {
  const CacheTypes types = checked_types(kKvType, options.kv_type, engine, model);
  RunRequest request;
  request.engine = engine;
  request.engine_is_default = options.engine.empty();
  request.key_type = types.key;
  request.value_type = types.value;
  if (!options.draft_kv_type.empty()) {
    if (engine != Engine::LlamaCpp) {
      throw UsageError(fmt::format("--draft-kv-type is for llama.cpp, not for {}", engine_name(engine)));
    }
    const CacheTypes draft = checked_types(kDraftKvType, options.draft_kv_type, engine, model);
    request.draft_key_type = draft.key;
    request.draft_value_type = draft.value;
  }
  request.sequences = options.parallel;
  request.unified_cache = options.unified_cache;
  request.batch = options.batch;
  request.micro_batch = options.micro_batch;
  request.flash_attention = options.flash_attention == "on";
  request.full_window_cache = options.full_window_cache;
  request.gpu_layers = options.gpu_layers;
  request.cpu_moe_layers = options.cpu_moe_layers;
  request.cpu_ffn_layers = options.cpu_ffn_layers;
  request.projector_on_host = options.projector_on_host;
  request.longest_context = options.context == "max";
  if (!options.context.empty() && !request.longest_context) request.context = tokens_of(options.context);
  if (!options.as.empty()) request.as = find_quantizer_type(options.as);
  return request;
}

std::string key_of(const RunOptions& options) {
  // All fields by name: one that is added does not compile until it is here.
  const auto& [engine, context, kv_type, flash_attention, as, mmproj, draft, draft_kv_type, host, parallel, batch,
               micro_batch, gpu_layers, cpu_moe_layers, cpu_ffn_layers, unified_cache, full_window_cache,
               projector_on_host, together] = options;
  std::string key = fmt::format("{} {} {} {} {} {} {} {} {} {} {}", engine, context, kv_type, flash_attention, parallel,
                                micro_batch, unified_cache, full_window_cache, mmproj, draft, projector_on_host);
  if (gpu_layers) key += fmt::format(" gpu-layers {}", *gpu_layers);
  if (batch != Run().batch) key += fmt::format(" batch {}", batch);
  if (cpu_ffn_layers != 0) key += fmt::format(" n-cpu-ffn {}", cpu_ffn_layers);
  if (cpu_moe_layers != 0) key += fmt::format(" n-cpu-moe {}", cpu_moe_layers);
  if (!draft_kv_type.empty()) key += " draft-kv-type " + draft_kv_type;
  if (!as.empty()) key += " as " + as;
  if (!host.empty()) key += " host " + host;
  if (together) key += " together";
  return key;
}

}  // namespace weigh::core
