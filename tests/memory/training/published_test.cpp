// The rules of training against what papers print: docs/training.md 6.
#include <functional>
#include <string>
#include <vector>

#include "src/memory/training/activations.h"
#include "src/memory/training/training.h"
#include "tests/catch.h"
#include "tests/model/builder.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

constexpr double kGb = 1e9;

TrainingSettings zero(Sharding sharding) { return {.sharding = sharding, .devices = 64}; }

double states(std::uint64_t parameters, const TrainingSettings& settings) {
  const StateBytes bytes = state_bytes(parameters, 0, 0, settings);
  return static_cast<double>(bytes.weights + bytes.gradients + bytes.optimizer_states) / kGb;
}

// LLaMA's shapes: every matrix of every layer.
Model llama(std::uint64_t layers, std::uint64_t hidden, std::uint64_t width) {
  std::vector<TensorSpec> tensors{{"model.embed_tokens.weight", Dtype::BF16, {32000, hidden}},
                                  {"lm_head.weight", Dtype::BF16, {32000, hidden}},
                                  {"model.norm.weight", Dtype::BF16, {hidden}}};
  for (std::uint64_t i = 0; i < layers; ++i) {
    const std::string block = "model.layers." + std::to_string(i) + ".";
    for (const char* name : {"q", "k", "v", "o"}) {
      tensors.push_back({block + "self_attn." + name + "_proj.weight", Dtype::BF16, {hidden, hidden}});
    }
    for (const char* name : {"gate", "up"}) {
      tensors.push_back({block + "mlp." + name + "_proj.weight", Dtype::BF16, {width, hidden}});
    }
    tensors.push_back({block + "mlp.down_proj.weight", Dtype::BF16, {hidden, width}});
    tensors.push_back({block + "input_layernorm.weight", Dtype::BF16, {hidden}});
    tensors.push_back({block + "post_attention_layernorm.weight", Dtype::BF16, {hidden}});
  }
  const std::string config = R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": )" +
                             std::to_string(hidden) + R"(, "num_hidden_layers": )" + std::to_string(layers) +
                             R"(, "num_attention_heads": )" + std::to_string(hidden / 128) +
                             R"(, "intermediate_size": )" + std::to_string(width) +
                             R"(, "vocab_size": 32000, "max_position_embeddings": 2048, "tie_word_embeddings": false})";
  return describe(safetensors(tensors, config));
}

TrainingNeed qlora(const Model& model, std::uint64_t rank, const char* optimizer) {
  return TrainedModel(model).need({.recipe = Recipe::Qlora,
                                   .optimizer = find_optimizer(optimizer),
                                   .rank = rank,
                                   .tokens = 512,
                                   .checkpointing = Checkpointing::Full});
}

// A block of GPT: as many heads for keys as for queries, a feed-forward part of 4h that is not gated.
struct Gpt {
  std::uint64_t layers, hidden, heads;

  [[nodiscard]] RunModel model() const {
    RunModel result;
    result.embedding = hidden;
    LayerModel layer;
    layer.heads = layer.kv_heads = heads;
    layer.key_head = layer.value_head = hidden / heads;
    layer.ffn = 4 * hidden;
    result.layers.assign(static_cast<std::size_t>(layers), layer);
    return result;
  }
  [[nodiscard]] TrainedTensors tensors() const {
    TrainedTensors result;
    for (std::uint64_t i = 0; i < layers; ++i) {
      result.blocks.push_back({.stack = Stack::Main,
                               .layer = static_cast<std::int32_t>(i),
                               .layer_norms = true,
                               .dense_ffn = 8 * hidden * hidden});
    }
    return result;
  }
  // Bytes of all layers, less what is kept outside of them.
  [[nodiscard]] double activations(TrainingSettings settings, std::uint64_t tokens) const {
    const std::uint64_t outside = 4 * hidden * settings.sequences * tokens;
    return static_cast<double>(activation_bytes(model(), tensors(), settings, tokens).value_or(0) - outside);
  }
};

constexpr Gpt k22B{48, 6144, 64};
constexpr Gpt kGpt3{96, 12288, 96};
constexpr Gpt kMtNlg{105, 20480, 128};

TrainingSettings kept(Checkpointing checkpointing, std::uint64_t sequences = 4) {
  return {.sequences = sequences, .checkpointing = checkpointing, .eager_attention = true};
}

// Per cent that selective recomputation saves, without the one matrix that is made again.
double saved(const Gpt& gpt) {
  const double all = gpt.activations(kept(Checkpointing::None, 1), 2048);
  TrainingSettings flash = kept(Checkpointing::Selective, 1);
  flash.eager_attention = false;
  return 100 - 100 * gpt.activations(flash, 2048) / all;
}

double per_layer_and_value(Checkpointing checkpointing) {
  const double values = 4.0 * 2048 * 6144 * 48;
  return k22B.activations(kept(checkpointing), 2048) / values;
}

enum class Relation { Near, AtLeast, AtMost };

struct Published {
  const char* run;
  Relation relation;
  double published;
  double tolerance;  // of Near, as a share
  std::function<double()> ours;
};

}  // namespace

TEST_CASE("training agrees with what papers print", "[training]") {
  constexpr std::uint64_t k7500M = 7'500'000'000;
  const Model llama_65b = llama(80, 8192, 22016);
  const Model llama_33b = llama(60, 6656, 17920);
  const auto total = [](const TrainingNeed& need) { return static_cast<double>(need.total()) / kGb; };
  const std::vector<Published> rows{
      {"7.5 B, no sharding", Relation::Near, 120, 0.001, [&] { return states(k7500M, zero(Sharding::None)); }},
      {"7.5 B, ZeRO-1 over 64", Relation::Near, 31.4, 0.002, [&] { return states(k7500M, zero(Sharding::Zero1)); }},
      {"7.5 B, ZeRO-2 over 64", Relation::Near, 16.6, 0.003, [&] { return states(k7500M, zero(Sharding::Zero2)); }},
      {"7.5 B, ZeRO-3 over 64", Relation::Near, 1.9, 0.02, [&] { return states(k7500M, zero(Sharding::Zero3)); }},
      {"GPT-2 XL", Relation::AtLeast, 24, 0, [] { return states(1'500'000'000, {}); }},
      // 12 bytes for each parameter: the paper counts no copy in 32 bits, these rules do.
      {"65 B in full", Relation::AtLeast, 780, 0, [&] { return states(llama_65b.total_parameters, {}); }},
      {"65 B, 12 bytes each", Relation::Near, 780, 0.01, [&] { return 12 * llama_65b.total_parameters / kGb; }},
      {"65 B by QLoRA, a card of 48 GB", Relation::AtMost, 48, 0,
       [&] { return total(qlora(llama_65b, 64, "paged-adamw-8bit")); }},
      {"33 B by QLoRA, a card of 24 GB", Relation::AtMost, 24, 0, [&] { return total(qlora(llama_33b, 16, "adamw")); }},
      {"22 B, nothing recomputed: 34 + 5as/h", Relation::Near, 34 + 5.0 * 64 * 2048 / 6144, 1e-9,
       [] { return per_layer_and_value(Checkpointing::None); }},
      {"22 B, selective: 34, and one matrix", Relation::Near, 34 + 5.0 * 64 * 2048 / 6144 / 48, 1e-9,
       [] { return per_layer_and_value(Checkpointing::Selective); }},
      {"22 B, full: 2, and one layer", Relation::Near, 2 + (34 + 5.0 * 64 * 2048 / 6144) / 48, 1e-9,
       [] { return per_layer_and_value(Checkpointing::Full); }},
      {"GPT-3, saved by selective", Relation::Near, 70, 0.01, [] { return saved(kGpt3); }},
      {"MT-NLG 530 B, likewise", Relation::Near, 65, 0.01, [] { return saved(kMtNlg); }},
  };
  for (const Published& row : rows) {
    const double ours = row.ours();
    CAPTURE(row.run, row.published, ours);
    switch (row.relation) {
      case Relation::Near: CHECK(std::abs(ours - row.published) <= row.tolerance * row.published); break;
      case Relation::AtLeast: CHECK(ours >= row.published); break;
      case Relation::AtMost: CHECK(ours <= row.published); break;
    }
  }
}

TEST_CASE("what docs/training.md says of the published runs is what comes out", "[training]") {
  const auto gb = [](const Model& model, std::uint64_t rank, const char* optimizer) {
    return static_cast<double>(qlora(model, rank, optimizer).total()) / kGb;
  };
  const Model llama_65b = llama(80, 8192, 22016);
  const Model llama_33b = llama(60, 6656, 17920);
  CHECK(std::abs(states(llama_65b.total_parameters, {}) - 1044.6) < 0.05);
  CHECK(std::abs(gb(llama_65b, 64, "paged-adamw-8bit") - 47.2) < 0.05);
  CHECK(std::abs(gb(llama_65b, 64, "paged-adamw") - 52.2) < 0.05);
  CHECK(std::abs(gb(llama_33b, 16, "adamw") - 22.5) < 0.05);
  CHECK(std::abs(gb(llama_33b, 64, "paged-adamw-8bit") - 25.6) < 0.05);
}
