#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "src/scan/inventory.h"

namespace weigh::core {

/// What happens while weights are compared; all of it on the thread that compares.
struct DeepCopyEvents {
  std::function<void(std::uint64_t done, std::uint64_t all)> progress;  ///< bytes read, of about `all`
  std::function<void(StoredModel&)> compared;                           ///< the model's row has its weights_id
  std::function<void(const std::string& path, const std::string& message)> failed;
};

/// Reads the weights of all models that may be copies of each other, and writes down what they are: two rows with the
/// same weights_id hold the same bytes. Models that cannot be read stay without. Returns how many.
std::uint64_t compare_weights(std::vector<StoredModel>& models, unsigned threads, const DeepCopyEvents& events);

}  // namespace weigh::core
