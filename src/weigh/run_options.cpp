#include "src/weigh/run_options.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/text.h"
#include "src/devices/text.h"
#include "src/devices/units.h"
#include "src/fit/engine_flags.h"
#include "src/quantize/quantize_types.h"

namespace weigh::core {
namespace {

struct CacheTypes {
  CacheType key;
  CacheType value;
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
  const CacheType key = one(text.substr(0, comma));
  return {key, comma == std::string::npos ? key : one(text.substr(comma + 1))};
}

constexpr std::uint64_t kMaxTokens = std::uint64_t{1} << 32;

std::optional<std::uint64_t> tokens_of(const std::string& text) {
  const char last = text.empty() ? '\0' : text.back();
  const std::uint64_t unit = last == 'k' || last == 'K' ? 1024 : last == 'm' || last == 'M' ? 1024 * 1024 : 1;
  const auto tokens = parse_scaled(std::string_view(text).substr(0, text.size() - (unit == 1 ? 0 : 1)), unit);
  const bool whole = unit != 1 || text.find('.') == std::string::npos;
  return tokens && whole && *tokens > 0 && *tokens <= kMaxTokens ? tokens : std::nullopt;
}

constexpr std::string_view kKvType = "--kv-type";
constexpr std::string_view kDraftKvType = "--draft-kv-type";

// "0.21", also "v0.21.3".
std::optional<EngineVersion> version_of(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view rest = text.substr(dot + 1);
  const auto major = parse_uint(text.substr(0, dot));
  const auto minor = parse_uint(rest.substr(0, rest.find('.')));
  constexpr std::uint64_t kMost = 10000;
  if (!major || !minor || *major > kMost || *minor > kMost) return std::nullopt;
  return EngineVersion{static_cast<std::uint32_t>(*major), static_cast<std::uint32_t>(*minor)};
}

// In 1/10,000, from above 0 to all.
std::optional<std::uint64_t> share_of(std::string_view text) {
  constexpr std::uint64_t kWhole = 10000;
  const auto share = parse_scaled(text, kWhole);
  return share && *share > 0 && *share <= kWhole ? share : std::nullopt;
}

// A plain number is bytes, as vLLM has it.
std::optional<std::uint64_t> pool_of(const std::string& text) {
  if (const auto bytes = parse_uint(text)) return bytes;
  return parse_size(text);
}

// A number of the settings of an engine that pools its cache.
struct ServingNumber {
  std::string_view flag;
  std::optional<std::uint64_t> ServingSettings::*number;
  std::uint64_t most;
};
constexpr std::array kServingNumbers{
    ServingNumber{"--max-num-seqs", &ServingSettings::max_sequences, kMaxSequences},
    ServingNumber{"--max-num-batched-tokens", &ServingSettings::batched_tokens, kMaxMicroBatch},
    ServingNumber{"--tensor-parallel-size", &ServingSettings::tensor_parallel, kMaxDevices},
    ServingNumber{"--pipeline-parallel-size", &ServingSettings::pipeline_parallel, kMaxDevices},
    ServingNumber{"--decode-context-parallel-size", &ServingSettings::context_parallel, kMaxDevices},
    ServingNumber{"--block-size", &ServingSettings::block_tokens, std::uint64_t{1} << 16},
};

void check_serving(const RunOptions& options) {
  for (const ServingNumber& row : kServingNumbers) {
    const auto& number = options.serving.*row.number;
    if (!number || (*number >= 1 && *number <= row.most)) continue;
    throw UsageError(fmt::format("{} {}: not from 1 to {}", row.flag, *number, row.most));
  }
  if (!options.memory_share.empty() && !share_of(options.memory_share)) {
    throw UsageError(fmt::format("--gpu-memory-utilization {}: not a share above 0 and up to 1, such as 0.92",
                                 options.memory_share));
  }
  if (!options.engine_version.empty() && !version_of(options.engine_version)) {
    throw UsageError(fmt::format("--engine-version {}: not a version such as 0.21", options.engine_version));
  }
  if (!options.pool_size.empty() && pool_of(options.pool_size).value_or(0) == 0) {
    throw UsageError(fmt::format("--kv-cache-memory-bytes {}: not a size such as 4.25GiB", options.pool_size));
  }
}

// The first option in use that other engines have; empty: none.
std::string_view option_of_pools(const RunOptions& options) {
  for (const ServingNumber& row : kServingNumbers) {
    if (options.serving.*row.number) return row.flag;
  }
  if (!options.memory_share.empty()) return "--gpu-memory-utilization";
  if (!options.engine_version.empty()) return "--engine-version";
  if (!options.pool_size.empty()) return "--kv-cache-memory-bytes";
  if (options.serving.eager) return "--enforce-eager";
  return options.serving.no_prefix_caching ? "--no-enable-prefix-caching" : "";
}

ServingSettings serving_of(const RunOptions& options, Engine engine) {
  const std::string_view flag = option_of_pools(options);
  if (!flag.empty() && !traits_of(engine).pools) {
    throw UsageError(
        fmt::format("{} is for vllm and sglang, not for {}; say --engine vllm", flag, engine_name(engine)));
  }
  ServingSettings serving = options.serving;
  if (!options.engine_version.empty()) serving.version = version_of(options.engine_version);
  if (!options.memory_share.empty()) serving.share = share_of(options.memory_share);
  if (!options.pool_size.empty()) serving.pool_bytes = pool_of(options.pool_size);
  return serving;
}

CacheTypes checked_types(std::string_view flag, const std::string& text, Engine engine, const Model& model) {
  const CacheTypes types = cache_types(flag, text);
  for (const CacheType type : {types.key, types.value}) {
    if (takes_cache_type(engine, type)) continue;
    throw UsageError(fmt::format("{} {}: not a cache of {}, which is used for {}; there are {}", flag, text,
                                 engine_name(engine), model.checkpoint.name, cache_types_listed(engine)));
  }
  return types;
}

// Prompt and answer, of engines that work on one after the other; together they are the context.
void set_prompt(const RunOptions& options, Engine engine, const Model& model, RunRequest& request) {
  const bool told = options.prompt || options.generated;
  if (told && engine != Engine::Transformers && engine != Engine::Mlx) {
    throw UsageError(fmt::format("{} is for transformers and mlx, not for {}",
                                 options.prompt ? "--prompt" : "--generate", engine_name(engine)));
  }
  if (options.eager_attention && options.training.recipe.empty() && engine != Engine::Transformers) {
    throw UsageError(fmt::format("--eager-attention is for transformers and --train, not for {}", engine_name(engine)));
  }
  request.prompt = options.prompt;
  request.generated = options.generated;
  request.eager_attention = options.eager_attention;
  if (!told) return;
  if (request.longest_context) throw UsageError("--prompt and --generate say the context: leave out --context max");
  const std::uint64_t both = times(plus(options.prompt.value_or(0), options.generated.value_or(0)), options.parallel);
  if (!request.context && options.prompt) request.context = both;
  const std::uint64_t unsaid = std::min(kDefaultContext, model.architecture.context_length.value_or(kDefaultContext));
  const std::uint64_t context = request.context.value_or(unsaid);
  if (both <= context) return;
  if (!options.prompt) {
    throw UsageError(fmt::format("--generate: {} tokens, more than the context of {}; say --prompt or --context too",
                                 both, context));
  }
  throw UsageError(
      fmt::format("--prompt and --generate are {} tokens together, more than the context of {}", both, context));
}

}  // namespace

void check_run_options(const RunOptions& options) {
  check_training_options(options);
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
  if (!options.max_length.empty() && options.max_length != "max" && !tokens_of(options.max_length)) {
    throw UsageError(
        fmt::format("--max-model-len {}: not a number of tokens such as 8192, 32k or 1M, nor max", options.max_length));
  }
  if (!options.max_length.empty() && !options.context.empty()) {
    throw UsageError("--max-model-len and --context: two words for one thing; give one of them");
  }
  if (options.prompt == 0U) throw UsageError("--prompt 0: not a number of tokens from 1 on");
  for (const auto& [flag, number] :
       {std::pair{"--prompt", options.prompt}, std::pair{"--generate", options.generated}}) {
    if (number && *number > kMaxTokens) throw UsageError(fmt::format("{} {}: more than {}", flag, *number, kMaxTokens));
  }
  check_serving(options);
  if (options.parallel < 1 || options.parallel > kMaxSequences) {
    throw UsageError(fmt::format("--parallel {}: not from 1 to {}", options.parallel, kMaxSequences));
  }
  if (options.micro_batch < 1 || options.micro_batch > kMaxMicroBatch) {
    throw UsageError(fmt::format("--ubatch {}: not from 1 to {}", options.micro_batch, kMaxMicroBatch));
  }
  if (options.batch && (*options.batch < 1 || *options.batch > kMaxMicroBatch)) {
    throw UsageError(fmt::format("--batch {}: not from 1 to {}", *options.batch, kMaxMicroBatch));
  }
  if (!options.engine.empty() && !engine_by_name(options.engine)) {
    throw UsageError(fmt::format("--engine {}: there are {}{}", options.engine, engines_listed(),
                                 did_you_mean(options.engine, words_of(engines_listed()))));
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
  request.key_type = types.key.dtype;
  request.value_type = types.value.dtype;
  request.scale_per_head = types.key.scale_per_head || types.value.scale_per_head;
  if (!options.draft_kv_type.empty()) {
    if (engine != Engine::LlamaCpp) {
      throw UsageError(fmt::format("--draft-kv-type is for llama.cpp, not for {}", engine_name(engine)));
    }
    const CacheTypes draft = checked_types(kDraftKvType, options.draft_kv_type, engine, model);
    request.draft_key_type = draft.key.dtype;
    request.draft_value_type = draft.value.dtype;
  }
  request.sequences = options.parallel;
  request.unified_cache = options.unified_cache;
  request.batch = options.batch.value_or(request.batch);
  request.micro_batch = options.micro_batch;
  request.flash_attention = options.flash_attention == "on";
  request.full_window_cache = options.full_window_cache;
  request.gpu_layers = options.gpu_layers;
  request.cpu_moe_layers = options.cpu_moe_layers;
  request.cpu_ffn_layers = options.cpu_ffn_layers;
  request.projector_on_host = options.projector_on_host;
  request.longest_context = options.context == "max" || options.max_length == "max";
  if (!options.max_length.empty() && !request.longest_context) {
    request.context = times(*tokens_of(options.max_length), options.parallel);
  }
  if (!options.context.empty() && !request.longest_context) request.context = tokens_of(options.context);
  request.serving = serving_of(options, engine);
  set_prompt(options, engine, model, request);
  request.training = training_of(options);
  if (!options.as.empty()) request.as = find_quantizer_type(options.as);
  return request;
}

std::string key_of(const RunOptions& options) {
  // All fields by name: one that is added does not compile until it is here.
  const auto& [engine, context, kv_type, flash_attention, as, mmproj, draft, draft_kv_type, host, parallel, batch,
               micro_batch, gpu_layers, cpu_moe_layers, cpu_ffn_layers, unified_cache, full_window_cache,
               projector_on_host, together, engine_version, memory_share, max_length, pool_size, serving, prompt,
               generated, eager_attention, training] = options;
  std::string key = fmt::format("{} {} {} {} {} {} {} {} {} {} {}", engine, context, kv_type, flash_attention, parallel,
                                micro_batch, unified_cache, full_window_cache, mmproj, draft, projector_on_host);
  if (gpu_layers) key += fmt::format(" gpu-layers {}", *gpu_layers);
  if (batch && *batch != Run().batch) key += fmt::format(" batch {}", *batch);
  if (cpu_ffn_layers != 0) key += fmt::format(" n-cpu-ffn {}", cpu_ffn_layers);
  if (cpu_moe_layers != 0) key += fmt::format(" n-cpu-moe {}", cpu_moe_layers);
  if (!draft_kv_type.empty()) key += " draft-kv-type " + draft_kv_type;
  if (!as.empty()) key += " as " + as;
  if (!host.empty()) key += " host " + host;
  if (together) key += " together";
  const auto add = [&](std::string_view name, const auto& value) {
    if (value) key += fmt::format(" {} {}", name, *value);
  };
  const auto add_text = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) key += fmt::format(" {} {}", name, value);
  };
  add_text("version", engine_version);
  add_text("share", memory_share);
  add_text("length", max_length);
  add_text("pool", pool_size);
  for (const ServingNumber& row : kServingNumbers) add(row.flag, serving.*row.number);
  if (serving.eager) key += " eager";
  if (serving.no_prefix_caching) key += " no-prefix-caching";
  add("prompt", prompt);
  add("generate", generated);
  if (eager_attention) key += " eager-attention";
  return key + key_of(training);
}

}  // namespace weigh::core
