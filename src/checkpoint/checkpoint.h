#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "formats/model_file.h"

namespace weigh::core {

/// Why one path gave no report.
struct Failure {
  std::string path;
  std::string message;  ///< one sentence, unescaped
  std::optional<std::uint64_t> offset;
};

/// What a set of files turned out to be, where that is more than "a model".
enum class CheckpointKind : std::uint8_t { Model, Adapter, Component };

/// All files of one model, and the files next to them. Move-only.
struct Checkpoint {
  std::string path;             ///< as the user named it; the folder's part that holds it when it holds several models
  std::string name;             ///< file name or folder name, to show
  bool named_by_store = false;  ///< the name is that of Ollama's store: it says more than the path
  CheckpointKind kind = CheckpointKind::Model;
  std::string component;                         ///< of a component: its name in the pipeline, "text_encoder"
  bool header_only = false;                      ///< from a snapshot: the weights are not there
  std::vector<ModelFile> files;                  ///< sorted by number or name; at least one
  std::vector<std::string> file_paths;           ///< one for each of `files`: where it lies, to show
  std::shared_ptr<const nlohmann::json> config;  ///< config.json (or params.json), an object; null when absent
  std::shared_ptr<const nlohmann::json>
      quantization_config;  ///< quantize_config.json, hf_quant_config.json, ...; may be null
  std::shared_ptr<const nlohmann::json> adapter_config;    ///< adapter_config.json of an adapter; may be null
  std::shared_ptr<const nlohmann::json> tokenizer_config;  ///< tokenizer_config.json; may be null
  bool chat_template_file = false;                         ///< chat_template.jinja or .json is there
  bool sentence_modules = false;                           ///< modules.json of sentence-transformers is there
  std::optional<std::uint64_t> claimed_parameters;         ///< total_parameters of the index: compared, never believed
  std::vector<Finding> findings;                           ///< about the set; each file has its own too
};

/// Whether its files are GGUF; not so without files.
bool is_gguf(const Checkpoint& checkpoint);

/// Whether a part of the set is not there or cannot be read, so that every sum falls short.
bool parts_missing(const Checkpoint& checkpoint);

}  // namespace weigh::core
