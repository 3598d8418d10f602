#include "src/cli/run_options.h"

#include <fmt/core.h>

#include <algorithm>

#include "formats/text.h"
#include "src/cli/options.h"

namespace weigh::core {

void add_host_option(OptionSet& command, std::string& host) {
  command.add_option("--host", host, "Memory of the host, for what a card does not take; default: 32GiB", "SIZE");
}

namespace {

// Defaults are the engine's own for the device and the version, which the report names.
void add_serving_options(OptionSet& command, RunOptions& options) {
  ServingSettings& serving = options.serving;
  command.set_group("vLLM and SGLang");
  command.add_option("--max-model-len", options.max_length, "Tokens of one sequence, or max, in place of --context",
                     "N");
  command.add_option("--gpu-memory-utilization", options.memory_share,
                     "Share of each device, 0.92; --mem-fraction-static", "SHARE");
  command.add_option("--max-num-seqs", serving.max_sequences, "Sequences that are worked on at a time", "N");
  command.add_option("--max-num-batched-tokens", serving.batched_tokens, "Tokens that are computed at a time", "N");
  command.add_option("--tensor-parallel-size", serving.tensor_parallel, "Devices that share each layer; default: all",
                     "N");
  command.add_option("--pipeline-parallel-size", serving.pipeline_parallel, "Stages with whole layers", "N");
  command.add_option("--decode-context-parallel-size", serving.context_parallel, "Devices that share a cache's tokens",
                     "N");
  command.add_option("--block-size", serving.block_tokens, "Tokens of a cache page", "N");
  command.add_option("--kv-cache-memory-bytes", options.pool_size, "Cache of each device, whatever the share", "SIZE");
  command.add_flag("--enforce-eager", serving.eager, "No CUDA graphs");
  command.add_flag("--no-enable-prefix-caching", serving.no_prefix_caching, "No cache of prefixes");
  command.add_option("--engine-version", options.engine_version, "The engine's version; default: the newest known",
                     "VERSION");
}

}  // namespace

void add_run_options(OptionSet& command, RunOptions& options) {
  command.set_group("The run (llama.cpp's -c, -ngl, -np, -ctk, -ctv, -b and -ub are understood, too)");
  command.add_option("--engine", options.engine, "llama.cpp (GGUF), transformers, vllm, mlx or sglang (safetensors)",
                     "NAME");
  command.add_option("--context", options.context, "Tokens, or max; default: 4096, or the model's own if less", "N");
  command.add_option("--kv-type", options.kv_type, "Type of the KV cache: f16 (default), q8_0, ..., or K,V", "TYPE");
  command.add_option("--parallel", options.parallel, "Sequences at a time, default 1", "N",
                     NumberRange{1, kMaxSequences});
  command.add_flag("--kv-unified", options.unified_cache, "The sequences share all of the cache");
  command.add_option("--batch", options.batch, "Tokens handed over at a time, default 2048; with --train: sequences",
                     "N");
  command.add_option("--ubatch", options.micro_batch, "Tokens that are computed at a time, default 512", "N",
                     NumberRange{1, kMaxMicroBatch});
  command.add_option("--flash-attention", options.flash_attention, "on (default) or off", "WHEN");
  add_host_option(command, options.host);
  command.add_flag("--swa-full", options.full_window_cache, "Sliding layers keep the whole context");
  command.add_option("--mmproj", options.mmproj, "The projector that is loaded with it", "FILE");
  command.add_flag("--no-mmproj-offload", options.projector_on_host, "The projector stays in host memory");
  command.add_option("--draft", options.draft,
                     "A small model that drafts tokens for it, or mtp: its own next-token blocks", "PATH");
  command.add_option("--draft-kv-type", options.draft_kv_type, "Type of the draft's KV cache, likewise", "TYPE");
  command.add_option("--prompt", options.prompt,
                     "Tokens of the prompt, read at once; default: all but --generate (transformers, MLX)", "N");
  command.add_option("--generate", options.generated, "Tokens of the answer", "N");
  command.add_flag("--eager-attention", options.eager_attention,
                   "transformers, also for --train: attn_implementation=\"eager\"");
  add_serving_options(command, options);
}

void add_layer_options(OptionSet& command, RunOptions& options) {
  command.add_option("--gpu-layers", options.gpu_layers, "Layers on the devices, as llama.cpp's -ngl; default: all",
                     "N");
  command.add_option("--n-cpu-moe", options.cpu_moe_layers, "The experts of the first N layers stay in host memory",
                     "N");
  command.add_option("--n-cpu-ffn", options.cpu_ffn_layers, "Likewise the dense feed-forward weights", "N");
}

void add_placement_options(OptionSet& command, RunOptions& options) {
  add_layer_options(command, options);
  command.add_option("--as", options.as, "Weigh it as the GGUF of another type: Q4_K_M, ...", "TYPE");
  command.add_flag("--together", options.together, "One run over all devices of --on, a CPU among them as the host");
}

void add_training_options(OptionSet& command, TrainingOptions& training) {
  command.set_group("Training in place of a run, an estimate by published rules");
  command.add_option("--train", training.recipe, "full, lora or qlora; --batch is then sequences, default 1", "HOW");
  command.add_option("--seq", training.tokens, "Tokens of a sequence; default: 2048, or the model's own if less", "N");
  command.add_option("--optimizer", training.optimizer, "adamw (default), adamw-8bit, adamw-bf16, adafactor, sgd, ...",
                     "NAME");
  command.add_option("--rank", training.rank, "Rank of the adapters of lora and qlora, default 16", "N");
  command.add_option("--checkpointing", training.checkpointing,
                     "none (default: all inputs, as with flash attention), selective or full", "WHAT");
  command.add_option("--shard", training.sharding, "zero1, zero2 or zero3 over the devices of --on \"4x DEVICE\"",
                     "HOW");
}

void add_require_option(OptionSet& command, std::string& require) {
  command.set_group("Report");
  command.add_option("--require", require, "Exit with 3 unless every verdict is fits, tight or offload, or better",
                     "VERDICT");
}

std::optional<Verdict> required_verdict(const std::string& require, const std::vector<DeviceSet>& groups) {
  if (require.empty()) return std::nullopt;
  if (groups.empty()) throw UsageError(fmt::format("--require {} needs a device: --on DEVICE", require));
  for (const Verdict verdict : {Verdict::Fits, Verdict::Tight, Verdict::Offload}) {
    if (require == verdict_name(verdict)) return verdict;
  }
  throw UsageError(fmt::format("--require {}: there are fits, tight and offload", require));
}

int with_requirement(int status, const Report& report, std::optional<Verdict> required) {
  constexpr int kNotMet = 3;
  if (!required) return status;
  const auto met = [&](const std::vector<Fit>& fits) {
    return std::ranges::all_of(fits, [&](const Fit& fit) { return fit.verdict <= *required; });
  };
  const bool all_met = std::ranges::all_of(report.models, met, &ModelReport::fits) &&
                       std::ranges::all_of(report.pipelines, met, &PipelineReport::at_once);
  return all_met ? status : kNotMet;
}

}  // namespace weigh::core
