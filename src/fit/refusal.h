#pragma once

#include <optional>

#include "src/fit/device_set.h"
#include "src/fit/fit.h"
#include "src/model/model.h"

namespace weigh::core {

/// Whether llama.cpp has a graph for such a model: not for diffusion models, autoencoders and vision encoders, which are
/// stored as GGUF for other programs.
bool llama_cpp_runs(const Model& model);

/// What speaks against a model in an engine on these devices, however much memory there is.
std::optional<FitReason> refusal(const Model& model, Engine engine, const DeviceSet& devices);

/// What is wrong with the files, so that nothing loads them as they are: the first finding of it. Null for whole files.
const Finding* damage(const Model& model);

}  // namespace weigh::core
