#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "src/model/model.h"

namespace weigh::core {

/// By the file's format and, of safetensors, by the class that config.json names.
Naming naming_of(const Checkpoint& checkpoint);

/// Nothing for what is not an adapter. Needs the roles.
std::optional<AdapterFacts> adapter_facts(const Checkpoint& checkpoint, std::span<const TensorFacts> facts);

/// Of an mmproj file, by its keys, or of a checkpoint whose config has a vision tower.
std::optional<ProjectorFacts> projector_facts(const Checkpoint& checkpoint);

/// What the model is, where it is not a plain language model: "LoRA adapter", "multimodal projector", "diffusion
/// transformer", "embedding model", ... Empty otherwise. Needs everything else of the model.
std::string kind_of_model(const Model& model);

/// Whether something of that kind is a model that runs by itself. Adapters, projectors, importance matrices, control
/// vectors, speculative heads and bare vocabularies are not: they have no verdict of their own.
bool runs_alone(std::string_view kind);

/// Of those, whether it is loaded beside a model: all but an importance matrix and a bare vocabulary.
bool goes_with_a_model(std::string_view kind);

}  // namespace weigh::core
