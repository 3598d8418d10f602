#pragma once

#include <string>

namespace weigh::core {

/// Where the model lies that a user names: a path that exists as it is, "-" as it is, else by the name that a store of
/// this machine knows it by (docs/formats.md 5.5):
///
///     ORG/NAME[@REVISION][/FILE]          the Hugging Face cache; its folder models--ORG--NAME[@REVISION] as well
///     ollama:NAME[:TAG]                   Ollama's store: a manifest
///     lmstudio:PUBLISHER/MODEL[/FILE]     LM Studio's folder of models
///
/// A reference to a server ("hf://ORG/NAME", docs/sources.md) leads to what a store of this machine has of it as a whole,
/// else it is given in its shortest form.
///
/// Throws IoError when there is none, and says what is near. A name never leads out of its store.
std::string locate_model(const std::string& named);

}  // namespace weigh::core
