#include "src/model/kind.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "src/model/config.h"
#include "src/model/hyperparameters.h"
#include "src/model/packing/schemes.h"

namespace weigh::core {

namespace {

struct KindRow {
  std::string_view word;  // "*" in front: an end; "*" behind: a beginning; both: anywhere
  std::string_view kind;
};

bool fits(std::string_view pattern, std::string_view text) {
  const bool open_begin = pattern.starts_with('*');
  const bool open_end = pattern.ends_with('*');
  if (open_begin) pattern.remove_prefix(1);
  if (open_end) pattern.remove_suffix(1);
  if (open_begin && open_end) return text.find(pattern) != text.npos;
  if (open_begin) return text.ends_with(pattern);
  return open_end ? text.starts_with(pattern) : text == pattern;
}

std::string_view look_up(std::span<const KindRow> rows, std::string_view text) {
  const auto row = std::ranges::find_if(rows, [&](const KindRow& r) { return fits(r.word, text); });
  return row == rows.end() ? std::string_view() : row->kind;
}

// general.type, then general.architecture of a GGUF.
constexpr auto kTypes = std::to_array<KindRow>({
    {"mmproj", "multimodal projector"},
    {"imatrix", "imatrix"},
});

// What goes with a model and is not one; adapters of any type besides.
constexpr auto kNoModels = std::to_array<std::string_view>(
    {"control vector", "imatrix", "multimodal projector", "speculative head", "vocabulary only"});
constexpr auto kArchitectures = std::to_array<KindRow>({
    {"clip", "multimodal projector"},
    {"controlvector", "control vector"},
    {"flux", "diffusion transformer"},
    {"sd3", "diffusion transformer"},
    {"aura", "diffusion transformer"},
    {"ltxv", "diffusion transformer"},
    {"hyvid", "diffusion transformer"},
    {"wan", "diffusion transformer"},
    {"hidream", "diffusion transformer"},
    {"cosmos", "diffusion transformer"},
    {"lumina2", "diffusion transformer"},
    {"qwen_image", "diffusion transformer"},
    {"sd1", "diffusion U-Net"},
    {"sdxl", "diffusion U-Net"},
    {"dream", "diffusion language model"},
    {"llada*", "diffusion language model"},
    {"rnd1", "diffusion language model"},
    {"t5", "encoder-decoder"},
    {"t5encoder", "text encoder"},
    {"wavtokenizer-dec", "audio decoder"},
    {"eagle3", "speculative head"},
    {"dflash", "speculative head"},
    {"gemma4-assistant", "speculative head"},
    {"gemma-embedding", "embedding model"},
    {"*bert*", "embedding model"},
});

// `_class_name` of a diffusers component.
constexpr auto kComponents = std::to_array<KindRow>({
    {"*ControlNet*", "ControlNet"},
    {"*Transformer*", "diffusion transformer"},
    {"UNet*", "diffusion U-Net"},
    {"Autoencoder*", "autoencoder"},
    {"VQModel", "autoencoder"},
});

// The first of `architectures` in config.json.
constexpr auto kClasses = std::to_array<KindRow>({
    {"*Eagle*", "speculative head"},
    {"*DFlash*", "speculative head"},
    {"*Medusa*", "speculative head"},
    {"CLIPTextModel*", "text encoder"},
    {"T5EncoderModel", "text encoder"},
    {"UMT5EncoderModel", "text encoder"},
    {"CLIPModel", "image and text embedding model"},
    {"Siglip*Model", "image and text embedding model"},
    {"CLIPVisionModel*", "vision encoder"},
    {"*ForImageClassification", "image classifier"},
    {"Whisper*", "speech recognition model"},
    {"Wav2Vec2*", "speech recognition model"},
    {"*ForTokenClassification", "token classifier"},
    {"*ForQuestionAnswering", "question answering model"},
    {"*ForMaskedLM", "masked language model"},
    {"*RewardModel", "reward model"},
    {"T5*", "encoder-decoder"},
    {"MT5*", "encoder-decoder"},
    {"Bart*", "encoder-decoder"},
    {"M2M100*", "encoder-decoder"},
    {"NllbMoe*", "encoder-decoder"},
    {"SwitchTransformers*", "encoder-decoder"},
    {"*BertModel", "embedding model"},
    {"*RobertaModel", "embedding model"},
    {"MPNetModel", "embedding model"},
    {"Dinov2*", "vision encoder"},
    {"ViTModel", "vision encoder"},
});

std::string_view first_class(const ConfigReader& config) {
  const auto* classes = config.find({"architectures"});
  if (classes == nullptr || !classes->is_array() || classes->empty() || !classes->front().is_string()) return {};
  return classes->front().get_ref<const std::string&>();
}

std::uint64_t parameters_of(const Model& model, Role role) {
  const auto row = std::ranges::find(model.by_role, role, &RoleTotals::role);
  return row == model.by_role.end() ? 0 : row->parameters;
}

// A model that reads one class off a text: with a single label it scores, as rerankers and reward models do.
std::string_view classifier_kind(const ConfigReader& config, std::string_view name) {
  const auto* labels = config.find({"id2label"});
  const bool scores = labels != nullptr ? labels->size() == 1 : config.number({"num_labels"}) == 1;
  if (!scores) return "text classifier";
  return name.find("Bert") != name.npos || name.find("bert") != name.npos ? "reranker" : "reward model or reranker";
}

// What else a language model takes in.
std::string_view multimodal_kind(const Model& model) {
  const bool vision = parameters_of(model, Role::Vision) > 0;
  const bool audio = parameters_of(model, Role::Audio) > 0;
  if (parameters_of(model, Role::TokenEmbedding) == 0) return vision ? "vision encoder" : audio ? "audio encoder" : "";
  if (vision && audio) return "vision-audio-language model";
  return vision ? "vision-language model" : audio ? "audio-language model" : "";
}

bool all_named(std::span<const TensorFacts> tensors, bool (*matches)(std::string_view)) {
  return !tensors.empty() &&
         std::ranges::all_of(tensors, [&](const TensorFacts& facts) { return matches(facts.tensor->name); });
}

bool is_control_vector(std::span<const TensorFacts> tensors) {
  return all_named(tensors, [](std::string_view name) { return name.starts_with("direction."); });
}

// Files of tools that leave out the key which says what they are.
std::string_view kind_by_names(const Model& model) {
  const auto is_sum = [](std::string_view name) { return name.ends_with(".in_sum2") || name.ends_with(".counts"); };
  if (all_named(model.tensors, is_sum)) return "imatrix";
  if (is_control_vector(model.tensors)) return "control vector";
  // EAGLE's tables from the draft's vocabulary to the model's and back.
  const auto is_table = [](const TensorFacts& f) { return f.tensor->name == "d2t" || f.tensor->name == "t2d"; };
  return std::ranges::any_of(model.tensors, is_table) ? "speculative head" : "";
}

// The names alone, where neither keys nor config say anything.
std::string_view kind_by_roles(const Model& model) {
  if (const auto kind = multimodal_kind(model); !kind.empty()) return kind;
  return parameters_of(model, Role::Conditioning) > 0 ? "diffusion model" : "";
}

std::string_view gguf_kind(const Model& model) {
  const ArchitectureKeys keys(model.checkpoint);
  if (const auto type = keys.general("general.type")) {
    if (const auto kind = look_up(kTypes, *type); !kind.empty()) return kind;
  }
  if (model.tensors.empty()) {
    return keys.metadata() != nullptr && keys.metadata()->find("tokenizer.ggml.model") != nullptr ? "vocabulary only"
                                                                                                  : "";
  }
  if (const auto kind = kind_by_names(model); !kind.empty()) return kind;
  constexpr std::uint64_t kNone = 0, kRank = 4;  // of llama.cpp's pooling types
  const auto pooling = keys.number("pooling_type");
  if (pooling == kRank) return "reranker";
  if (const auto kind = look_up(kArchitectures, keys.name()); !kind.empty()) return kind;
  if (pooling && *pooling != kNone) return "embedding model";
  return kind_by_roles(model);
}

std::string_view safetensors_kind(const Model& model) {
  const ConfigReader config(model.checkpoint.config.get());
  if (const auto kind = look_up(kComponents, config.text({"_class_name"})); !kind.empty()) return kind;
  if (const auto kind = kind_by_names(model); !kind.empty()) return kind;
  if (model.checkpoint.sentence_modules) return "embedding model";
  const std::string_view name = first_class(config);
  if (name.ends_with("ForSequenceClassification")) return classifier_kind(config, name);
  if (const auto kind = look_up(kClasses, name); !kind.empty()) return kind;
  return kind_by_roles(model);
}

// "LORA" -> "LoRA adapter", "IA3" -> "IA3 adapter".
std::string adapter_kind(const Model& model) {
  const ConfigReader config(model.checkpoint.adapter_config.get());
  const std::string_view type = config.text({"peft_type"});
  if (type.empty() || type == "LORA") return "LoRA adapter";
  return std::string(type) + " adapter";
}

// The module that an adapter's tensor changes: "...q_proj.lora_A.weight" -> "q_proj", "blk.0.attn_q.weight.lora_a" ->
// "attn_q". Nothing where the name is of another form.
std::string_view adapted_module(std::string_view name) {
  const std::size_t at = name.find(".lora");
  if (at == name.npos) return {};
  name = name.substr(0, at);
  if (name.ends_with(".weight")) name.remove_suffix(std::string_view(".weight").size());
  return last_part(name);
}

std::vector<std::string> target_modules(const ConfigReader& config, std::span<const TensorFacts> tensors) {
  std::set<std::string, std::less<>> modules;
  if (const auto* stated = config.find({"target_modules"}); stated != nullptr && stated->is_array()) {
    for (const nlohmann::json& module : *stated) {
      if (module.is_string()) modules.insert(module.get<std::string>());
    }
  }
  if (modules.empty()) {
    constexpr std::size_t kMax = 256;
    for (const TensorFacts& facts : tensors) {
      const auto module = adapted_module(facts.tensor->name);
      if (!module.empty() && modules.size() < kMax) modules.emplace(module);
    }
  }
  return {modules.begin(), modules.end()};
}

// The narrow side of a pair's first matrix, whichever way round it is stored.
std::optional<std::uint64_t> rank_by_shapes(std::span<const TensorFacts> tensors) {
  for (const TensorFacts& facts : tensors) {
    const Tensor& tensor = *facts.tensor;
    const bool first = tensor.name.find("lora_A") != tensor.name.npos ||
                       tensor.name.find("lora_a") != tensor.name.npos ||
                       tensor.name.find("lora_down") != tensor.name.npos;
    if (first && tensor.shape.size() == 2) return std::min(tensor.shape[0], tensor.shape[1]);
  }
  return std::nullopt;
}

}  // namespace

Naming naming_of(const Checkpoint& checkpoint) {
  if (is_gguf(checkpoint)) return Naming::Gguf;
  return ConfigReader(checkpoint.config.get()).text({"_class_name"}).empty() ? Naming::HuggingFace : Naming::Diffusers;
}

std::optional<AdapterFacts> adapter_facts(const Checkpoint& checkpoint, std::span<const TensorFacts> facts) {
  const ArchitectureKeys keys(checkpoint);
  const bool gguf = is_gguf(checkpoint);
  const bool all = !facts.empty() && std::ranges::all_of(facts, [](const TensorFacts& tensor) {
    return tensor.role == Role::Adapter || tensor.role == Role::Overhead;
  });
  const bool named = gguf ? keys.general("general.type") == "adapter" : checkpoint.kind == CheckpointKind::Adapter;
  // A control vector is laid on a model too, but it has no rank and no modules.
  if ((!named && !all) || (gguf && keys.name() == "controlvector") || is_control_vector(facts)) return std::nullopt;

  AdapterFacts adapter;
  const ConfigReader config(checkpoint.adapter_config.get());
  adapter.rank = config.number({"r", "rank", "lora_parameters.rank"});
  if (!adapter.rank) adapter.rank = rank_by_shapes(facts);
  adapter.alpha = gguf && keys.metadata() != nullptr ? keys.metadata()->number("adapter.lora.alpha")
                                                     : config.real({"lora_alpha", "lora_parameters.alpha"});
  adapter.target_modules = target_modules(config, facts);
  return adapter;
}

std::optional<ProjectorFacts> projector_facts(const Checkpoint& checkpoint) {
  ProjectorFacts projector;
  if (is_gguf(checkpoint)) {
    const ArchitectureKeys keys(checkpoint);
    if (keys.name() != "clip") return std::nullopt;
    for (const std::string_view key : {"projector_type", "vision.projector_type", "audio.projector_type"}) {
      if (!projector.type) projector.type = keys.text(key);
    }
    projector.image_size = keys.number("vision.image_size");
    projector.patch_size = keys.number("vision.patch_size");
    projector.projection_length = keys.number("vision.projection_dim");
    if (!projector.projection_length) projector.projection_length = keys.number("audio.projection_dim");
    return projector;
  }
  const ConfigReader config(checkpoint.config.get());
  if (config.find({"vision_config"}) == nullptr) return std::nullopt;
  const std::string_view type = config.text({"mm_projector_type", "projector_type", "vision_config.model_type"});
  if (!type.empty()) projector.type = std::string(type);
  projector.image_size = config.number({"vision_config.image_size", "force_image_size"});
  projector.patch_size = config.number({"vision_config.patch_size"});
  projector.projection_length = config.number({"vision_config.out_hidden_size"});
  return projector;
}

std::string kind_of_model(const Model& model) {
  if (model.adapter) return adapter_kind(model);
  return std::string(is_gguf(model.checkpoint) ? gguf_kind(model) : safetensors_kind(model));
}

bool runs_alone(std::string_view kind) {
  return !kind.ends_with(" adapter") && std::ranges::find(kNoModels, kind) == kNoModels.end();
}

bool goes_with_a_model(std::string_view kind) {
  return !runs_alone(kind) && kind != "imatrix" && kind != "vocabulary only";
}

}  // namespace weigh::core
