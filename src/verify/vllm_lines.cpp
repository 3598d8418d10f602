// The lines that vLLM prints when it starts, from 0.6 on.
#include <array>
#include <string>

#include "formats/text.h"
#include "src/verify/line_table.h"

namespace weigh::core {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::uint64_t kRatio = 10'000;

std::optional<Printed> gib(std::string_view number) { return printed_number(number, kGiB); }

std::optional<std::uint64_t> count_of(std::string_view digits) {
  const auto number = printed_number(digits);
  constexpr std::int64_t kMost = std::int64_t{1} << 32;
  if (!number || number->value <= 0 || number->value > kMost) return std::nullopt;
  return static_cast<std::uint64_t>(number->value);
}

// Of several devices each prints its own line: of what is needed the first counts, of what is left the least.
template <LogPart kPart>
void take_first(const Captures& found, LogBuilder& log) {
  log.set_engine(Engine::Vllm);
  log.add_first(kPart, gib(found[0]));
}

void take_available(const Captures& found, LogBuilder& log) {
  log.set_engine(Engine::Vllm);
  log.add_least(LogPart::AvailableCache, gib(found[0]));
}

void take_profile(const Captures& found, LogBuilder& log) {
  log.set_engine(Engine::Vllm);
  log.add_first(LogPart::Weights, gib(found[0]));
  log.add_first(LogPart::Outside, gib(found[1]));
  log.add_first(LogPart::Activation, gib(found[2]));
  log.add_least(LogPart::AvailableCache, gib(found[3]));
}

void take_newer_profile(const Captures& found, LogBuilder& log) {
  log.set_engine(Engine::Vllm);
  log.add_first(LogPart::Activation, gib(found[0]));
  log.add_first(LogPart::Outside, gib(found[1]));
  log.add_first(LogPart::Weights, gib(found[2]));
}

void take_share(const Captures& found, LogBuilder& log) {
  log.set_engine(Engine::Vllm);
  const auto total = gib(found[0]);
  if (total && total->value > 0) log.model().settings.device_bytes = static_cast<std::uint64_t>(total->value);
  log.model().settings.share = kept_text(found[1]);
  log.add_first(LogPart::Requested, gib(found[2]));
}

void take_concurrency(const Captures& found, LogBuilder& log) {
  log.set_engine(Engine::Vllm);
  LogSettings& settings = log.model().settings;
  if (!settings.length) settings.length = count_of(found[0]);
  log.add_first(LogPart::Concurrency, printed_number(found[1], kRatio));
}

void take_start(const Captures& found, LogBuilder& log) {
  log.set_engine(Engine::Vllm);
  log.set_version(found[0].starts_with("v") ? found[0].substr(1) : found[0]);
  log.begin_model_after_figures();
}

/// Why it does not start, from where the sentence begins.
template <const std::string_view& kBeginning>
void take_error(const Captures& found, LogBuilder& log) {
  constexpr std::size_t kMost = 400;
  log.set_engine(Engine::Vllm);
  std::string& error = log.run().error;
  if (error.empty()) error = std::string(kBeginning) + std::string(found[0].substr(0, kMost));
}
constexpr std::string_view kServeOne = "To serve at least one request ";
constexpr std::string_view kNoMemory = "No available memory for the cache blocks";
constexpr std::string_view kLonger = "The model's max seq len ";
constexpr std::string_view kLessFree = "Free memory on device ";

constexpr std::array kLines{
    LineKind{"Initializing a V1 LLM engine (%w) with config:", take_start},
    LineKind{"Initializing an LLM engine (%w) with config:", take_start},
    LineKind{"Initializing a V0 LLM engine (%w) with config:", take_start},
    LineKind{"Model loading took %n GiB", take_first<LogPart::Weights>},
    // Until 0.8, of the same size.
    LineKind{"Model loading took %n GB", take_first<LogPart::Weights>},
    LineKind{"Loading model weights took %n GB", take_first<LogPart::Weights>},
    LineKind{
        "Model weights take %nGiB; non_torch_memory takes %nGiB; PyTorch activation peak memory takes %nGiB; the rest "
        "of the memory reserved for KV Cache is %nGiB",
        take_profile},
    LineKind{"torch peak memory increase: %nGiB; non-torch forward increase memory: %nGiB; weights memory: %nGiB",
             take_newer_profile},
    LineKind{"total_gpu_memory (%nGiB) x gpu_memory_utilization (%n) = %nGiB", take_share},
    LineKind{"# GPU blocks: %n",
             [](const Captures& c, LogBuilder& log) {
               log.set_engine(Engine::Vllm);
               log.add_first(LogPart::Blocks, printed_number(c[0]));
             }},
    LineKind{"Maximum concurrency for %n tokens per request: %nx", take_concurrency},
    LineKind{"Available KV cache memory: %n GiB", take_available},
    LineKind{"GPU KV cache size: %n tokens",
             [](const Captures& c, LogBuilder& log) {
               log.set_engine(Engine::Vllm);
               log.add_first(LogPart::PoolTokens, printed_number(c[0]));
             }},
    LineKind{"Estimated CUDA graph memory: %n GiB", take_first<LogPart::Graphs>},
    LineKind{"Graph capturing finished in %n secs, took %n GiB",
             [](const Captures& c, LogBuilder& log) {
               log.set_engine(Engine::Vllm);
               log.add_first(LogPart::Graphs, gib(c[1]));
             }},
    LineKind{"To serve at least one request %t", take_error<kServeOne>},
    LineKind{"No available memory for the cache blocks%t", take_error<kNoMemory>},
    LineKind{"The model's max seq len %t", take_error<kLonger>},
    LineKind{"Free memory on device %t", take_error<kLessFree>},
};

/// A setting by its name in vLLM's configuration.
struct VllmSetting {
  std::string_view name;
  void (*take)(std::string_view value, LogModel& model);
};

template <std::optional<std::uint64_t> ServingSettings::*kNumber>
void set_number(std::string_view value, LogModel& model) {
  if (const auto number = count_of(value)) model.settings.serving.*kNumber = number;
}

void set_name(std::string_view value, LogModel& model) {
  if (model.path.empty()) model.path = kept_text(value);
}

void set_length(std::string_view value, LogModel& model) {
  if (const auto length = count_of(value)) model.settings.length = length;
}

constexpr std::array kSettings{
    VllmSetting{"model", set_name},
    VllmSetting{"model_tag", set_name},
    VllmSetting{"max_seq_len", set_length},
    VllmSetting{"max_model_len", set_length},
    VllmSetting{"tensor_parallel_size", set_number<&ServingSettings::tensor_parallel>},
    VllmSetting{"pipeline_parallel_size", set_number<&ServingSettings::pipeline_parallel>},
    VllmSetting{"decode_context_parallel_size", set_number<&ServingSettings::context_parallel>},
    VllmSetting{"max_num_seqs", set_number<&ServingSettings::max_sequences>},
    VllmSetting{"max_num_batched_tokens", set_number<&ServingSettings::batched_tokens>},
    VllmSetting{"block_size", set_number<&ServingSettings::block_tokens>},
    VllmSetting{"kv_cache_memory_bytes", set_number<&ServingSettings::pool_bytes>},
    VllmSetting{"gpu_memory_utilization",
                [](std::string_view v, LogModel& m) {
                  if (printed_number(v)) m.settings.share = kept_text(v);
                }},
    VllmSetting{"kv_cache_dtype",
                [](std::string_view v, LogModel& m) {
                  if (v != "auto") m.settings.key_type = m.settings.value_type = lower(kept_text(v));
                }},
    VllmSetting{"enforce_eager",
                [](std::string_view v, LogModel& m) {
                  if (v == "True") m.settings.serving.eager = true;
                }},
    VllmSetting{"enable_prefix_caching",
                [](std::string_view v, LogModel& m) {
                  if (v == "False") m.settings.serving.no_prefix_caching = true;
                }},
};

bool is_of_name(char c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// What follows "NAME=" or "'NAME': " in the line; empty where it is not there.
std::string_view value_of(std::string_view line, std::string_view name) {
  for (std::size_t at = line.find(name); at != std::string_view::npos; at = line.find(name, at + 1)) {
    std::string_view rest = line.substr(at + name.size());
    if (at > 0 && is_of_name(line[at - 1])) continue;
    if (rest.starts_with("=")) {
      rest.remove_prefix(1);
    } else if (rest.starts_with("': ")) {
      rest.remove_prefix(3);
    } else {
      continue;
    }
    if (rest.empty()) return {};
    if (rest.front() != '\'' && rest.front() != '"') return rest.substr(0, rest.find_first_of(",} "));
    const char quote = rest.front();
    rest.remove_prefix(1);
    return rest.substr(0, rest.find(quote));
  }
  return {};
}

}  // namespace

std::span<const LineKind> vllm_lines() { return kLines; }

void take_vllm_settings(std::string_view line, LogBuilder& log) {
  const bool config = line.find("LLM engine (") != std::string_view::npos;
  if (!config && line.find("non-default args: {") == std::string_view::npos) return;
  log.set_engine(Engine::Vllm);
  LogModel& model = log.begin_model_after_figures();
  for (const VllmSetting& setting : kSettings) {
    if (const std::string_view value = value_of(line, setting.name); !value.empty()) setting.take(value, model);
  }
}

}  // namespace weigh::core
