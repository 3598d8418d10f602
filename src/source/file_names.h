#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// What the files of models are called. A name may be a path: only its last part is looked at, but where it says so.

namespace weigh::core {

inline constexpr std::string_view kGgufSuffix = ".gguf";
inline constexpr std::string_view kSafetensorsSuffix = ".safetensors";
inline constexpr std::string_view kZstSuffix = ".zst";             ///< any of them compressed
inline constexpr std::string_view kSnapshotSuffix = ".weigh.zst";  ///< what `weigh snapshot` writes

/// The part after the last '/': "unet/model.gguf" -> "model.gguf".
std::string_view base_name(std::string_view name);

/// The part up to the last '/', with it: "unet/model.gguf" -> "unet/"; empty where there is none.
std::string_view folder_part(std::string_view name);

/// The name without the ".zst" of a compressed file.
std::string_view without_zst(std::string_view name);

/// "x.gguf", "x.gguf.zst".
bool is_gguf_name(std::string_view name);

/// "x.safetensors", "x.safetensors.zst".
bool is_safetensors_name(std::string_view name);

/// A file that weights are read from: GGUF or safetensors.
bool is_weights_name(std::string_view name);

/// "x.weigh.zst".
bool is_snapshot_name(std::string_view name);

/// What a scan takes for a model by its name: weights or a snapshot.
bool is_model_name(std::string_view name);

/// An index of shards in any format: "model.safetensors.index.json", "pytorch_model.bin.index.json".
bool is_index_name(std::string_view name);

/// An index of safetensors shards: "model.safetensors.index.json", "consolidated.safetensors.index.json".
bool is_safetensors_index_name(std::string_view name);

/// The weights of an adapter to a model: "adapter_model.safetensors" and the like.
bool is_adapter_name(std::string_view name);

/// Mistral's own form of the weights beside the one for transformers: "consolidated.safetensors", ...
bool is_consolidated_name(std::string_view name);

/// The same weights as PyTorch, TensorFlow or JAX store them: "pytorch_model.bin", "tf_model.h5", ...
bool is_other_framework_name(std::string_view name);

/// What PyTorch calls its pickles: ".bin", ".pt", ".pth".
bool is_pickle_name(std::string_view name);

/// A download that is not finished: "x.incomplete", "x.part", "sha256-HEX-partial-3".
bool is_unfinished_name(std::string_view name);

/// The small files next to the weights are read up to here.
inline constexpr std::uint64_t kMaxSideFileBytes = std::uint64_t{16} << 20U;

/// Their names, those that win first.
inline constexpr std::array<std::string_view, 2> kConfigNames = {"config.json", "params.json"};
inline constexpr std::array<std::string_view, 4> kQuantizationConfigNames = {
    "quantize_config.json", "quant_config.json", "hf_quant_config.json", "quantization_config.json"};
inline constexpr std::array<std::string_view, 1> kTokenizerConfigNames = {"tokenizer_config.json"};
inline constexpr std::array<std::string_view, 1> kAdapterConfigNames = {"adapter_config.json"};
inline constexpr std::array<std::string_view, 2> kChatTemplateNames = {"chat_template.jinja", "chat_template.json"};
inline constexpr std::string_view kPipelineName = "model_index.json";     ///< of a diffusers pipeline
inline constexpr std::string_view kSentenceModulesName = "modules.json";  ///< of sentence-transformers
inline constexpr std::string_view kGenerationName = "generation_config.json";

/// A file that a snapshot keeps as a whole next to the headers: one of the names above, or an index.
bool is_side_file_name(std::string_view name);

/// A file whose change may change what is said of a model in its folder: any JSON, any Jinja template.
bool is_side_name(std::string_view name);

/// What an operating system leaves beside files: "._NAME" (AppleDouble), ".DS_Store", "Thumbs.db", "desktop.ini".
bool is_system_name(std::string_view name);

/// A file name of the form PREFIX-00001-of-00003.gguf or PREFIX_00001-of-00072.safetensors.
struct PartName {
  std::string prefix;  ///< with the separator, folders included: parts of one set share prefix, total and suffix
  std::string suffix;  ///< ".gguf" or ".safetensors", ".zst" after it where the part is compressed
  std::uint64_t number = 0;
  std::uint64_t total = 0;
};
std::optional<PartName> parse_part_name(std::string_view name);

// The Hugging Face cache: models--ORG--NAME/{refs,blobs,snapshots/COMMIT}.
inline constexpr std::string_view kHubSnapshots = "snapshots";
inline constexpr std::string_view kHubBlobs = "blobs";

/// "models--ORG--NAME" -> "ORG/NAME"; nothing for any other folder of a Hugging Face cache.
std::optional<std::string> repository_of(std::string_view folder_name);

/// A place inside a repository of a Hugging Face cache.
struct HubPath {
  std::string repository;  ///< "ORG/NAME"
  std::string commit;
  std::string inside;  ///< the path below the commit's folder: "unet/old"; empty for that folder itself
};

/// By an absolute path of the form .../models--ORG--NAME/snapshots/COMMIT/INSIDE; nothing for any other.
std::optional<HubPath> hub_path_of(std::string_view path);

}  // namespace weigh::core
