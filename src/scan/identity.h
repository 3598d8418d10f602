#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>

#include "src/scan/row.h"

namespace weigh::core {

/// The identities of models, of which many have the same header: it is hashed once. Safe to be used by several threads.
class Identities {
 public:
  Identities();

  Identity of(const Checkpoint& checkpoint);

 private:
  /// What tells headers apart while the program runs: keyed with numbers that nobody outside can know, so that no two
  /// files can be made to have the same.
  using Fingerprint = std::array<std::uint64_t, 4>;
  [[nodiscard]] Fingerprint fingerprint_of(const ModelFile& file) const;

  Fingerprint keys_{};
  std::mutex mutex_;
  std::map<Fingerprint, Identity> known_;  ///< of a GGUF that of its tensors alone
};

}  // namespace weigh::core
