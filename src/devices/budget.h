#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/devices/device.h"

namespace weigh {

/// Bytes of ONE device. memory >= limit >= safe.
struct Budget {
  std::uint64_t memory = 0;  ///< all of it
  std::uint64_t limit = 0;   ///< what the driver lets one process use by default
  std::uint64_t safe = 0;    ///< what a careful person plans for
  std::uint64_t raised =
      0;               ///< as far as help reaches within the device's own memory, e.g. a raised limit; else the limit
  std::string reason;  ///< the rule in words: "70 % of 192 GiB (Apple, shared with macOS)"
};

/// The default budget, by the rule of the device's kind and vendor.
Budget budget_of(const Device& device);

enum class Verdict : std::uint8_t { Fits, Tight, Over, No };
std::string_view verdict_name(Verdict verdict);

/// Bytes a run needs, part by part; a part that is not counted is absent.
struct Need {
  std::optional<std::uint64_t> weights;
  std::optional<std::uint64_t> kv_cache;
  std::optional<std::uint64_t> state;
  std::optional<std::uint64_t> compute;
  std::optional<std::uint64_t> overhead;  ///< of the engine and its driver context, on every device it uses
  /// The weights in pieces that cannot be cut (a layer each), in order, for more than one device. Empty: the weights
  /// divide anywhere. Everything else that is counted divides evenly.
  std::vector<std::uint64_t> pieces;

  [[nodiscard]] std::uint64_t total() const;
};

/// One model on one device (or several alike). All bytes are sums over the devices.
struct Fit {
  Device device;
  std::string engine;  ///< "llama.cpp", ...; empty when none is assumed
  Need need;
  std::uint64_t memory_bytes = 0;
  std::uint64_t limit_bytes = 0;
  std::uint64_t budget_bytes = 0;
  Verdict verdict = Verdict::No;
  std::int64_t headroom_bytes = 0;  ///< budget - need
  std::string distance;             ///< "109.68 GiB to spare", "3.04 GiB above the safe budget, ..."
  std::string help;                 ///< what makes it run all the same, or that nothing does; empty below the limit
  std::string reason;               ///< one sentence: distance, help and the rule of the budget
};

/// Compares. `need.overhead` is that of one device; the Fit holds it once for each. Sums saturate instead of
/// overflowing.
Fit judge(const Need& need, const Device& device, std::string_view engine);

/// What an engine and its driver context take on one such device before the first weight (facts: memory.md 6.1). An
/// estimate.
std::uint64_t engine_overhead(const Device& device);

/// A few common devices around the boundary between "fits" and what does not, smallest budget first. Where `need`
/// counts an overhead, each device's own takes its place.
std::vector<Fit> ladder(const Need& need, std::string_view engine, const Catalogue& catalogue);

}  // namespace weigh
